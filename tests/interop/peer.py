"""Drives the independent CSMS (csms.js on the npm package ocpp-rpc, strict mode) from a test."""

import base64
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent
TIMEOUT_S = 20.0
_UNREADABLE_ID = "-1"
_HEAD = re.compile(r'\s*\[\s*-?\d+\s*,\s*"([^"]*)"')


class PeerError(Exception):
    """The station refused a call (CALLERROR), or did not answer it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Peer:
    """One independent CSMS process. `events` holds everything that it told, in order."""

    def __init__(self, versions: tuple[str, ...], *, password: str | None = None, port: int = 0) -> None:
        """`versions`: the preferred one first."""
        node = shutil.which("node")
        assert node is not None, "node is missing: run `make test`, which installs it"
        assert (HERE / "node_modules/ocpp-rpc").exists(), "ocpp-rpc is missing: run tests/interop/setup.sh"
        protocols = ",".join(f"ocpp{version}" for version in versions)
        self._process = subprocess.Popen(
            [node, str(HERE / "csms.js"), protocols, password or "", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self._replies: dict[int, dict[str, Any]] = {}
        self.lock = threading.Condition()
        self._next_id = 1
        self._raw_ids = {_UNREADABLE_ID}
        self._forgiven: set[str] = set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(self.wait(lambda e: e["event"] == "ready")["port"])
        self.identity = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._process.stdout.close()

    @property
    def url(self) -> str:
        """Where stations connect."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def mark(self) -> int:
        """Return the present position in `events`, for `wait(..., since=)`."""
        with self.lock:
            return len(self.events)

    def wait(
        self, matches: Callable[[dict[str, Any]], bool], *, since: int = 0, timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """Return the first event from position `since` on that matches."""
        deadline = time.monotonic() + timeout_s
        with self.lock:
            while True:
                for event in self.events[since:]:
                    if matches(event):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    told = [(e["event"], e.get("method", "")) for e in self.events[since:] if e["event"] != "frame"]
                    raise AssertionError(f"no such event within {timeout_s} s; told since: {told[-30:]}")
                self.lock.wait(left)

    def wait_call(self, method: str, *, since: int = 0, timeout_s: float = TIMEOUT_S, **fields: Any) -> dict[str, Any]:
        """Return the parameters of the first call of this action whose fields match."""

        def matches(event: dict[str, Any]) -> bool:
            return (
                event["event"] == "call"
                and event["method"] == method
                and all(event["params"].get(name) == value for name, value in fields.items())
            )

        params: dict[str, Any] = self.wait(matches, since=since, timeout_s=timeout_s)["params"]
        return params

    def calls(self, method: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the parameters of all calls of this action so far."""
        return [event["params"] for event in self.seen("call", since=since) if event["method"] == method]

    def seen(self, name: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the events of one name so far."""
        with self.lock:
            return [event for event in self.events[since:] if event["event"] == name]

    def frames(self, *, since: int = 0) -> list[tuple[bool, str]]:
        """Return (sent by the CSMS, text) of every frame so far."""
        return [(event["outbound"], event["text"]) for event in self.seen("frame", since=since)]

    def wait_answer(self, message_id: str, *, since: int = 0, timeout_s: float = TIMEOUT_S) -> list[Any]:
        """Return the station's answer to the CALL with this id, as it was sent."""

        def matches(event: dict[str, Any]) -> bool:
            if event["event"] != "frame" or event["outbound"]:
                return False
            frame = json.loads(event["text"])
            return bool(frame[0] in (3, 4) and frame[1] == message_id)

        answer: list[Any] = json.loads(self.wait(matches, since=since, timeout_s=timeout_s)["text"])
        return answer

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request to the station and return its response.

        Raises:
            PeerError: it answered with CALLERROR or not at all.
        """
        reply = self._operate("call", method=method, params=params)
        if "error" in reply:
            raise PeerError(reply["error"]["code"], reply["error"]["message"])
        result: dict[str, Any] = reply["result"]
        return result

    def raw(self, text: str) -> None:
        """Send any text as a frame."""
        if (head := _HEAD.match(text[:200])) is not None:
            self._raw_ids.add(head[1])
        self._operate("raw", text=text)

    def raw_binary(self, data: bytes) -> None:
        """Send a binary frame."""
        self._operate("raw", base64=base64.b64encode(data).decode())

    def close_connection(self, *, force: bool = False) -> None:
        """Close the station's connection; `force`: cut it without a word."""
        self._operate("close", force=force)

    def policy(self, **changes: Any) -> None:
        """Change what csms.js lists under `policy`."""
        self._operate("policy", **changes)

    def violations(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Return every schema violation, of either side, and every bad message that the strict CSMS saw.

        Answers to frames that a test sent by `raw` are none: ocpp-rpc does not know that it asked.
        """
        with self.lock:
            events = self.events[since:]
        return [e for e in events if e["event"] == "violation" or (e["event"] == "bad" and not self._asked_for(e))]

    def forgive(self, text: str) -> None:
        """Take bad messages with this text for right from now on: ocpp-rpc does not know all of 2.1."""
        self._forgiven.add(text)

    def _asked_for(self, bad: dict[str, Any]) -> bool:
        if bad["text"] in self._forgiven:
            return True
        head = _HEAD.match(bad["frame"][:200])
        return head is not None and head[1] in self._raw_ids and "unrecognised message ID" in bad["text"]

    def _operate(self, operation: str, **fields: Any) -> dict[str, Any]:
        request_id = self._next_id
        self._next_id += 1
        assert self._process.stdin is not None
        message = {"id": request_id, "op": operation, "identity": self.identity, **fields}
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + 30
        with self.lock:
            while request_id not in self._replies:
                assert self.lock.wait(max(0.0, deadline - time.monotonic())), f"no reply to {operation}"
            reply = self._replies.pop(request_id)
        if reply.get("error", {}).get("code") == "Driver":
            raise AssertionError(reply["error"]["message"])
        return reply

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            with self.lock:
                if "reply" in message:
                    self._replies[message["reply"]] = message
                else:
                    if message["event"] == "connected":
                        self.identity = message["identity"]
                    self.events.append(message)
                self.lock.notify_all()
