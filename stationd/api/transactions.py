"""`transactions.list|show`."""

from typing import Any

from stationd.api.server import Access, InvalidParams, Method
from stationd.api.status import transaction_json
from stationd.station.ports import TransactionStore

MAX_LIMIT = 1000


class TransactionsApi:
    """The methods of this file."""

    def __init__(self, store: TransactionStore) -> None:
        self._store = store

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        return {
            "transactions.list": Method(
                Access.READ, self.list, parameters={"limit": int}, optional=frozenset({"limit"})
            ),
            "transactions.show": Method(Access.READ, self.show, parameters={"transaction_id": str}),
        }

    async def list(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest transactions, newest first."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidParams(f"limit must be 1 to {MAX_LIMIT}, not {limit}")
        return [transaction_json(transaction) for transaction in await self._store.recent(limit)]

    async def show(self, transaction_id: str) -> dict[str, Any]:
        """Return one transaction."""
        transaction = await self._store.find(transaction_id)
        if transaction is None:
            raise InvalidParams(f"no transaction {transaction_id!r}; see transactions.list")
        return {
            **transaction_json(transaction),
            "next_seq_no": transaction.next_seq_no,
            "queued": await self._store.queued(transaction_id),
        }
