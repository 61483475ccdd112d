"""Bring a database file to today's schema: numbered SQL files, each applied in one transaction."""

from collections.abc import Mapping
from pathlib import Path

from stationd.domain.errors import StorageError
from stationd.store.db import Connection, copy_to

SHIPPED = Path(__file__).parent / "migrations"


def scripts(folder: Path = SHIPPED) -> Mapping[int, str]:
    """Return the SQL of every migration by its number (`0001_initial.sql` is 1)."""
    return {int(path.name.split("_")[0]): path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}


def migrate(connection: Connection, path: Path, migrations: Mapping[int, str]) -> str | None:
    """Apply what is missing; an older file is copied first. Return a sentence if it was an older file.

    Raises:
        StorageError: the file was written by a newer release.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    newest = max(migrations)
    if found > newest:
        raise StorageError(
            f"cannot use {path}: a newer stationd wrote it (schema {found}, this one knows {newest}); "
            f"install that release again, or put back the copy it made, {backup_path(path, found).name}"
        )
    if found == newest:
        return None
    backup = backup_path(path, newest)
    if found:
        copy_to(connection, backup)
    for number in range(found + 1, newest + 1):
        _apply(connection, number, migrations[number])
    return f"{path} was brought from schema {found} to {newest}; a copy of the old one is {backup}" if found else None


def backup_path(path: Path, schema: int) -> Path:
    """Return where the copy is that is made before migrating to `schema`."""
    return path.with_name(f"{path.name}.before-schema-{schema}")


def _apply(connection: Connection, number: int, sql: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
    finally:
        if connection.in_transaction:
            connection.rollback()
