"""Block E of OCPP 2.1, transactions, as far as it differs from 2.0.1: TransactionEvent."""

from stationd.domain.events import TransactionEvent
from stationd.ocpp.v21.wire import TOKENS
from stationd.ocpp.v201.transactions import Words, transaction_event
from stationd.ocpp.version import Context, Outgoing

WORDS = Words(TOKENS)
"""2.1 has every trigger of the station, TxResumed too (OCPP 2.1 E17.FR.14)."""


def to_wire(_ctx: Context, event: TransactionEvent) -> Outgoing:
    """Return TransactionEvent of OCPP 2.1."""
    return transaction_event(event, WORDS)
