"""Which EVSE a card means. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stationd.domain.id_token import IdToken


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseView:
    """What the choice depends on."""

    evse_id: int
    refusal: str | None
    """Why nothing can start here (a reasonCode); None if it can."""
    taken: bool
    """Authorised, or about to be: no other token can have it."""
    cable: bool
    plugged_at_s: float
    finishing: bool
    holder: IdToken | None = None
    """Token of the running transaction that may still stop it."""
    waiting: IdToken | None = None
    """Token that waits for the cable."""
    kept_for: IdToken | None = None
    """Token for which a cable stays locked after a deauthorisation."""


class Meaning(StrEnum):
    """What presenting a token means."""

    START = "start"
    STOP = "stop"
    CANCEL = "cancel"
    RELEASE = "release"
    STOP_BY_GROUP = "stop_by_group"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Choice:
    """Meaning and place."""

    meaning: Meaning
    evse_id: int | None = None
    reason: str | None = None


def choose(views: Sequence[EvseView], token: IdToken, evse_id: int | None = None) -> Choice:
    """Return what a token held to the reader means; `evse_id` if the reader belongs to one EVSE.

    A token that runs a transaction stops it, unless a fresh cable waits for a token: one card may have two cars.
    """
    views = [view for view in views if evse_id is None or view.evse_id == evse_id]
    if not views:
        return Choice(Meaning.REFUSE, evse_id, "UnknownEvse")
    for view in views:
        if view.waiting is not None and view.waiting.same_as(token):
            return Choice(Meaning.CANCEL, view.evse_id)
    startable = [view for view in views if view.refusal is None and not view.taken]
    if fresh := [view for view in startable if view.cable and not view.finishing]:
        return Choice(Meaning.START, _latest(fresh).evse_id)
    for view in sorted(views, key=lambda view: -view.plugged_at_s):
        if view.holder is not None and view.holder.same_as(token):
            return Choice(Meaning.STOP, view.evse_id)
        if view.kept_for is not None and view.kept_for.same_as(token):
            return Choice(Meaning.RELEASE, view.evse_id)
    if startable:
        free = [view for view in startable if not view.cable]
        return Choice(Meaning.START, free[0].evse_id if free else _latest(startable).evse_id)
    if held := [view for view in views if view.holder is not None]:
        return Choice(Meaning.STOP_BY_GROUP, _latest(held).evse_id)
    return Choice(Meaning.REFUSE, views[0].evse_id, views[0].refusal or "TxInProgress")


def choose_start(views: Sequence[EvseView], evse_id: int | None) -> Choice:
    """Return where a remote start goes: the EVSE named, else the one with a cable, else a free one."""
    views = [view for view in views if evse_id is None or view.evse_id == evse_id]
    if not views:
        return Choice(Meaning.REFUSE, evse_id, "UnknownEvse")
    startable = [view for view in views if view.refusal is None and not view.taken]
    if not startable:
        return Choice(Meaning.REFUSE, views[0].evse_id, views[0].refusal or "TxInProgress")
    best = max(startable, key=lambda view: (view.cable and not view.finishing, not view.cable, view.plugged_at_s))
    return Choice(Meaning.START, best.evse_id)


def _latest(views: Sequence[EvseView]) -> EvseView:
    return max(views, key=lambda view: view.plugged_at_s)
