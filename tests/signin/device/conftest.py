"""Sign-ins without a browser of one's own, at the certified provider."""

from __future__ import annotations

import pytest


@pytest.fixture
def provider(provider):
    # The provider names no interval, and five seconds between two questions are long in a test.
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    return provider
