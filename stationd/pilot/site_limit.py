"""The installer's limit: one file, owned by root, that neither brain nor CSMS can write."""

import os
import stat
import tomllib

KEY = "site_max_a"
MIN_A, MAX_A = 6.0, 80.0


class SiteLimitError(Exception):
    """There is no limit to go by, so nothing may be closed; the text says what to write where."""


def read(path: str) -> float:
    """Return the installer's limit in amperes per phase.

    Raises:
        SiteLimitError: the file is missing, writable by others, or says no limit of 6 to 80 A.
    """
    try:
        with open(path, "rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            document = tomllib.load(file)
    except OSError as error:
        raise SiteLimitError(
            f"cannot read the installer's limit {path}: {error.strerror}; write a line such as {KEY} = 16.0 there"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteLimitError(f"cannot read the installer's limit {path}: not TOML: {error}") from None
    for key in document:
        if key != KEY:
            raise SiteLimitError(
                f"cannot use the installer's limit {path}: {key} is an unknown key; only {KEY} is read"
            )
    value = document.get(KEY)
    if value is None:
        raise SiteLimitError(f"cannot use the installer's limit {path}: {KEY} is unset; write {KEY} = 16.0 for 16 A")
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_A <= value <= MAX_A:
        raise SiteLimitError(
            f"cannot use the installer's limit {path}: {KEY} = {value!r} must be {MIN_A:g} to {MAX_A:g} A"
        )
    return float(value)


def _check_owner(path: str, found: os.stat_result) -> None:
    """Refuse a file that another user than root or this process's own can change."""
    own_gid = found.st_gid in (0, os.getgid())
    if found.st_uid not in (0, os.getuid()) or found.st_mode & stat.S_IWOTH:
        loose = True
    else:
        loose = bool(found.st_mode & stat.S_IWGRP) and not own_gid
    if loose:
        raise SiteLimitError(
            f"cannot trust the installer's limit {path}: users besides root can write it; chown root and chmod 644 it"
        )
