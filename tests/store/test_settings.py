"""Settings that were written at run time."""

import sqlite3
from pathlib import Path

import pytest

from stationd.domain import variable_table as table
from stationd.domain.variables import Origin
from stationd.station.ports import SettingsStore as Port
from stationd.station.settings import Settings
from stationd.store.store import Store


async def test_rows_come_back_with_their_writer(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    port: Port = store.settings
    await port.put("A.B", "1", Origin.LOCAL)
    await port.put("A.B[C]", "x", Origin.LOCAL)
    await port.put("a.b", "2", Origin.CSMS)
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.settings.load() == [("a.b", "2", Origin.CSMS), ("A.B[C]", "x", Origin.LOCAL)]
    await store.close()


async def test_a_write_to_the_table_of_settings_is_there_after_a_restart(tmp_path: Path) -> None:
    for number in range(2):
        store = await Store.open(tmp_path)
        settings = Settings(table.rows_for([(1, (1,))]), store=store.settings, seeds={table.HEARTBEAT_INTERVAL: "30"})
        await settings.load()
        assert settings.integer(table.HEARTBEAT_INTERVAL) == (60 if number else 30)
        await settings.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS)
        await store.close()


async def test_a_writer_that_this_release_does_not_know_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await Store.open(tmp_path)
    await store.settings.put("A.B", "1", Origin.LOCAL)
    await store.settings.put("A.C", "1", Origin.LOCAL)
    await store.close()
    file = sqlite3.connect(tmp_path / "stationd.db")
    file.execute("UPDATE settings SET origin = 'oracle' WHERE name = 'A.C'")
    file.commit()
    file.close()
    store = await Store.open(tmp_path)
    assert await store.settings.load() == [("A.B", "1", Origin.LOCAL)]
    assert "name=A.C" in caplog.text
    await store.close()
