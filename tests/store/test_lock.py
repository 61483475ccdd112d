"""One process only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.store.lock import StateLock


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = StateLock(tmp_path)
    with pytest.raises(StorageError, match=rf"cannot use .*: process {os.getpid()} is using it; stop that one"):
        StateLock(tmp_path)
    first.release()
    StateLock(tmp_path).release()


def test_a_dead_holder_does_not_keep_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stationd.store.lock import StateLock\n"
        "StateLock(Path(sys.argv[1])); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StorageError, match=f"process {holder.pid} is using it"):
            StateLock(tmp_path)
        holder.kill()
        holder.wait()
        StateLock(tmp_path).release()


def test_a_directory_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot lock .*stationd.lock: No such file or directory"):
        StateLock(tmp_path / "none")
