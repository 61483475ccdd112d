"""OCPP-J frames as text. Sans-I/O and total: any text gives a frame or says what to answer; nothing raises.

A CSMS is not trusted: what JSON allows and the rest of the station cannot carry (NaN, infinity, integers beyond 64
bits, lone surrogates, NUL, a key given twice) is refused here, once, so that nobody behind needs to think of it.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from stationd.domain.errors import StationError
from stationd.ocpp.version import Json, RpcError

MAX_TEXT = 256 * 1024  # characters; parsing this much takes about 5 ms, so that no frame can stall the loop
MAX_MESSAGE_ID = 36  # OCPP-J 2.0.1 section 4.1.4, 1.6 section 4.1.4
MAX_DESCRIPTION = 255  # OCPP-J 2.0.1 section 4.2.3
UNREADABLE_ID = "-1"  # OCPP-J 2.0.1 section 4.2.3

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6


class EncodingError(StationError):
    """A payload of ours cannot be written as JSON."""


@dataclass(frozen=True, slots=True)
class CallFrame:
    """A request."""

    message_id: str
    action: str
    payload: Any


@dataclass(frozen=True, slots=True)
class ResultFrame:
    """An answer."""

    message_id: str
    payload: Any


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """A refusal of a request; `of_result` marks type 5, a refusal of an answer of ours (2.1)."""

    message_id: str
    code: str
    description: str
    of_result: bool = False


@dataclass(frozen=True, slots=True)
class SendFrame:
    """A message that is never answered (2.1)."""

    message_id: str
    action: str
    payload: Any


@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """Text that is no usable frame."""

    message_type: int | None
    """2 to 6 if that much could be read."""
    message_id: str | None
    """None if it cannot be read."""
    code: RpcError
    description: str
    """Never holds what was received."""


Frame = CallFrame | ResultFrame | ErrorFrame | SendFrame | BrokenFrame


class _RefusedValue(ValueError):
    """JSON that the station does not carry; its text is our own."""


def parse(text: str, *, extended: bool) -> Frame:
    """Return the frame in `text`; `extended` allows types 5 and 6."""
    if len(text) > MAX_TEXT:
        return _broken(text, RpcError.FORMAT_VIOLATION, f"frame is longer than {MAX_TEXT} characters")
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object
        )
    except _RefusedValue as refused:
        return _broken(text, RpcError.FORMAT_VIOLATION, str(refused))
    except RecursionError:
        return _broken(text, RpcError.FORMAT_VIOLATION, "nested too deeply")
    except ValueError:
        return _broken(text, RpcError.FORMAT_VIOLATION, "not valid JSON")
    if _SUSPICIOUS.search(text) and not _is_clean(value):
        return _broken(text, RpcError.FORMAT_VIOLATION, "a text holds NUL or half of a surrogate pair")
    return _frame(value, extended=extended)


def _frame(value: Any, *, extended: bool) -> Frame:
    if not isinstance(value, list) or not value:
        return BrokenFrame(None, None, RpcError.RPC_FRAMEWORK_ERROR, "not a message array")
    kind = value[0]
    if not _is_type(kind, extended=extended):
        return BrokenFrame(None, None, RpcError.MESSAGE_TYPE_NOT_SUPPORTED, "unknown message type")
    message_id = value[1] if len(value) > 1 else None
    if not isinstance(message_id, str) or len(message_id) > MAX_MESSAGE_ID:
        return BrokenFrame(kind, None, RpcError.RPC_FRAMEWORK_ERROR, "message id cannot be read")
    if kind in (CALL, SEND):
        return _request(kind, message_id, value)
    if kind == CALLRESULT:
        if len(value) != 3:
            return BrokenFrame(kind, message_id, RpcError.FORMAT_VIOLATION, "not of the shape [3, id, payload]")
        return ResultFrame(message_id, value[2])
    # an error is read as generously as possible: refusing a refusal helps nobody
    code, description = (part if isinstance(part, str) else "" for part in (*value[2:4], "", "")[:2])
    return ErrorFrame(message_id, code[:50], description[:MAX_DESCRIPTION], of_result=kind == CALLRESULTERROR)


def _request(kind: int, message_id: str, value: list[Any]) -> Frame:
    if len(value) != 4 or not isinstance(value[2], str):
        shape = f"not of the shape [{kind}, id, action, payload]"
        return BrokenFrame(kind, message_id, RpcError.FORMAT_VIOLATION, shape)
    make = CallFrame if kind == CALL else SendFrame
    return make(message_id, value[2], value[3])


def _is_type(kind: Any, *, extended: bool) -> bool:
    return type(kind) is int and CALL <= kind <= (SEND if extended else CALLERROR)


# --- reading JSON -----------------------------------------------------------------------------------------------------

_MAX_INTEGER = 2**63  # what SQLite and most CSMS can hold
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_HEAD = re.compile(r'\s*\[\s*([2-6])\s*,\s*"([ !#-\[\]-~]{1,36})"\s*,')


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -_MAX_INTEGER <= (value := int(digits)) < _MAX_INTEGER:
        raise _RefusedValue("an integer does not fit in 64 bits")
    return value


def _number(digits: str) -> float | int:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedValue("a number is too large")
    # 1.0 is an integer in JSON; whoever expects one gets one
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _constant(name: str) -> float:
    raise _RefusedValue("NaN and Infinity are not JSON")


def _object(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedValue("an object has the same key twice")
    return value


def _is_clean(value: Any) -> bool:
    """Tell whether every text can be stored and sent. Iterative: the depth is the sender's choice."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if "\0" in item or any("\ud800" <= character <= "\udfff" for character in item):
                return False
        elif isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            todo += item.keys()
            todo += item.values()
    return True


def _broken(text: str, code: RpcError, description: str) -> BrokenFrame:
    """Save type and id from text that is no JSON, so that the sender learns which of its messages was bad."""
    head = _HEAD.match(text[:200])
    if head is None:
        return BrokenFrame(None, None, RpcError.RPC_FRAMEWORK_ERROR, description)
    return BrokenFrame(int(head[1]), head[2], code, description)


# --- writing ----------------------------------------------------------------------------------------------------------


def payload_text(payload: Json) -> str:
    """Write a payload alone, for `call_text`.

    Raises:
        EncodingError: the payload holds something JSON has no word for.
    """
    return _text(payload)


def call_text(message_id: str, action: str, payload: str) -> str:
    """Write a CALL around a payload that `payload_text` wrote. Never raises."""
    return f"[{CALL},{json.dumps(message_id)},{json.dumps(action)},{payload}]"


def result_text(message_id: str, payload: Json) -> str:
    """Write a CALLRESULT. Raises EncodingError."""
    return _text([CALLRESULT, message_id, payload])


def error_text(message_id: str, code: str, description: str, *, of_result: bool = False) -> str:
    """Write a CALLERROR, or a CALLRESULTERROR for an answer that cannot be used (2.1)."""
    kind = CALLRESULTERROR if of_result else CALLERROR
    return _text([kind, message_id, code, description[:MAX_DESCRIPTION], {}])


def send_text(message_id: str, action: str, payload: Json) -> str:
    """Write a SEND (2.1). Raises EncodingError."""
    return _text([SEND, message_id, action, payload])


def _text(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise EncodingError(f"cannot write a message as JSON: {type(error).__name__}") from error
