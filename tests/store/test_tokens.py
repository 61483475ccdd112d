"""The authorization cache."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from stationd.domain.errors import StorageError
from stationd.domain.id_token import AuthorizationStatus, CachedToken, CachePolicy, IdToken, IdTokenInfo
from stationd.station.ports import TokenStore as Port
from stationd.store.store import Store
from stationd.store.tokens import MOST_BODY, TokenStore
from tests.store.samples import NOON

ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
BLOCKED = IdTokenInfo(AuthorizationStatus.BLOCKED)
LRU, LFU, FIFO = CachePolicy


async def put(cache: TokenStore, value: str, info: IdTokenInfo = ACCEPTED, policy: CachePolicy = LRU) -> None:
    await cache.put(IdToken(value), info, NOON, policy)


async def test_a_verdict_comes_back_with_its_group_its_end_and_its_age(store: Store) -> None:
    port: Port = store.tokens
    info = IdTokenInfo(
        AuthorizationStatus.ACCEPTED, NOON + timedelta(hours=1), group=IdToken("FLEET", "Central"), evse_ids=(1, 2)
    )
    await port.put(IdToken("04A1"), info, NOON, LRU)
    assert await port.get(IdToken("04A1")) == CachedToken(info, NOON)
    assert await port.get(IdToken("04A2")) is None


async def test_tokens_are_compared_without_case_but_with_their_type_c01_fr_25(store: Store) -> None:
    await put(store.tokens, "04ab")
    assert await store.tokens.get(IdToken("04AB")) is not None
    assert await store.tokens.get(IdToken("04ab", "KeyCode")) is None


async def test_a_verdict_without_an_end_has_none(store: Store) -> None:
    await put(store.tokens, "04A1")
    entry = await store.tokens.get(IdToken("04A1"))
    assert entry == CachedToken(ACCEPTED, NOON)


async def test_a_verdict_that_expired_on_arrival_removes_the_old_one_c10_fr_13(store: Store) -> None:
    await put(store.tokens, "04A1")
    await put(store.tokens, "04A1", IdTokenInfo(AuthorizationStatus.ACCEPTED, NOON))
    assert await store.tokens.get(IdToken("04A1")) is None


async def test_a_verdict_of_absurd_length_removes_the_old_one_and_is_not_kept(store: Store) -> None:
    await put(store.tokens, "04A1")
    await put(store.tokens, "04A1", IdTokenInfo(AuthorizationStatus.ACCEPTED, evse_ids=tuple(range(MOST_BODY))))
    assert await store.tokens.get(IdToken("04A1")) is None


async def test_a_new_verdict_replaces_the_old_one_and_survives_a_restart_c10_fr_02(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await put(store.tokens, "04A1")
    await put(store.tokens, "04a1", BLOCKED)
    size = store.tokens.size_bytes
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.tokens.get(IdToken("04A1")) == CachedToken(BLOCKED, NOON)
    assert store.tokens.size_bytes == size > 0
    await store.close()


async def present(cache: TokenStore) -> str:
    return "".join([value for value in "ABCDEFGH" if await cache.get(IdToken(value)) is not None])


async def small(store: Store, *values: str) -> TokenStore:
    """A cache for three entries."""
    cache = TokenStore(store._database, most_entries=3)
    await cache.load()
    for value in values:
        await put(cache, value)
    return cache


@pytest.mark.parametrize("policy", CachePolicy)
async def test_a_full_cache_drops_what_was_not_accepted_first_c10_fr_07(store: Store, policy: CachePolicy) -> None:
    cache = await small(store, "A")
    await put(cache, "B", BLOCKED)
    await put(cache, "C")
    for _ in range(3):
        cache.used(IdToken("B"))
    await put(cache, "D", BLOCKED, policy)
    assert await present(cache) == "ACD", "the new one is let in all the same"


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (LRU, "ACD"),  # B was not used for longest
        (LFU, "ABD"),  # C was used once, B twice, A three times
        (FIFO, "BCD"),  # A came first
    ],
)
async def test_then_what_the_policy_says(store: Store, policy: CachePolicy, left: str) -> None:
    cache = await small(store, "A", "B", "B", "A", "C")
    cache.used(IdToken("A"))
    await put(cache, "D", policy=policy)
    assert await present(cache) == left


async def test_an_update_is_a_use_and_keeps_the_place_of_the_first_arrival(store: Store) -> None:
    cache = await small(store, "A", "B", "C", "A")
    await put(cache, "D", policy=LRU)
    assert await present(cache) == "ACD"
    cache = await small(store, "A")
    await put(cache, "E", policy=FIFO)
    assert await present(cache) == "CDE"


async def test_uses_are_stored_with_the_next_verdict(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    for value in "AB":
        await put(store.tokens, value)
    store.tokens.used(IdToken("A"))
    await put(store.tokens, "C")
    await store.close()
    file = sqlite3.connect(tmp_path / "stationd.db")
    rows = file.execute("SELECT value, uses FROM tokens ORDER BY used").fetchall()
    file.close()
    assert rows == [("b", 1), ("a", 2), ("c", 1)]
    store = await Store.open(tmp_path)
    cache = await small(store)
    await put(cache, "D")
    assert await present(cache) == "ACD", "the order outlives the restart"
    await store.close()


async def test_no_more_uses_wait_than_there_can_be_entries(store: Store) -> None:
    cache = await small(store, "A", "B")
    cache.used(IdToken("A"))
    for _ in range(3):
        cache.used(IdToken("B"))
    await put(cache, "C")
    rows = await store._database.read(lambda file: file.execute("SELECT value, uses FROM tokens").fetchall())
    assert sorted(rows) == [("a", 1), ("b", 4), ("c", 1)]


async def test_clearing_forgets_everything_c11_fr_01(store: Store) -> None:
    await put(store.tokens, "04A1")
    await store.tokens.clear()
    assert await store.tokens.get(IdToken("04A1")) is None
    assert store.tokens.size_bytes == 0


async def test_a_token_that_the_file_cannot_hold_is_our_error(store: Store) -> None:
    with pytest.raises(StorageError, match="cannot store a value"):
        await put(store.tokens, "\ud800")
    await put(store.tokens, "04A1")
    assert await store.tokens.get(IdToken("04A1")) is not None


@pytest.mark.parametrize("change", ["body = 'nonsense'", "learned_at = 'yesterday'"])
async def test_an_entry_that_cannot_be_read_is_unknown(tmp_path: Path, change: str) -> None:
    store = await Store.open(tmp_path)
    await put(store.tokens, "04A1")
    await store.close()
    with sqlite3.connect(tmp_path / "stationd.db") as file:
        file.execute(f"UPDATE tokens SET {change}")
    file.close()
    store = await Store.open(tmp_path)
    assert await store.tokens.get(IdToken("04A1")) is None
    await store.close()
