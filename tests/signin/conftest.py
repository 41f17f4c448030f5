"""Real kernels of both lines of ipykernel, and their side of the conversation with a browser.

`kernel`
    A kernel (`kernel_process.KernelProcess`), for each of the two lines; shared by a module's tests.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from kernel_process import KernelProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["python3", "ipykernel6"])
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KernelProcess]:
    with contextlib.closing(KernelProcess(request.param, tmp_path_factory.mktemp("kernel"))) as process:
        yield process
