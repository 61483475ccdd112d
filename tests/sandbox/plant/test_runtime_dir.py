"""The folder of the sockets."""

import socket

import pytest

from stationd.sandbox.plant.errors import StartError
from stationd.sandbox.plant.runtime_dir import CONTROL, RuntimeDir
from tests.sandbox.plant.bench import short_folder


def test_socket_that_a_killed_plant_left_is_replaced() -> None:
    with short_folder() as root:
        folder = RuntimeDir(root / "new")
        folder.take()
        left = folder.listen(CONTROL, socket.SOCK_STREAM)
        left.close()
        folder.listen(CONTROL, socket.SOCK_STREAM).close()
        folder.give_back()
        assert not (root / "new" / CONTROL).exists()


def test_one_plant_at_a_time() -> None:
    with short_folder() as root:
        first, second = RuntimeDir(root), RuntimeDir(root)
        first.take()
        with pytest.raises(StartError, match="another plant is running there"):
            second.take()
        second.give_back()
        first.give_back()
        second.take()
        second.give_back()


def test_path_that_no_socket_can_have_is_refused_with_its_length() -> None:
    with short_folder() as root, pytest.raises(StartError, match=r"its path is \d+ bytes, at most 107 can be used"):
        RuntimeDir(root / ("x" * 100)).take()
