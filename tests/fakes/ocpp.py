"""A minimal OCPP version, a clock that runs, and a CSMS on a real WebSocket that does what the test says."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from stationd.domain import variable_table as table
from stationd.domain.answers import Acknowledged, Answer, BootAnswer, HeartbeatAnswer, TransactionAnswer
from stationd.domain.events import (
    AuthorizationRequested,
    ConnectorStatusChanged,
    HeartbeatDue,
    MeterValuesTaken,
    StationBooted,
    TransactionEvent,
    TransactionEventType,
)
from stationd.domain.id_token import AuthorizationStatus, IdTokenInfo
from stationd.domain.states import ChargingState, RegistrationStatus, TriggerReason
from stationd.ocpp.version import (
    CallRefusedError,
    Context,
    Json,
    Outgoing,
    RpcError,
    SchemaViolation,
    Validator,
    Version,
)
from stationd.station.settings import Settings


class RunningClock:
    """Implements `station.ports.Clock` with the real time."""

    def __init__(self) -> None:
        self.learned: list[datetime] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def csms_time(self, at: datetime) -> None:
        self.learned.append(at)


def test_settings(**values: object) -> Settings:
    """Settings with quick defaults; names are the constants of the table of variables."""
    quick: dict[str, object] = {
        "RETRY_BACK_OFF_WAIT_MINIMUM": 0,
        "RETRY_BACK_OFF_RANDOM_RANGE": 0,
        "MESSAGE_ATTEMPT_INTERVAL": 0,
        "PROFILE_SWITCH_DELAY": 0,
    }
    seeds = {getattr(table, name): str(value) for name, value in {**quick, **values}.items()}
    return Settings(table.ALL, seeds=seeds)


test_settings.__test__ = False  # type: ignore[attr-defined]


def transaction_event(seq_no: int = 0, **changes: Any) -> TransactionEvent:
    event = TransactionEvent(
        event_type=TransactionEventType.UPDATED,
        transaction_id="t1",
        seq_no=seq_no,
        timestamp=datetime(2026, 1, 1, 12, tzinfo=UTC),
        trigger=TriggerReason.METER_VALUE_PERIODIC,
        evse_id=1,
        connector_id=1,
        charging_state=ChargingState.CHARGING,
        meter_wh=0.0,
    )
    return replace(event, **changes)


# --- the version ------------------------------------------------------------------------------------------------------

ACTIONS = frozenset({"BootNotification", "Heartbeat", "StatusNotification", "TransactionEvent", "Authorize", "Reset",
                     "NotifyEvent", "MeterValues", "Echo", "Slow", "Crash", "Refuse", "Trigger", "Start",
                     "Unrouted"})  # fmt: skip


def _validator(action: str) -> Validator | None:
    return _check if action in ACTIONS else None


def _check(payload: Any) -> None:
    """The one rule: an object without the key `bad`."""
    if not isinstance(payload, dict):
        raise SchemaViolation(RpcError.TYPE_CONSTRAINT_VIOLATION, "", "is no object")
    if "bad" in payload:
        raise SchemaViolation(RpcError.FORMAT_VIOLATION, "", "has a property that does not belong there")


def _boot(context: Context, event: StationBooted) -> Outgoing:
    def read(payload: Json) -> Answer:
        at = datetime.fromisoformat(payload["currentTime"]) if "currentTime" in payload else None
        return BootAnswer(RegistrationStatus(payload["status"]), at, payload.get("interval", 0))

    return Outgoing("BootNotification", {"reason": event.reason}, read)


def _status(context: Context, event: ConnectorStatusChanged) -> Outgoing:
    one = event.snapshot
    payload: Json = {
        "evse": one.evse_id,
        "status": one.status,
        "operative": one.operative,
        "timestamp": one.changed_at.isoformat(),
    }
    return Outgoing("StatusNotification", payload, lambda _: Acknowledged())


def _transaction(context: Context, event: TransactionEvent) -> Outgoing | None:
    if event.trigger is TriggerReason.TX_RESUMED:
        return None
    payload: Json = {"seqNo": event.seq_no, "offline": event.offline}
    if event.trigger is TriggerReason.ABNORMAL_CONDITION:
        payload["bad"] = "a defect of ours"
    if event.trigger is TriggerReason.EV_DEPARTED:
        raise RuntimeError("a defect of ours")
    assumed = TransactionAnswer(csms_transaction_id=-1) if event.event_type is TransactionEventType.STARTED else None
    return Outgoing(
        "TransactionEvent", payload, lambda answer: TransactionAnswer(csms_transaction_id=answer.get("id")), assumed
    )


async def _echo(context: Context, request: Json) -> Json:
    return request.get("answer", {})  # type: ignore[no-any-return]


async def _slow(context: Context, request: Json) -> Json:
    await asyncio.sleep(request["seconds"])
    return {}


async def _crash(context: Context, request: Json) -> Json:
    raise RuntimeError("secret words of ours")


async def _refuse(context: Context, request: Json) -> Json:
    raise CallRefusedError(RpcError.PROPERTY_CONSTRAINT_VIOLATION, "no such thing")


async def _trigger(context: Context, request: Json) -> Json:
    context.station.trigger(request["what"])
    return {"status": "Accepted"}


def version(**changes: Any) -> Version:
    made = Version(
        subprotocol="ocpp2.0.1",
        routes={"Echo": _echo, "Slow": _slow, "Crash": _crash, "Refuse": _refuse, "Trigger": _trigger, "Start": _echo},
        events={
            StationBooted: _boot,
            HeartbeatDue: lambda context, event: Outgoing(
                "Heartbeat", {}, lambda answer: HeartbeatAnswer(datetime.fromisoformat(answer["currentTime"]))
            ),
            ConnectorStatusChanged: _status,
            TransactionEvent: _transaction,
            AuthorizationRequested: lambda context, event: Outgoing(
                "Authorize",
                {"idToken": event.id_token.value},
                lambda answer: IdTokenInfo(AuthorizationStatus(answer["status"])),
            ),
            MeterValuesTaken: lambda context, event: Outgoing("MeterValues", {}, lambda _: Acknowledged()),
        },
        request_validator=_validator,
        response_validator=_validator,
        allowed_while_pending=frozenset({"Echo", "Trigger"}),
        refused_while_pending={"Start": {"status": "Rejected"}},
    )
    return replace(made, **changes)


# --- the CSMS ---------------------------------------------------------------------------------------------------------

NOW = "2026-01-01T12:00:00+00:00"
Reaction = Callable[[list[Any]], Any]
"""Takes a CALL; returns the payload of the answer, a whole frame (list) or text to send, or None for silence."""


class FakeCsms:
    """A WebSocket server. `frames` holds everything received; `answers` says how each action is answered."""

    def __init__(self) -> None:
        self.frames: list[list[Any]] = []
        self.answers: dict[str, Any] = {
            "BootNotification": {"status": "Accepted", "currentTime": NOW, "interval": 0},
            "Heartbeat": {"currentTime": NOW},
            "Authorize": {"status": "Accepted"},
        }
        self.connections: list[ServerConnection] = []
        self.requests: list[Any] = []
        self.subprotocols: tuple[str, ...] = ("ocpp2.0.1",)
        self._news = asyncio.Condition()
        self._server: Server | None = None
        self._replies: dict[str, asyncio.Future[list[Any]]] = {}
        self.port = 0

    async def __aenter__(self) -> "FakeCsms":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self, **options: Any) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, subprotocols=self.subprotocols, compression=None,  # type: ignore[arg-type]
            ping_interval=None, process_request=self._see, **options,
        )  # fmt: skip
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in self.connections:
                connection.transport.abort()
            await self._server.wait_closed()
            self._server = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    @property
    def connection(self) -> ServerConnection:
        return self.connections[-1]

    def _see(self, connection: ServerConnection, request: Any) -> None:
        self.requests.append(request)

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        await self._tell()
        try:
            async for text in connection:
                frame = json.loads(text)
                self.frames.append(frame)
                if frame[0] == 2:
                    await self._react(connection, frame)
                elif frame[0] in (3, 4) and frame[1] in self._replies:
                    self._replies.pop(frame[1]).set_result(frame)
                await self._tell()
        except ConnectionClosed:
            pass

    async def _react(self, connection: ServerConnection, call: list[Any]) -> None:
        answer = self.answers.get(call[2], {})
        if callable(answer):
            answer = answer(call)
            if asyncio.iscoroutine(answer):
                answer = await answer
        if answer is None:
            return
        if isinstance(answer, dict):
            answer = [3, call[1], answer]
        await connection.send(answer if isinstance(answer, str) else json.dumps(answer))

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something received makes the condition true."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    def calls(self, action: str | None = None) -> list[list[Any]]:
        return [frame for frame in self.frames if frame[0] == 2 and (action is None or frame[2] == action)]

    async def call(self, action: str, payload: Any, message_id: str = "c1") -> list[Any]:
        """Ask the station and return its whole answer frame."""
        return await self.ask_raw(json.dumps([2, message_id, action, payload]), message_id)

    async def ask_raw(self, text: str, message_id: str) -> list[Any]:
        self._replies[message_id] = asyncio.get_running_loop().create_future()
        await self.connection.send(text)
        async with asyncio.timeout(10):
            return await self._replies[message_id]


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something no event tells of."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
