"""Replaces a local list until it is killed, and says on standard output which version was acknowledged.

All tokens of a version have its number as their group, and there are as many as its last digit says, ten for 0.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.store.store import Store

MOST = 10


def tokens_of(version: int) -> list[IdToken]:
    return [IdToken(f"T{number}") for number in range(version % MOST or MOST)]


def update_of(version: int) -> ListUpdate:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, group=IdToken(str(version), "Central"))
    if version % 2:
        entries = tuple(ListEntry(token, info) for token in tokens_of(version))
        return ListUpdate(version, UpdateKind.FULL, entries)
    kept = tokens_of(version)
    every = (ListEntry(IdToken(f"T{number}"), info) for number in range(MOST))
    entries = tuple(entry if entry.id_token in kept else ListEntry(entry.id_token, None) for entry in every)
    return ListUpdate(version, UpdateKind.DIFFERENTIAL, entries)


async def main() -> None:
    store = await Store.open(Path(sys.argv[1]))
    for version in itertools.count(store.auth_list.summary.version + 1):
        assert await store.auth_list.apply(update_of(version), most_entries=MOST, most_bytes=10_000)
        print(version, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
