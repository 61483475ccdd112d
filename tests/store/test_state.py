"""Small durable facts."""

from pathlib import Path

from stationd.station.ports import StateStore as Port
from stationd.store.store import Store


async def test_facts_survive_a_restart_and_can_be_removed(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    port: Port = store.state
    assert await port.get("boot_reason") is None
    await port.put("boot_reason", "RemoteReset")
    await port.put("boot_reason", "LocalReset")
    await port.put("wall_time", "2026-01-01T12:00:00Z")
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.state.get("boot_reason") == "LocalReset"
    await store.state.put("boot_reason", None)
    assert await store.state.get("boot_reason") is None
    assert await store.state.get("wall_time") == "2026-01-01T12:00:00Z"
    await store.close()


async def test_a_fact_that_is_stored_already_costs_no_write(store: Store, tmp_path: Path) -> None:
    await store.state.put("a", "1")
    log = tmp_path / "state" / "stationd.db-wal"
    size = log.stat().st_size
    for _ in range(20):
        await store.state.put("a", "1")
    assert log.stat().st_size == size
    await store.state.put("a", "2")
    assert log.stat().st_size > size
