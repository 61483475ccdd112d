"""What tokens do: cards, remote starts and the CSMS's later answers. Asks the CSMS outside of the EVSEs' jobs.

Whatever was true when the question was asked may be otherwise when the answer comes, so every answer is checked again
in the EVSE's own turn.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import TransactionEvent
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.station import transactions as rules
from stationd.station.authorization import Authorizer, needs_no_check, same_group
from stationd.station.evse import Evse
from stationd.station.flow_base import Grant
from stationd.station.ports import SettingsPort, Verdict
from stationd.station.selection import Choice, Meaning, choose, choose_start
from stationd.station.transactions import Cause

log = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Tokens:
    """Every way in which a token comes to the station."""

    def __init__(self, evses: Mapping[int, Evse], authorizer: Authorizer, settings: SettingsPort, spawn: Spawn) -> None:
        self._evses = evses
        self._authorizer = authorizer
        self._settings = settings
        self._spawn = spawn
        self._asking: set[tuple[str, str]] = set()

    # --- cards --------------------------------------------------------------------------------------------------------

    async def present(self, token: IdToken, evse_id: int | None) -> Verdict:
        """Handle a token held to a reader; returns once it is decided, after the CSMS's answer if it must be asked."""
        key = (token.value.casefold(), token.type)
        if key in self._asking:
            return Verdict(accepted=False, reason="InProgress", info="this token is being checked")
        self._asking.add(key)
        try:
            return await self._present(token, evse_id)
        finally:
            self._asking.discard(key)

    async def _present(self, token: IdToken, evse_id: int | None) -> Verdict:
        choice = self._choose(token, evse_id)
        if choice.meaning is Meaning.REFUSE or choice.evse_id is None:
            return Verdict(accepted=False, reason=choice.reason)
        evse = self._evses[choice.evse_id]
        if choice.meaning is Meaning.START:
            return await self._start(evse, token, evse_id)
        if choice.meaning is Meaning.STOP_BY_GROUP:
            return await self._stop_by_group(token, evse_id)
        if choice.meaning is Meaning.STOP:
            return await self._stop(evse, token, rules.stopped_by_token(token))
        if choice.meaning is Meaning.CANCEL:
            return await self._cancel(evse, token)
        await evse.ask(evse.flow.release)
        return Verdict(accepted=True, info="cable released")

    def _choose(self, token: IdToken, evse_id: int | None) -> Choice:
        return choose([evse.view() for evse in self._evses.values()], token, evse_id)

    async def _cancel(self, evse: Evse, token: IdToken) -> Verdict:
        async def cancel() -> bool:
            waiting = evse.flow.waiting
            mine = waiting is not None and waiting.id_token.same_as(token)
            if mine:
                evse.flow.drop_waiting("second_presentation")
            return mine

        if await evse.ask(cancel):
            return Verdict(accepted=True, info="authorization cancelled")
        return Verdict(accepted=False, reason="TxInProgress")

    async def _start(self, evse: Evse, token: IdToken, evse_id: int | None) -> Verdict:
        had_cable, plugs, deadline_s = evse.watch.cable, evse.flow.plug_count, evse.cable_deadline()
        info = await self._authorizer.check(token, evse.profile.evse_id)
        if self._authorizer.is_master_pass(info) and info.accepted:
            return await self._stop_all(token)
        if not info.accepted:
            return Verdict(accepted=False, reason="InvalidIdToken", info=f"the token is {info.status}")
        if had_cable and (evse.flow.plug_count != plugs or not evse.watch.cable):
            return Verdict(accepted=False, reason="NoCable", info="the cable was pulled while the token was checked")
        if not had_cable:
            choice = self._choose(token, evse_id)  # it may be plugged in by now, and elsewhere than expected
            if choice.meaning is not Meaning.START or choice.evse_id is None:
                return Verdict(accepted=False, reason=choice.reason or "TxInProgress")
            evse = self._evses[choice.evse_id]
            if info.evse_ids and evse.profile.evse_id not in info.evse_ids:
                return Verdict(accepted=False, reason="InvalidIdToken", info="the token is not for this EVSE")
        grant = Grant(id_token=token, group=info.group, deadline_s=deadline_s, anywhere=evse_id is None)
        return await evse.ask(lambda: self._grant(evse, grant, plugs if had_cable else None))

    async def _grant(self, evse: Evse, grant: Grant, plugs: int | None) -> Verdict:
        """Let a grant count, in the EVSE's turn; `plugs` as at the swipe if a cable was in by then."""
        if plugs is not None and (evse.flow.plug_count != plugs or not evse.watch.cable):
            return Verdict(accepted=False, reason="NoCable", info="the cable was pulled while the token was checked")
        if not await evse.flow.authorize(grant):
            return Verdict(accepted=False, reason=evse.refusal() or "TxInProgress")
        tx = evse.transaction
        return Verdict(accepted=True, transaction_id=None if tx is None else tx.transaction_id)

    async def _stop(self, evse: Evse, token: IdToken, cause: Cause, transaction_id: str | None = None) -> Verdict:
        async def stop() -> Verdict:
            tx, holder = evse.transaction, evse.view().holder
            wanted = tx is not None and (
                tx.transaction_id == transaction_id
                if transaction_id is not None
                else holder is not None and holder.same_as(token)
            )
            if tx is None or not wanted:
                return Verdict(accepted=False, reason="TxNotFound", info="the transaction ended meanwhile")
            await evse.flow.stop(cause)
            return Verdict(accepted=True, transaction_id=tx.transaction_id)

        return await evse.ask(stop)

    async def _stop_by_group(self, token: IdToken, evse_id: int | None) -> Verdict:
        """Stop the transaction of another token of the same group (C01.FR.03b, C09.FR.05), or go on charging."""
        group = await self._authorizer.group_of(token, evse_id)
        if group is not None and self._authorizer.is_master_group(group):
            return await self._stop_all(token)
        for evse in self._evses.values():
            tx = evse.transaction
            here = evse_id in (None, evse.profile.evse_id) and evse.view().holder is not None
            if here and tx is not None and same_group(tx.group, group):
                return await self._stop(evse, token, rules.stopped_by_token(token), tx.transaction_id)
        return Verdict(accepted=False, reason="TxInProgress", info="the transaction is another driver's")

    async def _stop_all(self, token: IdToken) -> Verdict:
        """Stop every transaction by a master pass; there is no user interface to choose one (C16.FR.02)."""
        for evse in self._evses.values():
            if (tx := evse.transaction) is not None:
                await self._stop(evse, token, rules.stopped_by_master_pass(token), tx.transaction_id)
        return Verdict(accepted=True, info="every transaction was stopped by a master pass")

    # --- remote -------------------------------------------------------------------------------------------------------

    def request_start(
        self, evse_id: int | None, token: IdToken, remote_start_id: int | None, group: IdToken | None
    ) -> Verdict:
        """Accept or refuse a remote start; it happens after the answer (F01, F02)."""
        choice = choose_start([evse.view() for evse in self._evses.values()], evse_id)
        if choice.meaning is Meaning.REFUSE or choice.evse_id is None:
            return Verdict(accepted=False, reason=choice.reason)
        evse = self._evses[choice.evse_id]
        evse.asked_for = token
        grant = Grant(
            id_token=token,
            group=group,
            remote=True,
            remote_start_id=remote_start_id,
            deadline_s=evse.cable_deadline(),
            anywhere=evse_id is None,
        )
        self._spawn(self._start_remotely(evse, grant))
        tx = evse.transaction
        return Verdict(accepted=True, transaction_id=None if tx is None else tx.transaction_id)

    async def _start_remotely(self, evse: Evse, grant: Grant) -> None:
        had_cable, plugs = evse.watch.cable, evse.flow.plug_count
        try:
            if not needs_no_check(grant.id_token, self._settings):
                info = await self._authorizer.check(grant.id_token, evse.profile.evse_id)
                if not info.accepted or self._authorizer.is_master_pass(info):
                    log.info("remote start refused evse_id=%d status=%s", evse.profile.evse_id, info.status)
                    return
                grant = replace(grant, group=info.group or grant.group)
            verdict = await evse.ask(lambda: self._grant(evse, grant, plugs if had_cable else None))
            if not verdict.accepted:
                log.info("remote start dropped evse_id=%d reason=%s", evse.profile.evse_id, verdict.reason)
        finally:
            evse.asked_for = None

    def claim(self, evse_id: int) -> Grant | None:
        """Take a token that waits elsewhere though its driver may plug in anywhere."""
        for evse in self._evses.values():
            if evse.profile.evse_id != evse_id and (grant := evse.flow.give_away()) is not None:
                evse.look_again()
                return grant
        return None

    # --- the CSMS's answers -------------------------------------------------------------------------------------------

    async def answered(self, event: TransactionEvent, answer: TransactionAnswer) -> None:
        """Learn from the answer to a transaction event: the cache always, the transaction if it still runs (E05)."""
        info, token = answer.id_token_info, event.stop_token or event.id_token
        if info is None or token is None:
            return
        await self._authorizer.learn(token, info)
        evse = self._evses.get(event.evse_id)
        if evse is not None:
            evse.post(lambda: self._judged(evse, event.transaction_id, token, info))

    async def _judged(self, evse: Evse, transaction_id: str, token: IdToken, info: IdTokenInfo) -> None:
        tx = evse.transaction
        if tx is None or tx.transaction_id != transaction_id or tx.id_token is None or not tx.id_token.same_as(token):
            return  # it ended meanwhile (C10.FR.05), or the answer is about the token that stopped it
        if info.accepted:
            evse.flow.learn_group(info.group)
        else:
            log.info("token refused by csms transaction_id=%s status=%s", transaction_id, info.status)
            await evse.flow.refuse_token()
