"""Which component of the 2.x device model has the problem when a fault is in force (OCPP 2.0.1 appendix, components).

Several faults share a component: its Problem is true while any of them is in force.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stationd.domain.faults import Fault, FaultCode

CONNECTOR_ID = 1
"""Each EVSE has one connector."""


class Place(NamedTuple):
    """A component; `evse_id` None: of the station; `connector_id` None: not of a connector."""

    component: str
    evse_id: int | None = None
    connector_id: int | None = None


COMPONENTS: dict[FaultCode, str] = {
    FaultCode.CONTACTOR_FAILED: "PowerContactor",
    FaultCode.CONTACTOR_RESTING: "PowerContactor",
    FaultCode.CONTACTOR_SLOW: "PowerContactor",
    FaultCode.CONTACTOR_WELDED: "PowerContactor",
    FaultCode.CONTACTOR_WORN: "PowerContactor",
    FaultCode.DERATED: "TemperatureSensor",
    FaultCode.DIODE: "ConnectedEV",
    FaultCode.DOOR_OPEN: "CaseAccessSensor",
    FaultCode.EMERGENCY_STOP: "EmergencyStopSensor",
    FaultCode.HARDWARE: "Controller",
    FaultCode.LOCK_FAILED: "ConnectorPlugRetentionLock",
    FaultCode.METER_LOST: "FiscalMetering",
    FaultCode.OVER_CURRENT: "OverCurrentProtection",
    FaultCode.OVER_TEMPERATURE: "TemperatureSensor",
    FaultCode.PE_LOSS: "GroundIsolationProtection",
    FaultCode.PHASE_SWITCH: "AcPhaseSelector",
    FaultCode.PILOT_ERROR: "CPPWMController",
    FaultCode.PILOT_LOST: "Controller",
    FaultCode.POWER_LOSS: "ElectricalFeed",
    FaultCode.PROXIMITY: "Connector",
    FaultCode.RCD_SELF_TEST: "RCD",
    FaultCode.RCD_TRIP: "RCD",
    FaultCode.READER_LOST: "TokenReader",
    FaultCode.RESTART_LOOP: "Controller",
    FaultCode.SIMPLIFIED_VEHICLE: "ConnectedEV",
    FaultCode.STORAGE_FAILED: "Controller",
    FaultCode.TILT: "TiltSensor",
    FaultCode.VENTILATION: "ConnectedEV",
}

OF_CONNECTOR = frozenset({"Connector", "ConnectorPlugRetentionLock"})
OF_STATION = frozenset({"Controller", "TokenReader"})
"""What the station itself has; a Controller every EVSE has too."""
OF_EVSE = frozenset(COMPONENTS.values()) - OF_CONNECTOR - {"TokenReader"}


def place_of(code: FaultCode, evse_id: int) -> Place:
    """Return where a fault is; EVSE 0 is the station."""
    component = COMPONENTS[code]
    if evse_id == 0:
        return Place(component)
    return Place(component, evse_id, CONNECTOR_ID if component in OF_CONNECTOR else None)


def problems(faults: Iterable[Fault]) -> frozenset[Place]:
    """Return every component whose Problem is true."""
    return frozenset(place_of(fault.code, fault.evse_id) for fault in faults)
