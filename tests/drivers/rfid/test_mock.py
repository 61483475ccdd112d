"""The driver of the simulated card reader, against a small server of the plant's protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.rfid.mock import Config, Driver
from stationd.domain.errors import ConfigurationError
from stationd.domain.id_token import IdToken


class Reader:
    """The plant's side of plant-reader.sock."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "plant-reader.sock"
        self._writers: list[asyncio.StreamWriter] = []
        self._connected = asyncio.Event()
        self.acks: asyncio.Queue[object] = asyncio.Queue()
        self.ended = 0

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._connected.set()
        while line := await reader.readline():
            self.acks.put_nowait(json.loads(line))
        self.ended += 1
        writer.close()

    async def send(self, *lines: object) -> None:
        await self._connected.wait()
        for line in lines:
            text = line if isinstance(line, bytes) else json.dumps(line).encode()
            self._writers[-1].write(text + b"\n")

    async def drop(self) -> None:
        await self._connected.wait()
        self._connected.clear()
        self._writers[-1].close()

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)
        while self.ended < len(self._writers):
            await asyncio.sleep(0.01)


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Reader]:
    reader = Reader(tmp_path)
    await reader.start()
    yield reader
    await reader.stop()


def card(number: int, token: str = "04A2B3C4D5E680") -> dict[str, object]:
    return {"card": token, "type": "ISO14443", "n": number}


async def test_each_presented_card_is_one_token_and_is_acknowledged_when_taken(plant: Reader) -> None:
    driver = Driver(Config(), runtime_dir=plant.path.parent)
    tokens = driver.tokens()
    await asyncio.gather(first := asyncio.create_task(anext(tokens)), plant.send(card(1), card(2, "0011"), card(3)))
    assert first.result() == IdToken("04A2B3C4D5E680", "ISO14443")
    assert driver.error is None
    assert await plant.acks.get() == {"ack": 1}
    assert plant.acks.empty()
    assert await anext(tokens) == IdToken("0011", "ISO14443")
    assert await plant.acks.get() == {"ack": 2}
    assert await anext(tokens) == IdToken("04A2B3C4D5E680", "ISO14443"), "the same card again is a new presentation"
    await tokens.aclose()


async def test_another_type_of_token_keeps_its_type(plant: Reader) -> None:
    driver = Driver(Config(), runtime_dir=plant.path.parent)
    tokens = driver.tokens()
    first = asyncio.create_task(anext(tokens))
    await plant.send({"card": "DE*ABC*1", "type": "eMAID", "n": 1})
    assert await first == IdToken("DE*ABC*1", "eMAID")
    await tokens.aclose()


async def test_lines_that_are_no_card_are_ignored_and_their_text_is_not_logged(
    plant: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    driver = Driver(Config(), runtime_dir=plant.path.parent)
    tokens = driver.tokens()
    first = asyncio.create_task(anext(tokens))
    secret = "5EC2E7"
    wrong = [b"{", [secret], {"card": secret}, {"card": secret * 9, "n": 1}, {"card": "", "n": 1}, {"n": 1}]
    await plant.send(*wrong, {"card": secret, "type": 7, "n": 1}, card(9, "GOOD"))
    assert (await first).value == "GOOD"
    assert await plant.acks.get() == {"ack": 9}
    assert len([record for record in caplog.records if record.message.startswith("card_ignored")]) == 7
    assert secret not in caplog.text
    await tokens.aclose()


async def test_a_lost_reader_is_told_in_words_and_found_again(plant: Reader, caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(Config(), runtime_dir=plant.path.parent)
    tokens = driver.tokens()
    first = asyncio.create_task(anext(tokens))
    await plant.drop()
    while driver.error is None or "hung up" not in driver.error:
        await asyncio.sleep(0.005)
    await plant.send(card(1))
    await first
    assert driver.error is None
    assert len([record for record in caplog.records if record.message.startswith("reader_lost")]) == 1
    await tokens.aclose()


async def test_a_reader_that_comes_late_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(Config(socket="other.sock"), runtime_dir=tmp_path)
    assert "is not read yet" in str(driver.error)
    tokens = driver.tokens()
    first = asyncio.create_task(anext(tokens))
    while "No such file or directory" not in str(driver.error):
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.3)  # several attempts
    assert caplog.text.count("reader_lost") == 1
    plant = Reader(tmp_path)
    plant.path = tmp_path / "other.sock"
    await plant.start()
    await plant.send(card(1))
    await first
    await tokens.aclose()
    await plant.stop()


async def test_a_line_without_end_does_not_fill_the_memory(plant: Reader) -> None:
    driver = Driver(Config(), runtime_dir=plant.path.parent)
    tokens = driver.tokens()
    first = asyncio.create_task(anext(tokens))
    await plant.send(b"x" * 10_000)
    while "cannot read the card reader" not in str(driver.error):
        await asyncio.sleep(0.005)
    await plant.drop()
    await plant.send(card(1))
    assert (await first).value == "04A2B3C4D5E680"
    await tokens.aclose()


@pytest.mark.parametrize("connected", [True, False])
async def test_closing_ends_the_tokens(tmp_path: Path, connected: bool) -> None:
    plant = Reader(tmp_path)
    if connected:
        await plant.start()
    driver = Driver(Config(), runtime_dir=tmp_path)

    async def read_all() -> list[IdToken]:
        return [token async for token in driver.tokens()]

    reading = asyncio.create_task(read_all())
    while (driver.error is None) is not connected or "not read yet" in str(driver.error):
        await asyncio.sleep(0.005)
    await driver.close()
    assert await reading == []
    assert driver.error == "the card reader was closed"
    if connected:
        await plant.stop()


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="longer than 107 bytes; use a shorter runtime directory"):
        Driver(Config(), runtime_dir=tmp_path / ("x" * 100))
