"""Disk space kept back: on a full disk even removing a row fails, because SQLite must write to forget."""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

NAME = "ballast"
SIZE = 1 << 20  # bytes: room for the write-ahead log of some hundred removals


class Ballast:
    """A file that is deleted when there is no other way to get room."""

    def __init__(self, state_dir: Path, size: int = SIZE) -> None:
        self._path, self._size = state_dir / NAME, size

    def lay(self) -> bool:
        """Reserve the space unless it is reserved; False if the disk has no room to spare."""
        try:
            if self._path.exists() and self._path.stat().st_size == self._size:
                return True
            free = os.statvfs(self._path.parent)
            if free.f_bavail * free.f_frsize < 4 * self._size:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("ballast not laid path=%s reason=%s", self._path, error.strerror)
            self._path.unlink(missing_ok=True)
            return False
        return True

    def drop(self) -> bool:
        """Give the space back; False if there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        log.error("ballast dropped to make room path=%s", self._path)
        return True
