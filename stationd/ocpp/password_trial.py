"""A changed password on trial: until the CSMS accepts it, the one that it accepted last is not forgotten.

The settings hold the password that was asked for; this holds what works. A CSMS that refuses the new one is tried with
the former one, and then with the new one again, for ever: whichever side made the mistake, the station comes back.
"""

import json
import logging
from dataclasses import dataclass, field, replace

from stationd.domain.errors import StationError
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.station.ports import StateStore

logger = logging.getLogger(__name__)

TRIES = 3  # connections that end without an answer, though not by a refusal, before the other password is tried
_KEY = "csms.password"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is durable. A password belongs to one CSMS: it is never offered to another."""

    url: str
    identity: str
    good: str = field(repr=False)
    """The last one that the CSMS accepted."""
    wrong: str | None = field(default=None, repr=False)
    """One that was given since and did not work while `good` did."""


class PasswordTrial:
    """Chooses the password of each dial and learns from what becomes of it. One task at a time uses it."""

    def __init__(self, state: StateStore | None) -> None:
        """`state` keeps what is known over a restart, even one in the middle of a trial; None: nothing is kept."""
        self._state = state
        self._known: _Known | None = None
        self._stored: _Known | None = None
        self._settings: ConnectionSettings | None = None
        self._candidates: tuple[str, ...] = ()
        self._turn = 0
        self._failures = 0

    async def load(self) -> None:
        """Read what an earlier run learned; what cannot be read is not known."""
        if self._state is None:
            return
        try:
            text = await self._state.get(_KEY)
            if text is not None:
                self._known = self._stored = _Known(**json.loads(text))
        except (StationError, ValueError, TypeError) as error:
            logger.warning("password_history_unknown reason=%s", type(error).__name__)

    def choose(self, settings: ConnectionSettings) -> ConnectionSettings:
        """Return the settings with the password to use in the next dial."""
        self._settings = settings
        candidates = self._possible(settings)
        if candidates != self._candidates:
            self._candidates, self._turn, self._failures = candidates, 0, 0
        return replace(settings, password=candidates[self._turn]) if candidates else settings

    def _possible(self, settings: ConnectionSettings) -> tuple[str, ...]:
        given, known = settings.password, self._known
        if settings.security_profile not in (1, 2) or not given:
            return ()
        if known is None or (known.url, known.identity) != (settings.url, settings.identity) or known.good == given:
            return (given,)
        return (known.good, given) if known.wrong == given else (given, known.good)

    def failed(self, *, refused: bool) -> None:
        """Learn that the connection failed after the password was sent; `refused`: because of the credentials."""
        if len(self._candidates) < 2:
            return
        self._failures += 1
        if refused or self._failures >= TRIES:
            self._turn, self._failures = 1 - self._turn, 0
            logger.warning("password_changed_over to=%s", "former" if self.uses_former else "configured")

    async def succeeded(self) -> None:
        """Learn that the CSMS accepts the station with this password; durable afterwards."""
        settings = self._settings
        if settings is None or settings.password is None or not self._candidates:
            return
        good = self._candidates[self._turn]
        wrong = None if good == settings.password else settings.password
        known = _Known(settings.url, settings.identity, good, wrong)
        if known != self._known:
            if wrong is not None:
                logger.warning("password_rolled_back reason=the CSMS accepts the former one only")
            self._known = known
            self._candidates, self._turn, self._failures = self._possible(settings), 0, 0
        if self._state is None or known == self._stored:
            return
        facts = {"url": known.url, "identity": known.identity, "good": known.good, "wrong": known.wrong}
        try:
            await self._state.put(_KEY, json.dumps(facts))
            self._stored = known
        except StationError as error:
            logger.warning("password_history_not_stored reason=%s", error)

    @property
    def uses_former(self) -> bool:
        """True while a password is in use that is not the configured one."""
        given = None if self._settings is None else self._settings.password
        return bool(self._candidates) and self._candidates[self._turn] != given

    @property
    def on_trial(self) -> bool:
        """True while the configured password was not accepted yet and another one is at hand."""
        return len(self._candidates) == 2
