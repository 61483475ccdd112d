"""`connection`: layer by layer what works and what fails.

`connection.offline|online`: cut the station off from its CSMS, and let it back, without ending the process.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from stationd.api.server import Access, Method


class Connection(Protocol):
    """What is steered of the connection."""

    async def go_offline(self) -> None:
        """Close the connection and stay so."""
        ...

    async def go_online(self) -> None:
        """Begin to connect again."""
        ...


class ConnectionApi:
    """The methods of this file."""

    def __init__(
        self,
        connection: Connection,
        state: Callable[[], Mapping[str, Any]],
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._connection = connection
        self._state = state
        self._details = details

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        return {
            "connection": Method(Access.READ, self.show),
            "connection.offline": Method(Access.CHANGE, lambda: self._do(self._connection.go_offline)),
            "connection.online": Method(Access.CHANGE, lambda: self._do(self._connection.go_online)),
        }

    async def show(self) -> dict[str, Any]:
        """Return each layer with what was seen there."""
        return dict(self._details())

    async def _do(self, change: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        await change()
        return dict(self._state())
