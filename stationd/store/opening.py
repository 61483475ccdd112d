"""Open the database file whatever state it is in: new, old, damaged. Runs in the store's thread."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from stationd.domain.errors import StorageError
from stationd.store.db import Connection, DamagedError, connect
from stationd.store.migrate import migrate

KEPT_DAMAGED = 3  # copies; a disk that breaks each file must not fill up with them
_COMPANIONS = ("", "-wal", "-shm")


def open_file(path: Path, migrations: Mapping[int, str]) -> tuple[Connection, list[str]]:
    """Return a connection to a sound file of today's schema, and a sentence about each thing a person should know.

    Raises:
        StorageError: there is no way to have one (no right to write, a newer schema, a full disk).
    """
    try:
        return _open_sound(path, migrations)
    except DamagedError as error:
        kept = _set_aside(path)
        connection, notices = _open_sound(path, migrations)
        return connection, [f"the database was damaged ({error}): kept as {kept} and begun anew", *notices]


def _open_sound(path: Path, migrations: Mapping[int, str]) -> tuple[Connection, list[str]]:
    connection = connect(path)
    try:
        notice = migrate(connection, path, migrations)
    except BaseException:
        connection.close()
        raise
    return connection, [notice] if notice else []


def _set_aside(path: Path) -> Path:
    """Rename the file with its write-ahead log, so that the pair can still be opened by hand."""
    kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    try:
        for companion in _COMPANIONS:
            source = path.with_name(path.name + companion)
            if source.exists():
                source.rename(kept.with_name(kept.name + companion))
        names = sorted(each.name for each in path.parent.glob(f"{path.name}.damaged-*Z"))
        for name in names[:-KEPT_DAMAGED]:
            for companion in _COMPANIONS:
                path.with_name(name + companion).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot set the damaged {path} aside: {error.strerror}") from None
    return kept
