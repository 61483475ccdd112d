"""One registered-or-not connection in one OCPP version: events go in, answers come out, all checked by schema."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stationd.domain.answers import Answer
from stationd.domain.errors import StationError
from stationd.domain.events import Event
from stationd.domain.variable_table import MESSAGE_TIMEOUT
from stationd.ocpp.rpc.channel import CallError, CallRefusedByCsmsError, Channel
from stationd.ocpp.version import Context, Outgoing, RpcError, SchemaViolation, Version

logger = logging.getLogger(__name__)

URGENT, LIVE, QUEUED = 0, 1, 2  # somebody waits at the reader; the present state; the past


class OwnMessageError(StationError):
    """A message of ours does not follow its schema, or could not be made: a defect of the station."""


class UnusableAnswerError(CallError):
    """The CSMS answered with something that does not follow its schema."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection as events use it."""

    version: Version
    context: Context
    channel: Channel
    on_security_error: Callable[[], None] = lambda: None
    """Called when the CSMS refuses a message for security's sake: it may have forgotten the station."""

    def translate(self, event: Event) -> Outgoing | None:
        """Return the message for an event; None if this version has nothing to say about it.

        Raises:
            OwnMessageError: the message is not fit to be sent.
        """
        translator = self.version.events.get(type(event))
        if translator is None:
            return None
        try:
            outgoing = translator(self.context, event)
            if outgoing is not None:
                self._check_request(outgoing)
        except SchemaViolation as violation:
            logger.error("own_message_broken event=%s violation=%s", type(event).__name__, violation)  # noqa: TRY400
            raise OwnMessageError(f"cannot send {type(event).__name__}: {violation}") from violation
        except OwnMessageError:
            logger.exception("own_message_unknown event=%s", type(event).__name__)
            raise
        except Exception as error:
            logger.exception("translation_failed event=%s", type(event).__name__)
            raise OwnMessageError(f"cannot translate {type(event).__name__}: {type(error).__name__}") from error
        return outgoing

    async def ask(self, event: Event, priority: int = LIVE) -> Answer | None:
        """Translate, send, and return what the CSMS says; None if this version has nothing to say.

        Raises:
            OwnMessageError: the message is not fit to be sent.
            CallError: no usable answer.
            ConnectionLostError: the connection is gone.
        """
        outgoing = self.translate(event)
        return None if outgoing is None else await self.deliver(outgoing, priority)

    async def deliver(self, outgoing: Outgoing, priority: int) -> Answer:
        """Send a translated message and return what the CSMS says. Raises as `ask` does."""
        check = self.version.response_validator(outgoing.action)
        timeout_s = float(self.context.settings.integer(MESSAGE_TIMEOUT))
        try:
            payload: Any = await self.channel.call(
                outgoing.action,
                outgoing.payload,
                timeout_s=timeout_s,
                priority=priority,
                check=check if check is not None else _anything,
            )
            return outgoing.read(payload)
        except CallRefusedByCsmsError as error:
            if error.code == RpcError.SECURITY_ERROR:
                self.on_security_error()
            raise
        except SchemaViolation as violation:
            logger.warning("answer_broken action=%s violation=%s", outgoing.action, violation)
            raise UnusableAnswerError(f"cannot use the answer to {outgoing.action}: {violation}") from violation
        except (ValueError, KeyError, TypeError, LookupError) as error:
            logger.warning("answer_unreadable action=%s error=%s", outgoing.action, type(error).__name__)
            raise UnusableAnswerError(f"cannot read the answer to {outgoing.action}: {type(error).__name__}") from error

    def _check_request(self, outgoing: Outgoing) -> None:
        check = self.version.request_validator(outgoing.action)
        if check is None:
            raise OwnMessageError(f"cannot send {outgoing.action}: {self.version.subprotocol} does not define it")
        check(outgoing.payload)


def _anything(payload: object) -> None:
    """Accept any answer of an action without a response schema."""
