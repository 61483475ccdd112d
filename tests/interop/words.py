"""What tests say to a station and hear from it, in each version's words: written from the standard, not from ours.

`Words16` and `Words2` have the same methods, so that one test serves all versions where the versions agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.interop.peer import Peer


@dataclass(frozen=True, slots=True)
class Started:
    """How the CSMS learnt of a transaction."""

    transaction_id: Any
    token: str
    meter_wh: float
    evse_id: int
    remote_start_id: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How the CSMS learnt of its end."""

    transaction_id: Any
    token: str | None
    meter_wh: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value."""

    at: str
    context: str
    measurand: str
    phase: str | None
    unit: str | None
    value: Any
    """As it came: a text in 1.6, a number in 2.x."""


def samples_of(meter_values: list[dict[str, Any]]) -> list[Sample]:
    """Return the values of a list of MeterValue, with the standard's defaults for what is left out."""
    return [
        Sample(
            at=element["timestamp"],
            context=one.get("context", "Sample.Periodic"),
            measurand=one.get("measurand", "Energy.Active.Import.Register"),
            phase=one.get("phase"),
            unit=one.get("unit") or one.get("unitOfMeasure", {}).get("unit"),
            value=one["value"],
        )
        for element in meter_values
        for one in element["sampledValue"]
    ]


def _register(samples: list[Sample], context: str) -> float:
    found = [s.value for s in samples if s.context == context and s.measurand == "Energy.Active.Import.Register"]
    assert len(found) == 1, f"not one register with {context}: {samples}"
    return float(found[0])


class Words:
    """What is the same in all versions."""

    START, STOP, TRANSACTION = "", "", ()  # type: tuple[str, str, tuple[str, ...]]

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def statuses(self, evse_id: int, *, since: int = 0) -> list[str]:
        """Return every status told of a connector."""
        raise NotImplementedError

    def wait_status(self, evse_id: int, status: str | None = None, *, since: int = 0) -> None:
        """Wait for a StatusNotification of this connector (with this status)."""
        raise NotImplementedError

    def wait_occupied(self, *, since: int) -> None:
        """Wait for the status of a connector with a cable in it."""
        raise NotImplementedError

    def wait_charging(self, *, since: int) -> None:
        """Wait until the CSMS was told that energy flows."""
        raise NotImplementedError

    def wait_authorize(self, token: str, *, since: int) -> None:
        """Wait for the question about a token."""
        raise NotImplementedError

    def authorized(self, *, since: int) -> list[str]:
        """Return the tokens asked about."""
        raise NotImplementedError

    def wait_started(self, *, since: int) -> Started:
        """Wait for the start of a transaction."""
        raise NotImplementedError

    def wait_ended(self, *, since: int, timeout_s: float = 20.0) -> Ended:
        """Wait for the end of a transaction."""
        raise NotImplementedError

    def started(self, *, since: int) -> int:
        """Count the transactions begun."""
        raise NotImplementedError

    def ended(self, *, since: int) -> int:
        """Count the transactions ended."""
        raise NotImplementedError

    def wait_sample(self, *, since: int) -> list[Sample]:
        """Wait for periodic meter values of the running transaction."""
        raise NotImplementedError

    def start(self, token: str, evse_id: int | None = 1, *, remote_start_id: int = 1) -> str:
        """Start remotely; return the status."""
        raise NotImplementedError

    def stop(self, transaction_id: Any) -> str:
        """Stop remotely; return the status."""
        raise NotImplementedError

    def unlock(self, evse_id: int = 1) -> str:
        """Unlock; return the status."""
        raise NotImplementedError

    def availability(self, status: str, evse_id: int = 1) -> str:
        """Make a connector (0: the station) Operative or Inoperative; return the status."""
        raise NotImplementedError

    def get(self, name: str) -> str:
        """Return a setting, named as in 2.x."""
        raise NotImplementedError

    def put(self, name: str, value: str) -> str:
        """Write a setting, named as in 2.x; return the status."""
        raise NotImplementedError

    def trigger(self, what: str, evse_id: int | None = None) -> str:
        """Ask for a message; return the status."""
        raise NotImplementedError

    def send_list(self, version: int, entries: Mapping[str, str | None], *, kind: str = "Full") -> str:
        """Send a local list, a status (None: remove) by token; return the status of the answer."""
        raise NotImplementedError

    def list_version(self) -> int:
        """Return the version of the local list."""
        raise NotImplementedError


_KEYS16 = {
    "OCPPCommCtrlr.HeartbeatInterval": "HeartbeatInterval",
    "OCPPCommCtrlr.WebSocketPingInterval": "WebSocketPingInterval",
    "SampledDataCtrlr.TxUpdatedInterval": "MeterValueSampleInterval",
    "SampledDataCtrlr.TxUpdatedMeasurands": "MeterValuesSampledData",
    "AuthCtrlr.AuthorizeRemoteStart": "AuthorizeRemoteTxRequests",
    "AuthCtrlr.LocalPreAuthorize": "LocalPreAuthorize",
    "AuthCacheCtrlr.Enabled": "AuthorizationCacheEnabled",
    "LocalAuthListCtrlr.Enabled": "LocalAuthListEnabled",
    "LocalAuthListCtrlr.ItemsPerMessage": "SendLocalListMaxLength",
    "SecurityCtrlr.BasicAuthPassword": "AuthorizationKey",
    "TxCtrlr.EVConnectionTimeOut": "ConnectionTimeOut",
}


class Words16(Words):
    """OCPP 1.6."""

    START, STOP, TRANSACTION = "StartTransaction", "StopTransaction", ("StartTransaction", "StopTransaction")

    def statuses(self, evse_id: int, *, since: int = 0) -> list[str]:
        told = self.peer.calls("StatusNotification", since=since)
        return [params["status"] for params in told if params["connectorId"] == evse_id]

    def wait_status(self, evse_id: int, status: str | None = None, *, since: int = 0) -> None:
        fields: dict[str, Any] = {} if status is None else {"status": status}
        self.peer.wait_call("StatusNotification", since=since, connectorId=evse_id, **fields)

    def wait_occupied(self, *, since: int) -> None:
        self.wait_status(1, "Preparing", since=since)

    def wait_charging(self, *, since: int) -> None:
        self.wait_status(1, "Charging", since=since)

    def wait_authorize(self, token: str, *, since: int) -> None:
        self.peer.wait_call("Authorize", since=since, idTag=token)

    def authorized(self, *, since: int) -> list[str]:
        return [params["idTag"] for params in self.peer.calls("Authorize", since=since)]

    def wait_started(self, *, since: int) -> Started:
        event = self.peer.wait(
            lambda e: e["event"] == "call" and e["method"] == "StartTransaction" and bool(e["result"]), since=since
        )
        params = event["params"]
        return Started(
            event["result"]["transactionId"], params["idTag"], params["meterStart"], params["connectorId"], None
        )

    def wait_ended(self, *, since: int, timeout_s: float = 20.0) -> Ended:
        params = self.peer.wait_call("StopTransaction", since=since, timeout_s=timeout_s)
        return Ended(params["transactionId"], params.get("idTag"), params["meterStop"], params.get("reason"))

    def started(self, *, since: int) -> int:
        return len(self.peer.calls("StartTransaction", since=since))

    def ended(self, *, since: int) -> int:
        return len(self.peer.calls("StopTransaction", since=since))

    def wait_sample(self, *, since: int) -> list[Sample]:
        return samples_of(self.peer.wait_call("MeterValues", since=since)["meterValue"])

    def start(self, token: str, evse_id: int | None = 1, *, remote_start_id: int = 1) -> str:
        where = {} if evse_id is None else {"connectorId": evse_id}
        return str(self.peer.call("RemoteStartTransaction", {"idTag": token, **where})["status"])

    def stop(self, transaction_id: Any) -> str:
        return str(self.peer.call("RemoteStopTransaction", {"transactionId": transaction_id})["status"])

    def unlock(self, evse_id: int = 1) -> str:
        return str(self.peer.call("UnlockConnector", {"connectorId": evse_id})["status"])

    def availability(self, status: str, evse_id: int = 1) -> str:
        return str(self.peer.call("ChangeAvailability", {"connectorId": evse_id, "type": status})["status"])

    def get(self, name: str) -> str:
        (entry,) = self.peer.call("GetConfiguration", {"key": [_KEYS16[name]]})["configurationKey"]
        return str(entry["value"])

    def put(self, name: str, value: str) -> str:
        return str(self.peer.call("ChangeConfiguration", {"key": _KEYS16[name], "value": value})["status"])

    def trigger(self, what: str, evse_id: int | None = None) -> str:
        where = {} if evse_id is None else {"connectorId": evse_id}
        return str(self.peer.call("TriggerMessage", {"requestedMessage": what, **where})["status"])

    def send_list(self, version: int, entries: Mapping[str, str | None], *, kind: str = "Full") -> str:
        data = [
            {"idTag": token} | ({} if status is None else {"idTagInfo": {"status": status}})
            for token, status in entries.items()
        ]
        request = {"listVersion": version, "updateType": kind, "localAuthorizationList": data}
        return str(self.peer.call("SendLocalList", request)["status"])

    def list_version(self) -> int:
        return int(self.peer.call("GetLocalListVersion", {})["listVersion"])


class Words2(Words):
    """OCPP 2.0.1 and 2.1, which agree in all that is used here."""

    START, STOP, TRANSACTION = "TransactionEvent", "TransactionEvent", ("TransactionEvent",)

    def statuses(self, evse_id: int, *, since: int = 0) -> list[str]:
        told = self.peer.calls("StatusNotification", since=since)
        return [params["connectorStatus"] for params in told if params["evseId"] == evse_id]

    def wait_status(self, evse_id: int, status: str | None = None, *, since: int = 0) -> None:
        fields: dict[str, Any] = {} if status is None else {"connectorStatus": status}
        self.peer.wait_call("StatusNotification", since=since, evseId=evse_id, connectorId=1, **fields)

    def wait_occupied(self, *, since: int) -> None:
        self.wait_status(1, "Occupied", since=since)

    def wait_charging(self, *, since: int) -> None:
        self.peer.wait(
            lambda e: (
                e["event"] == "call"
                and e["method"] == "TransactionEvent"
                and e["params"]["transactionInfo"].get("chargingState") == "Charging"
            ),
            since=since,
        )

    def wait_authorize(self, token: str, *, since: int) -> None:
        self.peer.wait(
            lambda e: (
                e["event"] == "call"
                and e["method"] == "Authorize"
                and e["params"]["idToken"] == {"idToken": token, "type": "ISO14443"}
            ),
            since=since,
        )

    def authorized(self, *, since: int) -> list[str]:
        return [params["idToken"]["idToken"] for params in self.peer.calls("Authorize", since=since)]

    def events(self, *, since: int) -> list[dict[str, Any]]:
        """Return every TransactionEvent that the CSMS accepted."""
        seen = self.peer.seen("call", since=since)
        return [e["params"] for e in seen if e["method"] == "TransactionEvent" and e["result"] is not None]

    def wait_started(self, *, since: int) -> Started:
        params = self.peer.wait_call("TransactionEvent", since=since, eventType="Started")
        info = params["transactionInfo"]
        return Started(
            info["transactionId"],
            params["idToken"]["idToken"],
            _register(samples_of(params["meterValue"]), "Transaction.Begin"),
            params["evse"]["id"],
            info.get("remoteStartId"),
        )

    def wait_ended(self, *, since: int, timeout_s: float = 20.0) -> Ended:
        params = self.peer.wait_call("TransactionEvent", since=since, timeout_s=timeout_s, eventType="Ended")
        info = params["transactionInfo"]
        return Ended(
            info["transactionId"],
            params.get("idToken", {}).get("idToken"),
            _register(samples_of(params["meterValue"]), "Transaction.End"),
            info.get("stoppedReason"),
        )

    def started(self, *, since: int) -> int:
        return sum(params["eventType"] == "Started" for params in self.peer.calls("TransactionEvent", since=since))

    def ended(self, *, since: int) -> int:
        return sum(params["eventType"] == "Ended" for params in self.peer.calls("TransactionEvent", since=since))

    def wait_sample(self, *, since: int) -> list[Sample]:
        params = self.peer.wait_call("TransactionEvent", since=since, triggerReason="MeterValuePeriodic")
        return samples_of(params["meterValue"])

    def start(self, token: str, evse_id: int | None = 1, *, remote_start_id: int = 1) -> str:
        where = {} if evse_id is None else {"evseId": evse_id}
        request = {"idToken": {"idToken": token, "type": "ISO14443"}, "remoteStartId": remote_start_id, **where}
        return str(self.peer.call("RequestStartTransaction", request)["status"])

    def stop(self, transaction_id: Any) -> str:
        return str(self.peer.call("RequestStopTransaction", {"transactionId": transaction_id})["status"])

    def unlock(self, evse_id: int = 1) -> str:
        return str(self.peer.call("UnlockConnector", {"evseId": evse_id, "connectorId": 1})["status"])

    def availability(self, status: str, evse_id: int = 1) -> str:
        where = {"evse": {"id": evse_id}} if evse_id else {}
        return str(self.peer.call("ChangeAvailability", {"operationalStatus": status, **where})["status"])

    def get(self, name: str) -> str:
        component, variable = name.split(".")
        asked = {"component": {"name": component}, "variable": {"name": variable}}
        (result,) = self.peer.call("GetVariables", {"getVariableData": [asked]})["getVariableResult"]
        assert result["attributeStatus"] == "Accepted", result
        return str(result["attributeValue"])

    def put(self, name: str, value: str) -> str:
        component, variable = name.split(".")
        wanted = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": value}
        (result,) = self.peer.call("SetVariables", {"setVariableData": [wanted]})["setVariableResult"]
        return str(result["attributeStatus"])

    def trigger(self, what: str, evse_id: int | None = None) -> str:
        where = {} if evse_id is None else {"evse": {"id": evse_id}}
        return str(self.peer.call("TriggerMessage", {"requestedMessage": what, **where})["status"])

    def send_list(self, version: int, entries: Mapping[str, str | None], *, kind: str = "Full") -> str:
        data = [
            {"idToken": {"idToken": token, "type": "ISO14443"}}
            | ({} if status is None else {"idTokenInfo": {"status": status}})
            for token, status in entries.items()
        ]
        request: dict[str, Any] = {"versionNumber": version, "updateType": kind}
        if data:  # the schema wants at least one entry, or none of the field
            request["localAuthorizationList"] = data
        return str(self.peer.call("SendLocalList", request)["status"])

    def list_version(self) -> int:
        return int(self.peer.call("GetLocalListVersion", {})["versionNumber"])


def words_of(version: str) -> type[Words]:
    """Return the words of a version."""
    return Words16 if version == "1.6" else Words2
