"""The transport of the local API, over real unix sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stationd.api.client import ApiError, Client, UnreachableError
from stationd.api.server import FORBIDDEN, INVALID_PARAMS, METHOD_NOT_FOUND, Access, Method, Refused, Server
from stationd.domain.errors import StationError


async def _add(first: float, second: float = 1.0) -> float:
    return first + second


async def _refuse() -> None:
    raise Refused("not now: a transaction runs")


async def _break() -> None:
    raise ZeroDivisionError("secret detail")


async def _count() -> AsyncIterator[int]:
    for number in range(1000):
        yield number
        await asyncio.sleep(0)


METHODS = {
    "add": Method(Access.READ, _add, parameters={"first": float, "second": float}, optional=frozenset({"second"})),
    "refuse": Method(Access.CHANGE, _refuse),
    "break": Method(Access.READ, _break),
    "count": Method(Access.READ, stream=_count),
}


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    server = Server(tmp_path / "api.sock", METHODS)
    await server.start()
    yield tmp_path / "api.sock"
    await server.close()
    assert not (tmp_path / "api.sock").exists()


async def _call(path: Path, method: str, **params: Any) -> Any:
    def ask() -> Any:
        with Client(path, timeout_s=5) as client:
            return client.call(method, **params)

    return await asyncio.to_thread(ask)


async def _raw(path: Path, text: bytes) -> list[Any]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(text)
    writer.write_eof()
    answers = [json.loads(line) for line in (await reader.read()).splitlines()]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_call_is_answered_with_its_result(path: Path) -> None:
    assert await _call(path, "add", first=2, second=3.5) == 5.5
    assert await _call(path, "add", first=2) == 3.0


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "add needs first"),
        ({"first": "x"}, "add: first must be a number, not 'x'"),
        ({"first": True}, "add: first must be a number, not 'True'"),
        ({"first": 1, "third": 2}, "add has no parameter 'third'; it takes: first, second"),
    ],
)
async def test_a_wrong_parameter_is_named_with_its_value(path: Path, params: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError, match=f"^{text}$") as caught:
        await _call(path, "add", **params)
    assert caught.value.code == INVALID_PARAMS


async def test_an_unknown_method_lists_the_known_ones(path: Path) -> None:
    with pytest.raises(ApiError, match="unknown method 'nonsense'; known: add, break, count, refuse") as caught:
        await _call(path, "nonsense")
    assert caught.value.code == METHOD_NOT_FOUND


async def test_a_refusal_is_told_in_its_own_words(path: Path) -> None:
    with pytest.raises(ApiError, match="not now: a transaction runs"):
        await _call(path, "refuse")


async def test_a_defect_is_logged_and_tells_the_caller_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ApiError, match=r"^internal error; see the log$"):
        await _call(path, "break")
    assert "ZeroDivisionError" in caplog.text
    assert await _call(path, "add", first=1) == 2.0


@pytest.mark.parametrize("line", [b"nonsense", b"[1,2]", b'{"id":1}', b"[" * 50_000, b'{"method":7}'])
async def test_a_line_that_is_no_request_costs_nothing_but_an_error(path: Path, line: bytes) -> None:
    (answer,) = await _raw(path, line + b"\n")
    assert answer["error"]["code"] in (-32700, -32600)
    assert await _call(path, "add", first=1) == 2.0


async def test_a_line_over_the_limit_ends_its_connection_only(path: Path) -> None:
    (answer,) = await _raw(path, b"x" * 70_000)
    assert "65536" in answer["error"]["message"]
    assert await _call(path, "add", first=1) == 2.0


async def test_several_requests_on_one_connection_are_answered_in_order(path: Path) -> None:
    lines = [{"jsonrpc": "2.0", "id": n, "method": "add", "params": {"first": n}} for n in range(3)]
    answers = await _raw(path, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert [(a["id"], a["result"]) for a in answers] == [(0, 1.0), (1, 2.0), (2, 3.0)]


async def test_a_stream_ends_with_its_caller_and_leaves_the_server_well(path: Path) -> None:
    def take() -> list[int]:
        with Client(path, timeout_s=5) as client:
            stream = client.stream("count")
            return [next(stream) for _ in range(5)]

    assert await asyncio.to_thread(take) == [0, 1, 2, 3, 4]
    assert await _call(path, "add", first=1) == 2.0


async def _fail() -> AsyncIterator[int]:
    yield 1
    raise Refused("the well is dry")


async def test_a_stream_that_fails_tells_why(tmp_path: Path) -> None:
    server = Server(tmp_path / "s.sock", {"fail": Method(Access.READ, stream=_fail)})
    await server.start()

    def take() -> list[int]:
        with Client(tmp_path / "s.sock", timeout_s=5) as client:
            return list(client.stream("fail"))

    with pytest.raises(ApiError, match="the well is dry"):
        await asyncio.to_thread(take)
    await server.close()


async def test_a_server_that_closes_ends_its_streams_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def wait() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    server = Server(tmp_path / "api.sock", {"wait": Method(Access.READ, stream=wait)})
    await server.start()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "api.sock")
    writer.write(b'{"jsonrpc": "2.0", "id": 1, "method": "wait"}\n')
    assert b"streaming" in await reader.readline()
    assert json.loads(await reader.readline())["params"] == 1
    await server.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert caplog.text == ""


async def test_a_caller_that_reads_nothing_does_not_keep_the_server_from_closing(tmp_path: Path) -> None:
    async def pour() -> AsyncIterator[str]:
        while True:
            yield "x" * 100_000

    server = Server(tmp_path / "api.sock", {"pour": Method(Access.READ, stream=pour)})
    await server.start()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(tmp_path / "api.sock"))
        caller.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "pour"}\n')
        await asyncio.sleep(0.1)  # until every buffer is full
        async with asyncio.timeout(5):
            await server.close()


async def test_connections_over_the_limit_are_told_so(path: Path) -> None:
    held = [await asyncio.open_unix_connection(path) for _ in range(32)]
    await _settle()
    try:
        with pytest.raises(ApiError, match="too many connections"):
            await _call(path, "add", first=1)
    finally:
        for _, writer in held:
            writer.close()
            await writer.wait_closed()


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


async def test_a_change_is_refused_to_others_than_administrators(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    monkeypatch.setattr("stationd.api.server._caller", lambda _: _Nobody())
    with pytest.raises(ApiError, match="for administrators") as caught:
        await _call(path, "refuse")
    assert caught.value.code == FORBIDDEN
    assert await _call(path, "add", first=1) == 2.0


class _Nobody:
    pid, uid, gid = 1, 65534, 65534


async def test_a_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    stale = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(stale))
    first = Server(stale, METHODS)
    await first.start()
    try:
        with pytest.raises(StationError, match="another process answers on it"):
            await Server(stale, METHODS).start()
        assert await _call(stale, "add", first=1) == 2.0
    finally:
        await first.close()


async def test_a_path_too_long_for_a_socket_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="choose a shorter runtime_dir"):
        await Server(tmp_path / ("x" * 120), METHODS).start()


def test_a_missing_socket_asks_whether_the_daemon_runs(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"there is no such socket\. Is stationd running\?"):
        Client(tmp_path / "none.sock")
