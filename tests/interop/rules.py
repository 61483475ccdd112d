"""The rules of OCPP-J that no schema knows, checked on the frames as the CSMS saw them. Pure.

What the CSMS sees may cross on the wire: a CALL of the station that was under way when the CSMS asked something is no
fault. So the station is taken to know of a request only once it was sent something after it that it needed: the answer
to its own CALL.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

CALL, CALLRESULT, CALLERROR = 2, 3, 4
COURTESY_MS = 1990.0  # a request that takes the station longer (a lock that jams) may hold its own CALLs back no more
SLACK_MS = 500.0  # a time-out of the station begins before the CSMS, which may be busy, has the frame


@dataclass(slots=True)
class _Connection:
    """What is open on one connection."""

    open_id: str | None = None
    """The station's CALL without an answer."""
    open_action: str = ""
    open_since_ms: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)
    """The CSMS's CALLs without an answer, with their time."""
    known: bool = False
    """True once the station must know of them."""
    rejected: bool = False
    """The registration is Rejected: 1.6 wants silence then."""


class Rules:
    """Follows a log and says what breaks a rule."""

    def __init__(self, *, message_timeout_s: float = 30.0) -> None:
        self._timeout_ms = message_timeout_s * 1000
        self._ids: set[str] = set()
        self._connection = _Connection()

    def look(self, event: dict[str, Any]) -> str | None:
        """Take the next event of the log; return what is wrong with it."""
        if event["event"] in ("connected", "closed"):
            self._connection = _Connection()
        if event["event"] != "frame" or event.get("binary"):
            return None
        try:
            frame = json.loads(event["text"])
        except (ValueError, RecursionError):
            return None if event["outbound"] else f"sent something that is not JSON: {event['text'][:200]}"
        if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[1], str):
            return None if event["outbound"] else f"sent something that is no frame: {event['text'][:200]}"
        if not event["outbound"]:
            return self._sent_by_station(frame, event["at"])
        self._sent_by_csms(frame, event["at"])
        return None

    def unanswered(self) -> list[str]:
        """Return the ids of the CSMS's CALLs that the station has not answered."""
        return list(self._connection.asked)

    def _sent_by_csms(self, frame: list[Any], at_ms: float) -> None:
        connection = self._connection
        if frame[0] == CALL and len(frame) == 4 and isinstance(frame[2], str) and len(frame[1]) <= 36:
            # a CSMS that asks two things at once breaks the rule itself
            if not connection.asked and not connection.rejected:
                connection.asked[frame[1]] = at_ms
                connection.known = False
        elif frame[0] in (CALLRESULT, CALLERROR) and frame[1] == connection.open_id:
            connection.open_id = None
            connection.known = True
            if connection.open_action == "BootNotification" and frame[0] == CALLRESULT:
                connection.rejected = frame[2].get("status") == "Rejected"

    def _sent_by_station(self, frame: list[Any], at_ms: float) -> str | None:
        if frame[0] != CALL:
            self._connection.asked.pop(frame[1], None)
            return None
        return self._called(frame[1], frame[2], at_ms)

    def _called(self, message_id: str, action: str, at_ms: float) -> str | None:
        connection = self._connection
        wrong = None
        if message_id in self._ids:
            wrong = f"used the message id {message_id} twice"
        elif connection.open_id is not None and at_ms - connection.open_since_ms < self._timeout_ms - SLACK_MS:
            wrong = f"sent {action} while {connection.open_action} was open"
        elif connection.known and any(at_ms - asked_ms < COURTESY_MS for asked_ms in connection.asked.values()):
            wrong = f"sent {action} before it answered {', '.join(connection.asked)}"
        self._ids.add(message_id)
        connection.open_id, connection.open_action, connection.open_since_ms = message_id, action, at_ms
        return wrong


def broken_rules(events: Iterable[dict[str, Any]], *, since: int = 0, message_timeout_s: float = 30.0) -> list[str]:
    """Return what the station did wrong from position `since` of the log on."""
    rules = Rules(message_timeout_s=message_timeout_s)
    found: list[str] = []
    for number, event in enumerate(events):
        wrong = rules.look(event)
        if wrong is not None and number >= since:
            found.append(wrong)
    return found + [f"did not answer the CALL {message_id}" for message_id in rules.unanswered()]
