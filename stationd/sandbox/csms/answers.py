"""How the sandbox CSMS answers each action, 1.6 and 2.x: payload in, payload out; what it learns goes to the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stationd.sandbox.csms.ledger import Ledger, Session, Station

Json = dict[str, Any]
ENERGY = "Energy.Active.Import.Register"


@dataclass(slots=True)
class Policy:
    """What a test may change: how the CSMS behaves."""

    registration: str = "Accepted"
    interval_s: int = 60
    mute: bool = False
    """Reads everything, answers nothing."""
    failing: frozenset[str] = frozenset()
    """Actions answered with CALLERROR InternalError."""


def now() -> str:
    """Return the present time as OCPP writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(ledger: Ledger, policy: Policy, station: Station, action: str, payload: Json) -> Json | None:
    """Return the response to a station's request; None if this CSMS does not know the action."""
    table = _V16 if station.ocpp == "1.6" else _V2
    handler = table.get(action)
    return None if handler is None else handler(ledger, policy, station, payload)


# --- both ---------------------------------------------------------------------------------------------------------


def _boot(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    station.boot = payload
    return {"status": policy.registration, "currentTime": now(), "interval": policy.interval_s}


def _heartbeat(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    station.last_heartbeat = now()
    return {"currentTime": station.last_heartbeat}


def _nothing(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    return {}


def _data_transfer(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    return {"status": "UnknownVendorId"}


# --- 1.6 ----------------------------------------------------------------------------------------------------------


def _authorize_16(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    return {"idTagInfo": {"status": ledger.verdict(payload["idTag"])}}


def _status_16(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    station.connectors[str(payload["connectorId"])] = payload["status"]
    return {}


def _start_16(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    number = ledger.new_transaction_id()
    ledger.open(
        Session(
            station=station.identity, ocpp="1.6", transaction_id=str(number), evse_id=payload["connectorId"],
            id_token=payload["idTag"], started_at=payload["timestamp"], meter_start_wh=payload["meterStart"],
            last_wh=payload["meterStart"], messages=1,
        )
    )  # fmt: skip
    return {"transactionId": number, "idTagInfo": {"status": ledger.verdict(payload["idTag"])}}


def _meter_16(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    session = ledger.session(station.identity, str(payload.get("transactionId")))
    if session is not None:
        session.messages += 1
        for value in payload["meterValue"]:
            _learn(session, value["sampledValue"])
    return {}


def _stop_16(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    session = ledger.session(station.identity, str(payload["transactionId"]))
    if session is not None:
        session.messages += 1
        session.ended_at = payload["timestamp"]
        session.meter_stop_wh = payload["meterStop"]
        session.power_w = 0.0
        session.reason = payload.get("reason", "Local")
    return {}


# --- 2.0.1 and 2.1 ------------------------------------------------------------------------------------------------


def _authorize_2(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    return {"idTokenInfo": {"status": ledger.verdict(payload["idToken"]["idToken"])}}


def _status_2(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    station.connectors[f"{payload['evseId']}.{payload['connectorId']}"] = payload["connectorStatus"]
    return {}


def _report_2(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    station.reports.setdefault(str(payload["requestId"]), []).append(payload)
    return {}


def _transaction_2(ledger: Ledger, policy: Policy, station: Station, payload: Json) -> Json:
    info = payload["transactionInfo"]
    session = ledger.session(station.identity, info["transactionId"])
    if session is None:
        session = ledger.open(
            Session(
                station=station.identity, ocpp=station.ocpp, transaction_id=info["transactionId"],
                evse_id=payload.get("evse", {}).get("id", 0), started_at=payload["timestamp"],
            )
        )  # fmt: skip
    session.messages += 1
    session.seq_nos.append(payload["seqNo"])
    if "evse" in payload:
        session.evse_id = payload["evse"]["id"]
    for value in payload.get("meterValue", []):
        _learn(session, value["sampledValue"])
    answer: Json = {}
    if "idToken" in payload:
        session.id_token = session.id_token or payload["idToken"]["idToken"]
        answer["idTokenInfo"] = {"status": ledger.verdict(payload["idToken"]["idToken"])}
    if payload["eventType"] == "Ended":
        session.ended_at = payload["timestamp"]
        session.meter_stop_wh = session.last_wh
        session.power_w = 0.0
        session.reason = info.get("stoppedReason", "Local")
        if session.energy_wh is not None:
            answer["totalCost"] = round(session.energy_wh / 1000 * ledger.price_per_kwh, 2)
    return answer


def _learn(session: Session, samples: list[Json]) -> None:
    for sample in samples:
        unit = sample.get("unit") or sample.get("unitOfMeasure", {}).get("unit", "")
        value = float(sample["value"]) * 10 ** sample.get("unitOfMeasure", {}).get("multiplier", 0)
        if unit.startswith("k"):
            value *= 1000
        measurand = sample.get("measurand", ENERGY)
        if measurand == ENERGY and "phase" not in sample:
            session.last_wh = value
            if session.meter_start_wh is None:
                session.meter_start_wh = value
        elif measurand == "Power.Active.Import" and "phase" not in sample:
            session.power_w = value


Handler = Callable[[Ledger, Policy, Station, Json], Json]
_COMMON: dict[str, Handler] = {
    "BootNotification": _boot,
    "Heartbeat": _heartbeat,
    "DataTransfer": _data_transfer,
    "FirmwareStatusNotification": _nothing,
    "SecurityEventNotification": _nothing,
    "LogStatusNotification": _nothing,
}
_V16: dict[str, Handler] = {
    **_COMMON,
    "Authorize": _authorize_16,
    "StatusNotification": _status_16,
    "StartTransaction": _start_16,
    "MeterValues": _meter_16,
    "StopTransaction": _stop_16,
    "DiagnosticsStatusNotification": _nothing,
}
_V2: dict[str, Handler] = {
    **_COMMON,
    "Authorize": _authorize_2,
    "StatusNotification": _status_2,
    "TransactionEvent": _transaction_2,
    "MeterValues": _nothing,
    "NotifyReport": _report_2,
    "NotifyEvent": _nothing,
}
