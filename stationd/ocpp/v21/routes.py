"""OCPP 2.1: what differs from 2.0.1, on top of it."""

from collections.abc import Mapping

from stationd.domain.events import AuthorizationRequested, Event, FaultEvent, TransactionEvent
from stationd.ocpp.v21 import authorization, diagnostics, provisioning, remote_control, transactions
from stationd.ocpp.v201 import routes as v201
from stationd.ocpp.validation import validators_of
from stationd.ocpp.version import Handler, Translator, Version

ROUTES: Mapping[str, Handler] = {
    **v201.ROUTES,
    "RequestStopTransaction": remote_control.stop,
    "Reset": provisioning.reset,
}

EVENTS: Mapping[type[Event], Translator] = {
    **v201.EVENTS,
    AuthorizationRequested: authorization.authorize_to_wire,
    FaultEvent: diagnostics.fault_to_wire,
    TransactionEvent: transactions.to_wire,
}

_VALIDATORS = validators_of("stationd.ocpp.v21")

VERSION = Version(
    subprotocol="ocpp2.1",
    routes=ROUTES,
    events=EVENTS,
    request_validator=_VALIDATORS.request,
    response_validator=_VALIDATORS.response,
    allowed_while_pending=frozenset(ROUTES) - frozenset(v201.REFUSED_WHILE_PENDING),
    refused_while_pending=v201.REFUSED_WHILE_PENDING,
    extended_frames=True,
)
