"""A CSMS as the station sees it: answers as the test says, now or later."""

import asyncio
from dataclasses import dataclass, field

from stationd.domain.events import LiveEvent
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo

ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
INVALID = IdTokenInfo(AuthorizationStatus.INVALID)


@dataclass
class FakeCsms:
    """Implements `station.ports.CsmsPort`."""

    online: bool = True
    boot_may_be_repeated: bool = False
    listed_tokens_are_cached: bool = True
    answers: dict[str, IdTokenInfo | None] = field(default_factory=dict)
    """By token; all others are accepted."""
    hold: bool = False
    """True: `authorize` waits until the test calls `answer`."""
    asked: list[tuple[str, int | None]] = field(default_factory=list)
    published: list[LiveEvent] = field(default_factory=list)
    woken: int = 0
    _waiting: list[tuple[IdToken, asyncio.Future[IdTokenInfo | None]]] = field(default_factory=list)

    async def authorize(self, id_token: IdToken, evse_id: int | None) -> IdTokenInfo | None:
        self.asked.append((id_token.value, evse_id))
        if self.hold:
            future: asyncio.Future[IdTokenInfo | None] = asyncio.get_running_loop().create_future()
            self._waiting.append((id_token, future))
            return await future
        return self.answers.get(id_token.value, ACCEPTED)

    def answer(self, info: IdTokenInfo | None = ACCEPTED) -> None:
        """Answer every question that waits."""
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_result(info)

    def publish(self, event: LiveEvent) -> None:
        if self.online:
            self.published.append(event)

    def wake(self) -> None:
        self.woken += 1
