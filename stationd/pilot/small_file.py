"""Replace a small file so that after a power cut either the old or the new one is there."""

import os


def replace(path: str, content: bytes, *, durable: bool = True) -> None:
    """Put the content in the place of the file. With `durable` it waits for the disk, which may take its time.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    fresh = f"{path}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, content)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(fresh, path)
    if not durable:
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
