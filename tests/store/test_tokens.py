"""The authorization cache."""

from datetime import timedelta
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo
from stationd.station.ports import TokenStore as Port
from stationd.store.store import Store
from stationd.store.tokens import TokenStore
from tests.store.samples import NOON

ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
BLOCKED = IdTokenInfo(AuthorizationStatus.BLOCKED)


async def test_a_verdict_comes_back_with_its_group_and_its_end(store: Store) -> None:
    port: Port = store.tokens
    info = IdTokenInfo(
        AuthorizationStatus.ACCEPTED, NOON + timedelta(hours=1), group=IdToken("FLEET", "Central"), evse_ids=(1, 2)
    )
    await port.put(IdToken("04A1"), info, NOON)
    assert await port.get(IdToken("04A1")) == info
    assert await port.get(IdToken("04A2")) is None


async def test_tokens_are_compared_without_case_but_with_their_type(store: Store) -> None:
    await store.tokens.put(IdToken("04ab"), ACCEPTED, NOON)
    assert await store.tokens.get(IdToken("04AB")) is not None
    assert await store.tokens.get(IdToken("04ab", "KeyCode")) is None


async def test_a_verdict_without_an_end_lives_for_the_life_time_then_in_force(store: Store) -> None:
    life_time_s = 60
    store.token_life_time_s = lambda: life_time_s
    await store.tokens.put(IdToken("04A1"), ACCEPTED, NOON)
    life_time_s = 3600
    await store.tokens.put(IdToken("04A2"), ACCEPTED, NOON)
    ends = [await store.tokens.get(IdToken(value)) for value in ("04A1", "04A2")]
    assert [info and info.expires_at for info in ends] == [NOON + timedelta(minutes=1), NOON + timedelta(hours=1)]


async def test_a_verdict_that_expired_on_arrival_removes_the_old_one(store: Store) -> None:
    await store.tokens.put(IdToken("04A1"), ACCEPTED, NOON)
    await store.tokens.put(IdToken("04A1"), IdTokenInfo(AuthorizationStatus.ACCEPTED, NOON), NOON)
    assert await store.tokens.get(IdToken("04A1")) is None


async def test_a_new_verdict_replaces_the_old_one_and_survives_a_restart(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.tokens.put(IdToken("04A1"), ACCEPTED, NOON)
    await store.tokens.put(IdToken("04a1"), BLOCKED, NOON)
    await store.close()
    store = await Store.open(tmp_path)
    info = await store.tokens.get(IdToken("04A1"))
    assert info is not None
    assert info.status is AuthorizationStatus.BLOCKED
    await store.close()


async def test_a_full_cache_drops_what_was_not_accepted_then_the_oldest(store: Store) -> None:
    cache = TokenStore(store._database, life_time_s=lambda: 60, most_entries=3)
    for value, info in (("A", ACCEPTED), ("B", BLOCKED), ("C", ACCEPTED)):
        await cache.put(IdToken(value), info, NOON)
    await cache.put(IdToken("A"), ACCEPTED, NOON)

    async def present() -> str:
        return "".join([value for value in "ABCDEF" if await cache.get(IdToken(value)) is not None])

    await cache.put(IdToken("D"), BLOCKED, NOON)
    assert await present() == "ACD", "B was not accepted; the new one is let in all the same"
    await cache.put(IdToken("E"), ACCEPTED, NOON)
    assert await present() == "ACE"
    await cache.put(IdToken("F"), ACCEPTED, NOON)
    assert await present() == "AEF", "A was refreshed, so C is the oldest"


async def test_clearing_forgets_everything(store: Store) -> None:
    await store.tokens.put(IdToken("04A1"), ACCEPTED, NOON)
    await store.tokens.clear()
    assert await store.tokens.get(IdToken("04A1")) is None


async def test_a_token_that_the_file_cannot_hold_is_our_error(store: Store) -> None:
    with pytest.raises(StorageError, match="cannot store a value"):
        await store.tokens.put(IdToken("\ud800"), ACCEPTED, NOON)
    await store.tokens.put(IdToken("04A1"), ACCEPTED, NOON)
    assert await store.tokens.get(IdToken("04A1")) is not None
