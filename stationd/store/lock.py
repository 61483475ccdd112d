"""One process only: the lock on the state directory, which the kernel gives back when its holder dies."""

import fcntl
import os
from pathlib import Path

from stationd.domain.errors import StorageError

NAME = "stationd.lock"


class StateLock:
    """Holds the state directory from construction to `release`."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock.

        Raises:
            StorageError: another process has it, or the directory cannot be written.
        """
        path = state_dir / NAME
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"cannot lock {path}: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise StorageError(
                f"cannot use {state_dir}: process {holder} is using it; stop that one, or set another state_dir"
            ) from None
        self._note_pid()

    def _note_pid(self) -> None:
        """Leave our number for the next one's error message; a full disk must not keep the station from starting."""
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return

    def release(self) -> None:
        """Give the directory back. The file stays: removing it would let two processes lock two files."""
        os.close(self._fd)
