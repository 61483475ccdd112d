"""Replace a small file so that after a power cut either the old or the new one is there."""

import contextlib
import errno
import os


def replace(path: str, content: bytes, *, durable: bool = True) -> None:
    """Put the content in the place of the file. With `durable` it waits for the disk, which may take its time.

    Raises:
        OSError: it could not be written; the old file is as it was, and nothing is left beside it.
    """
    fresh = f"{path}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        try:
            _write(handle, content)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):  # what is left beside a good file counts as a write that was cut short
            os.unlink(fresh)
        raise
    if not durable:
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(handle: int, content: bytes) -> None:
    """Write all of it: a disk that becomes full, or a limit, takes a part first and refuses only the next."""
    rest = memoryview(content)
    while rest:
        count = os.write(handle, rest)
        if count <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[count:]
