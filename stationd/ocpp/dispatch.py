"""From an incoming CALL to its answer: schema, registration rules, handler, schema again. Every CALL ends here."""

import logging
from typing import Any

from stationd.domain.states import RegistrationStatus
from stationd.ocpp.rpc.channel import Answer, Refusal, Reply
from stationd.ocpp.rpc.session import CallReceived
from stationd.ocpp.version import CallRefusedError, Context, Json, RpcError, SchemaViolation, Version

logger = logging.getLogger(__name__)


class Dispatcher:
    """Answers the CALLs of one connection."""

    def __init__(self, version: Version, context: Context, *, silent_when_rejected: bool) -> None:
        """`silent_when_rejected`: 1.6 wants no answer at all while Rejected (section 4.2), 2.x a CALLERROR."""
        self._version = version
        self._context = context
        self._silent_when_rejected = silent_when_rejected
        self.registration = RegistrationStatus.PENDING
        """Pending until the CSMS has said otherwise: it may ask before it answers the boot notification."""

    async def handle(self, call: CallReceived) -> Reply:
        """Return the answer to a CALL. Never raises on account of what was received."""
        action = call.action
        if self.registration is RegistrationStatus.REJECTED:
            if self._silent_when_rejected:
                logger.info("call_ignored action=%r registration=Rejected", action[:50])
                return None
            return Refusal(RpcError.SECURITY_ERROR, "the station is not accepted")  # OCPP 2.0.1 B03.FR.08
        validate = self._version.request_validator(action)
        if validate is None:
            return Refusal(RpcError.NOT_IMPLEMENTED, "the action is unknown")
        handler = self._version.routes.get(action)
        if handler is None:
            return Refusal(RpcError.NOT_SUPPORTED, "the action is not supported")
        try:
            validate(call.payload)
        except SchemaViolation as violation:
            logger.info("call_refused action=%s violation=%s", action, violation)
            return Refusal(violation.code, str(violation))
        payload: Json = call.payload  # type: ignore[assignment]  # an object, as every schema says
        if self.registration is RegistrationStatus.PENDING and action not in self._version.allowed_while_pending:
            return self._while_pending(action)
        return await self._handled(action, handler, payload)

    def _while_pending(self, action: str) -> Reply:
        refused = self._version.refused_while_pending.get(action)
        if refused is not None:
            return Answer(dict(refused))
        return Refusal(RpcError.SECURITY_ERROR, "not before the station is accepted")

    async def _handled(self, action: str, handler: Any, payload: Json) -> Reply:
        try:
            answer: Json = await handler(self._context, payload)
            check = self._version.response_validator(action)
            if check is not None:
                check(answer)
        except CallRefusedError as refused:
            return Refusal(refused.code, refused.description)
        except SchemaViolation as violation:
            logger.error("own_answer_broken action=%s violation=%s", action, violation)  # noqa: TRY400 - no traceback: the data is the fault
            return Refusal(RpcError.INTERNAL_ERROR, "the station's answer is broken")
        except Exception:
            logger.exception("handler_failed action=%s", action)
            return Refusal(RpcError.INTERNAL_ERROR, "the station failed on this call")
        logger.debug("call_answered action=%s", action)
        return Answer(answer)
