"""What every part of the suite shares."""

import os

import pytest


@pytest.fixture
def root() -> None:
    """Fail, with the reason, where a test must become other users or give files away."""
    if os.getuid() != 0:
        pytest.fail("this test needs root: run `sudo make test`, or run it in a container")
