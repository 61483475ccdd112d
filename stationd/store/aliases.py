"""1.6's integers for our transactions, both ways, in memory: a handler must be able to ask without waiting."""

from collections.abc import Iterable


class Aliases:
    """A copy of the column `transactions.alias`."""

    def __init__(self, pairs: Iterable[tuple[str, int]] = ()) -> None:
        """Take (transaction id, integer), oldest first."""
        self._alias_of: dict[str, int] = {}
        self._transaction_of: dict[int, str] = {}
        for transaction_id, alias in pairs:
            self.add(transaction_id, alias)

    def add(self, transaction_id: str, alias: int) -> None:
        """Learn a pair; of two transactions with the same integer the newer is found."""
        self.forget((transaction_id,))
        self._alias_of[transaction_id] = alias
        self._transaction_of[alias] = transaction_id

    def forget(self, transaction_ids: Iterable[str]) -> None:
        """Forget transactions."""
        for transaction_id in transaction_ids:
            alias = self._alias_of.pop(transaction_id, None)
            if alias is not None and self._transaction_of.get(alias) == transaction_id:
                del self._transaction_of[alias]

    def alias(self, transaction_id: str) -> int | None:
        """Return the CSMS's integer for our transaction."""
        return self._alias_of.get(transaction_id)

    def transaction_of(self, alias: int) -> str | None:
        """Return our id for the CSMS's integer."""
        return self._transaction_of.get(alias)
