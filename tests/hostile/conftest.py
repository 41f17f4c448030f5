"""A provider that misbehaves, and what a test of it tells the security report.

`hostile`
    The provider (`providers.hostile_provider.HostileProvider`), shared by the run.
`polled`
    The answers to the question whether the person is done with a device, as they come in.
`disk`
    A small file system of its own (`small_disk.SmallDisk`), to be filled. Skipped for who is not root.
`told(case, way, expected, seen)`
    Notes it for `make security-report`, and holds what was seen against what was expected.
"""

from __future__ import annotations

import queue

import pytest

from oidc_widget.oauth.device_authorization import DeviceAuthorization
from providers.hostile_provider import HostileProvider
from small_disk import SmallDisk


@pytest.fixture(scope="session")
def hostile():
    with HostileProvider() as provider:
        yield provider


@pytest.fixture
def disk(tmp_path):
    if SmallDisk.unavailable:
        pytest.skip(SmallDisk.unavailable)
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def told(record_property):
    def tell(case, way, expected, seen):
        for name, value in (
            ("case", f"{way}: {case['name']}"),
            ("does", case["does"]),
            ("expected", expected),
            ("seen", seen),
        ):
            record_property(name, value)
        assert seen == expected, case["does"]

    return tell


@pytest.fixture
def polled(monkeypatch):
    """Hear of each question whether the person is done, and of its answer."""
    answers, poll = queue.Queue(), DeviceAuthorization.poll

    def noted(self):
        answer = poll(self)
        answers.put(answer)
        return answer

    monkeypatch.setattr(DeviceAuthorization, "poll", noted)
    return answers
