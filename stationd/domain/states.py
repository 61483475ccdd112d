"""States and reasons in OCPP 2.x words. Enum values are the 2.x wire spelling; 1.6 translates its own."""

from enum import StrEnum


class ConnectorStatus(StrEnum):
    """What a connector reports (OCPP 2.0.1 ConnectorStatusEnumType)."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class OperationalStatus(StrEnum):
    """What ChangeAvailability sets."""

    OPERATIVE = "Operative"
    INOPERATIVE = "Inoperative"


class ChargingState(StrEnum):
    """State of the energy path of a transaction (OCPP 2.0.1 ChargingStateEnumType)."""

    IDLE = "Idle"
    EV_CONNECTED = "EVConnected"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"


class TriggerReason(StrEnum):
    """Why a transaction event was made (OCPP 2.0.1 TriggerReasonEnumType, plus 2.1's TxResumed)."""

    AUTHORIZED = "Authorized"
    CABLE_PLUGGED_IN = "CablePluggedIn"
    CHARGING_RATE_CHANGED = "ChargingRateChanged"
    CHARGING_STATE_CHANGED = "ChargingStateChanged"
    DEAUTHORIZED = "Deauthorized"
    ENERGY_LIMIT_REACHED = "EnergyLimitReached"
    EV_COMMUNICATION_LOST = "EVCommunicationLost"
    EV_CONNECT_TIMEOUT = "EVConnectTimeout"
    METER_VALUE_CLOCK = "MeterValueClock"
    METER_VALUE_PERIODIC = "MeterValuePeriodic"
    TIME_LIMIT_REACHED = "TimeLimitReached"
    TRIGGER = "Trigger"
    UNLOCK_COMMAND = "UnlockCommand"
    STOP_AUTHORIZED = "StopAuthorized"
    EV_DEPARTED = "EVDeparted"
    EV_DETECTED = "EVDetected"
    REMOTE_STOP = "RemoteStop"
    REMOTE_START = "RemoteStart"
    ABNORMAL_CONDITION = "AbnormalCondition"
    SIGNED_DATA_RECEIVED = "SignedDataReceived"
    RESET_COMMAND = "ResetCommand"
    TX_RESUMED = "TxResumed"


class StopReason(StrEnum):
    """What began the end of a transaction (OCPP 2.0.1 ReasonEnumType)."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    ENERGY_LIMIT_REACHED = "EnergyLimitReached"
    EV_DISCONNECTED = "EVDisconnected"
    GROUND_FAULT = "GroundFault"
    HARD_RESET = "HardReset"
    """1.6's word for a reset of the board; 2.x sends ImmediateReset."""
    IMMEDIATE_RESET = "ImmediateReset"
    LOCAL = "Local"
    LOCAL_OUT_OF_CREDIT = "LocalOutOfCredit"
    MASTER_PASS = "MasterPass"  # noqa: S105 - a reason, not a secret
    OTHER = "Other"
    OVERCURRENT_FAULT = "OvercurrentFault"
    POWER_LOSS = "PowerLoss"
    POWER_QUALITY = "PowerQuality"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOC_LIMIT_REACHED = "SOCLimitReached"
    STOPPED_BY_EV = "StoppedByEV"
    TIME_LIMIT_REACHED = "TimeLimitReached"
    TIMEOUT = "Timeout"
    UNLOCK_COMMAND = "UnlockCommand"
    """1.6 has a word of its own for it; 2.x sends Other (OCPP 2.0.1 ReasonEnumType lacks it)."""


class BootReason(StrEnum):
    """Why the station (re)started (OCPP 2.0.1 BootReasonEnumType)."""

    APPLICATION_RESET = "ApplicationReset"
    FIRMWARE_UPDATE = "FirmwareUpdate"
    LOCAL_RESET = "LocalReset"
    POWER_UP = "PowerUp"
    REMOTE_RESET = "RemoteReset"
    SCHEDULED_RESET = "ScheduledReset"
    TRIGGERED = "Triggered"
    UNKNOWN = "Unknown"
    WATCHDOG = "Watchdog"


class RegistrationStatus(StrEnum):
    """The CSMS's verdict on the boot notification."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class ResetKind(StrEnum):
    """How urgently to reset; 1.6 Soft maps to IMMEDIATE with graceful ends, Hard to IMMEDIATE without waiting."""

    ON_IDLE = "OnIdle"
    IMMEDIATE = "Immediate"
    HARD = "Hard"
