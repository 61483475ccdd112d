"""The folder of the plant's sockets: one plant at a time."""

import fcntl
import os
import socket
from pathlib import Path

from stationd.sandbox.plant.errors import StartError

PINS, READER, CONTROL, TTY = "plant-pins.sock", "plant-reader.sock", "plant.sock", "meter.tty"
MAX_PATH_BYTES = 107
LOCK = "plant.lock"


class RuntimeDir:
    """Holds the folder's lock while the plant runs."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._bound: set[Path] = set()

    def take(self) -> None:
        """Make the folder if need be and take it.

        Raises:
            StartError: its path is too long, it cannot be written, or another plant has it.
        """
        for name in (PINS, READER, CONTROL):
            if (length := len(os.fsencode(self.path / name))) > MAX_PATH_BYTES:
                raise StartError(
                    f"cannot make socket {self.path / name}: its path is {length} bytes, at most {MAX_PATH_BYTES} "
                    "can be used; give a shorter --runtime-dir"
                )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"cannot use runtime folder {self.path}: another plant is running there") from None
        except OSError as error:
            raise StartError(f"cannot write to runtime folder {self.path}: {error.strerror}") from None

    def listen(self, name: str, kind: socket.SocketKind) -> socket.socket:
        """Return a listening socket of this name; one that a killed plant left is replaced.

        Raises:
            StartError: it cannot be made.
        """
        path = self.path / name
        listener = socket.socket(socket.AF_UNIX, kind)
        try:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen(16)
        except OSError as error:
            listener.close()
            raise StartError(f"cannot make socket {path}: {error.strerror}") from None
        self._bound.add(path)
        return listener

    def give_back(self) -> None:
        """Remove the sockets and let another plant in."""
        for path in self._bound:
            path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
