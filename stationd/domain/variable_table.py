"""Every setting of the station: the one table behind configuration, 1.6 keys and the 2.x device model.

Code names a setting by its constant: `settings.integer(HEARTBEAT_INTERVAL)`. A row is reported to a CSMS only if the
station does what it says. Sources: OCPP 2.0.1 part 2 chapter "Referenced components and variables", OCPP 1.6 chapter 9.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from stationd.domain.fault_components import OF_CONNECTOR, OF_EVSE, OF_STATION
from stationd.domain.id_token import CachePolicy
from stationd.domain.measurands import Measurand
from stationd.domain.variables import DataType, Mutability, VariableSpec

_BOOL, _INT, _DEC, _TEXT = DataType.BOOLEAN, DataType.INTEGER, DataType.DECIMAL, DataType.STRING
_MEMBERS, _OPTION, _SEQUENCE, _TIME = (
    DataType.MEMBER_LIST,
    DataType.OPTION_LIST,
    DataType.SEQUENCE_LIST,
    DataType.DATE_TIME,
)
_RO, _WO, _RW = Mutability.READ_ONLY, Mutability.WRITE_ONLY, Mutability.READ_WRITE

VENDOR_COMPONENT = "StationdCtrlr"
"""Settings that no standard component has."""

_METER = tuple(measurand for measurand in Measurand if measurand is not Measurand.TEMPERATURE)
"""What a meter of ours can give; OCPP 2.x has no Temperature."""
_STATUSES = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
_START_POINTS = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer")
_DAY = 86_400
NOTHING: Mapping[int, Collection[str]] = {}

# --- identity -----------------------------------------------------------------------------------------------------
VENDOR_NAME = VariableSpec("ChargingStation", "VendorName", _TEXT, "stationd", _RO)
MODEL = VariableSpec("ChargingStation", "Model", _TEXT, "stationd", _RO)
SERIAL_NUMBER = VariableSpec("ChargingStation", "SerialNumber", _TEXT, "", _RO)
FIRMWARE_VERSION = VariableSpec("ChargingStation", "FirmwareVersion", _TEXT, "", _RO)
STATION_AVAILABLE = VariableSpec("ChargingStation", "Available", _BOOL, "true", _RO)
STATION_STATE = VariableSpec("ChargingStation", "AvailabilityState", _OPTION, "Available", _RO, values=_STATUSES)
STATION_SUPPLY_PHASES = VariableSpec("ChargingStation", "SupplyPhases", _INT, "3", _RO, minimum=0, maximum=3)

# --- one row per EVSE or connector (see `rows_for`) -----------------------------------------------------------------
EVSE_AVAILABLE = VariableSpec("EVSE", "Available", _BOOL, "true", _RO)
EVSE_STATE = VariableSpec("EVSE", "AvailabilityState", _OPTION, "Available", _RO, values=_STATUSES)
EVSE_POWER = VariableSpec("EVSE", "Power", _DEC, "0", _RO, unit="W", minimum=0, maximum=44_000)
EVSE_SUPPLY_PHASES = VariableSpec("EVSE", "SupplyPhases", _INT, "3", _RO, minimum=0, maximum=3)
CONNECTOR_AVAILABLE = VariableSpec("Connector", "Available", _BOOL, "true", _RO)
CONNECTOR_STATE = VariableSpec("Connector", "AvailabilityState", _OPTION, "Available", _RO, values=_STATUSES)
CONNECTOR_TYPE = VariableSpec("Connector", "ConnectorType", _TEXT, "sType2", _RO)
CONNECTOR_SUPPLY_PHASES = VariableSpec("Connector", "SupplyPhases", _INT, "3", _RO, minimum=0, maximum=3)

# --- communication --------------------------------------------------------------------------------------------------
HEARTBEAT_INTERVAL = VariableSpec(
    "OCPPCommCtrlr", "HeartbeatInterval", _INT, "300", unit="s", minimum=1, maximum=_DAY, key16="HeartbeatInterval"
)
PING_INTERVAL = VariableSpec(
    "OCPPCommCtrlr",
    "WebSocketPingInterval",
    _INT,
    "30",
    unit="s",
    minimum=0,
    maximum=3600,
    key16="WebSocketPingInterval",
)
MESSAGE_TIMEOUT = VariableSpec(
    "OCPPCommCtrlr", "MessageTimeout", _INT, "30", _RO, instance="Default", unit="s", minimum=1, maximum=300,
    key16="MessageTimeout", mutability16=_RW,
)  # fmt: skip
MESSAGE_ATTEMPTS = VariableSpec(
    "OCPPCommCtrlr", "MessageAttempts", _INT, "5", instance="TransactionEvent", minimum=1, maximum=100,
    key16="TransactionMessageAttempts",
)  # fmt: skip
MESSAGE_ATTEMPT_INTERVAL = VariableSpec(
    "OCPPCommCtrlr", "MessageAttemptInterval", _INT, "30", instance="TransactionEvent", unit="s", minimum=0,
    maximum=3600,    key16="TransactionMessageRetryInterval",
)  # fmt: skip
RETRY_BACK_OFF_WAIT_MINIMUM = VariableSpec(
    "OCPPCommCtrlr", "RetryBackOffWaitMinimum", _INT, "3", unit="s", minimum=0, maximum=3600
)
RETRY_BACK_OFF_RANDOM_RANGE = VariableSpec(
    "OCPPCommCtrlr", "RetryBackOffRandomRange", _INT, "5", unit="s", minimum=0, maximum=3600
)
RETRY_BACK_OFF_REPEAT_TIMES = VariableSpec("OCPPCommCtrlr", "RetryBackOffRepeatTimes", _INT, "4", minimum=0, maximum=16)
"""With the defaults the longest wait is 3 x 2^4 + 5 = 53 s: the station is back within a minute of its CSMS."""
OFFLINE_THRESHOLD = VariableSpec("OCPPCommCtrlr", "OfflineThreshold", _INT, "60", unit="s", minimum=0, maximum=_DAY)
NETWORK_PRIORITY = VariableSpec(
    "OCPPCommCtrlr", "NetworkConfigurationPriority", _SEQUENCE, "1", values=("1",), reboot_required=True
)
NETWORK_ATTEMPTS = VariableSpec(
    "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", _INT, "1", _RO, minimum=1, maximum=1
)
"""There is one profile: after each failed attempt it is that one's turn again."""
ACTIVE_NETWORK_PROFILE = VariableSpec("OCPPCommCtrlr", "ActiveNetworkProfile", _INT, "1", _RO)
RESET_RETRIES = VariableSpec(
    "OCPPCommCtrlr", "ResetRetries", _INT, "0", _RO, minimum=0, maximum=0, key16="ResetRetries"
)
"""A reset ends the process, whatever happens; there is nothing to try again."""
UNLOCK_ON_EV_SIDE_DISCONNECT = VariableSpec(
    "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", _BOOL, "true", key16="UnlockConnectorOnEVSideDisconnect"
)
FILE_TRANSFER_PROTOCOLS = VariableSpec(
    "OCPPCommCtrlr", "FileTransferProtocols", _MEMBERS, "", _RO, values=("FTP", "FTPS", "HTTP", "HTTPS", "SFTP")
)

# --- security -------------------------------------------------------------------------------------------------------
SECURITY_IDENTITY = VariableSpec("SecurityCtrlr", "Identity", _TEXT, "", _RO)
SECURITY_PROFILE = VariableSpec(
    "SecurityCtrlr", "SecurityProfile", _INT, "1", _RO, minimum=0, maximum=3, key16="SecurityProfile"
)
BASIC_AUTH_PASSWORD = VariableSpec(
    "SecurityCtrlr", "BasicAuthPassword", _TEXT, "", _WO, minimum=16, maximum=64, key16="AuthorizationKey"
)
"""Bounds are lengths. 1.6 gives it as hex of the bytes, or plain text (security whitepaper A01)."""
ORGANIZATION_NAME = VariableSpec("SecurityCtrlr", "OrganizationName", _TEXT, "", maximum=50, key16="CpoName")
CERTIFICATE_ENTRIES = VariableSpec("SecurityCtrlr", "CertificateEntries", _INT, "0", _RO)

# --- authorisation --------------------------------------------------------------------------------------------------
AUTH_ENABLED = VariableSpec("AuthCtrlr", "Enabled", _BOOL, "true")
AUTHORIZE_REMOTE_START = VariableSpec(
    "AuthCtrlr", "AuthorizeRemoteStart", _BOOL, "false", key16="AuthorizeRemoteTxRequests"
)
LOCAL_AUTHORIZE_OFFLINE = VariableSpec(
    "AuthCtrlr", "LocalAuthorizeOffline", _BOOL, "true", key16="LocalAuthorizeOffline"
)
LOCAL_PRE_AUTHORIZE = VariableSpec("AuthCtrlr", "LocalPreAuthorize", _BOOL, "false", key16="LocalPreAuthorize")
OFFLINE_TX_FOR_UNKNOWN_ID = VariableSpec(
    "AuthCtrlr", "OfflineTxForUnknownIdEnabled", _BOOL, "false", key16="AllowOfflineTxForUnknownId"
)
MASTER_PASS_GROUP_ID = VariableSpec("AuthCtrlr", "MasterPassGroupId", _TEXT, "", maximum=36)
DISABLE_REMOTE_AUTHORIZATION = VariableSpec("AuthCtrlr", "DisableRemoteAuthorization", _BOOL, "false")
AUTH_CACHE_AVAILABLE = VariableSpec("AuthCacheCtrlr", "Available", _BOOL, "true", _RO)
AUTH_CACHE_ENABLED = VariableSpec("AuthCacheCtrlr", "Enabled", _BOOL, "true", key16="AuthorizationCacheEnabled")
AUTH_CACHE_LIFETIME = VariableSpec(
    "AuthCacheCtrlr", "LifeTime", _INT, "2592000", unit="s", minimum=0, maximum=315_360_000
)
AUTH_CACHE_DISABLE_POST_AUTHORIZE = VariableSpec("AuthCacheCtrlr", "DisablePostAuthorize", _BOOL, "false")
AUTH_CACHE_POLICY = VariableSpec("AuthCacheCtrlr", "Policy", _OPTION, "LRU", values=tuple(CachePolicy))
AUTH_CACHE_STORAGE = VariableSpec("AuthCacheCtrlr", "Storage", _INT, "0", _RO, unit="B")
LOCAL_LIST_AVAILABLE = VariableSpec("LocalAuthListCtrlr", "Available", _BOOL, "true", _RO)
LOCAL_LIST_ENABLED = VariableSpec("LocalAuthListCtrlr", "Enabled", _BOOL, "true", key16="LocalAuthListEnabled")
LOCAL_LIST_ENTRIES = VariableSpec("LocalAuthListCtrlr", "Entries", _INT, "0", _RO, minimum=0, maximum=10_000)
LOCAL_LIST_STORAGE = VariableSpec(
    "LocalAuthListCtrlr", "Storage", _INT, "0", _RO, unit="B", minimum=0, maximum=4_000_000
)
LOCAL_LIST_ITEMS = VariableSpec(
    "LocalAuthListCtrlr", "ItemsPerMessage", _INT, "1000", _RO, minimum=1, maximum=1000, key16="SendLocalListMaxLength"
)
LOCAL_LIST_BYTES = VariableSpec(
    "LocalAuthListCtrlr", "BytesPerMessage", _INT, "250000", _RO, minimum=250_000, maximum=250_000
)
"""Less than the longest frame that `ocpp.rpc.frame` reads."""
LOCAL_LIST_DISABLE_POST_AUTHORIZE = VariableSpec("LocalAuthListCtrlr", "DisablePostAuthorize", _BOOL, "false")
LOCAL_LIST_SUPPORTS_EXPIRY = VariableSpec("LocalAuthListCtrlr", "SupportsExpiryDateTime", _BOOL, "true", _RO)

# --- transactions ---------------------------------------------------------------------------------------------------
EV_CONNECTION_TIMEOUT = VariableSpec(
    "TxCtrlr", "EVConnectionTimeOut", _INT, "120", unit="s", minimum=1, maximum=_DAY, key16="ConnectionTimeOut"
)
STOP_TX_ON_EV_SIDE_DISCONNECT = VariableSpec(
    "TxCtrlr", "StopTxOnEVSideDisconnect", _BOOL, "true", key16="StopTransactionOnEVSideDisconnect"
)
STOP_TX_ON_INVALID_ID = VariableSpec("TxCtrlr", "StopTxOnInvalidId", _BOOL, "true", key16="StopTransactionOnInvalidId")
TX_BEFORE_ACCEPTED = VariableSpec("TxCtrlr", "TxBeforeAcceptedEnabled", _BOOL, "false")
TX_START_POINT = VariableSpec("TxCtrlr", "TxStartPoint", _MEMBERS, "PowerPathClosed", values=_START_POINTS)
TX_STOP_POINT = VariableSpec("TxCtrlr", "TxStopPoint", _MEMBERS, "EVConnected,Authorized", values=_START_POINTS)

# --- meter values ---------------------------------------------------------------------------------------------------
SAMPLED_STARTED_MEASURANDS = VariableSpec(
    "SampledDataCtrlr", "TxStartedMeasurands", _MEMBERS, "Energy.Active.Import.Register", values=_METER
)
SAMPLED_UPDATED_MEASURANDS = VariableSpec(
    "SampledDataCtrlr", "TxUpdatedMeasurands", _MEMBERS,
    "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage", values=_METER,
    key16="MeterValuesSampledData",
)  # fmt: skip
SAMPLED_UPDATED_INTERVAL = VariableSpec(
    "SampledDataCtrlr", "TxUpdatedInterval", _INT, "60", unit="s", minimum=0, maximum=_DAY,
    key16="MeterValueSampleInterval",
)  # fmt: skip
SAMPLED_ENDED_MEASURANDS = VariableSpec(
    "SampledDataCtrlr", "TxEndedMeasurands", _MEMBERS, "Energy.Active.Import.Register", values=_METER,
    key16="StopTxnSampledData",
)  # fmt: skip
SAMPLED_ENDED_INTERVAL = VariableSpec(
    "SampledDataCtrlr", "TxEndedInterval", _INT, "0", unit="s", minimum=0, maximum=_DAY
)
REGISTER_VALUES_WITHOUT_PHASES = VariableSpec("SampledDataCtrlr", "RegisterValuesWithoutPhases", _BOOL, "true", _RO)
ALIGNED_MEASURANDS = VariableSpec(
    "AlignedDataCtrlr", "Measurands", _MEMBERS, "Energy.Active.Import.Register", values=_METER,
    key16="MeterValuesAlignedData",
)  # fmt: skip
ALIGNED_INTERVAL = VariableSpec(
    "AlignedDataCtrlr", "Interval", _INT, "0", unit="s", minimum=0, maximum=_DAY, key16="ClockAlignedDataInterval"
)
ALIGNED_ENDED_MEASURANDS = VariableSpec(
    "AlignedDataCtrlr", "TxEndedMeasurands", _MEMBERS, "", values=_METER, key16="StopTxnAlignedData"
)
ALIGNED_ENDED_INTERVAL = VariableSpec(
    "AlignedDataCtrlr", "TxEndedInterval", _INT, "0", unit="s", minimum=0, maximum=_DAY
)

# --- clock and device data -------------------------------------------------------------------------------------------
CLOCK_DATE_TIME = VariableSpec("ClockCtrlr", "DateTime", _TIME, "", _RO)
CLOCK_TIME_SOURCE = VariableSpec("ClockCtrlr", "TimeSource", _SEQUENCE, "Heartbeat", _RO, values=("Heartbeat",))
_ITEMS, _BYTES = "ItemsPerMessage", "BytesPerMessage"
ITEMS_GET_VARIABLES = VariableSpec("DeviceDataCtrlr", _ITEMS, _INT, "100", _RO, instance="GetVariables")
ITEMS_SET_VARIABLES = VariableSpec("DeviceDataCtrlr", _ITEMS, _INT, "100", _RO, instance="SetVariables")
ITEMS_GET_REPORT = VariableSpec("DeviceDataCtrlr", _ITEMS, _INT, "100", _RO, instance="GetReport")
BYTES_GET_VARIABLES = VariableSpec("DeviceDataCtrlr", _BYTES, _INT, "65536", _RO, instance="GetVariables")
BYTES_SET_VARIABLES = VariableSpec("DeviceDataCtrlr", _BYTES, _INT, "65536", _RO, instance="SetVariables")
BYTES_GET_REPORT = VariableSpec("DeviceDataCtrlr", _BYTES, _INT, "65536", _RO, instance="GetReport")

# --- stationd's own --------------------------------------------------------------------------------------------------
RESET_DELAY = VariableSpec(
    VENDOR_COMPONENT, "ResetDelay", _DEC, "1", unit="s", minimum=0, maximum=60,
    description="Wait between the answer to a reset and the restart",
)  # fmt: skip
PROFILE_SWITCH_DELAY = VariableSpec(
    VENDOR_COMPONENT, "ProfileSwitchDelay", _DEC, "1", unit="s", minimum=0, maximum=60,
    description="Wait before reconnecting with changed connection settings (password, security profile)",
)  # fmt: skip
RESUME_AFTER_POWER_LOSS = VariableSpec(
    VENDOR_COMPONENT, "ResumeAfterPowerLoss", _BOOL, "false",
    description="Resume an interrupted transaction after the whole board lost power, instead of ending it",
)  # fmt: skip
REBOOT_NEEDED = VariableSpec(
    VENDOR_COMPONENT, "RebootNeeded", _BOOL, "false", _RO, description="A stored setting waits for a restart"
)

# --- 1.6 keys without a 2.x variable ---------------------------------------------------------------------------------


def _key16(
    key: str,
    data_type: DataType,
    default: str,
    mutability: Mutability = _RO,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    values: tuple[str, ...] = (),
) -> VariableSpec:
    return VariableSpec(
        VENDOR_COMPONENT, key, data_type, default, mutability, minimum=minimum, maximum=maximum, values=values,
        key16=key, version16_only=True,
    )  # fmt: skip


NUMBER_OF_CONNECTORS = _key16("NumberOfConnectors", _INT, "1")
SUPPORTED_FEATURE_PROFILES = _key16("SupportedFeatureProfiles", _TEXT, "Core,LocalAuthListManagement,RemoteTrigger")
GET_CONFIGURATION_MAX_KEYS = _key16("GetConfigurationMaxKeys", _INT, "1000")
LOCAL_LIST_MAX_LENGTH = _key16("LocalAuthListMaxLength", _INT, "10000", minimum=10_000, maximum=10_000)
CONNECTOR_PHASE_ROTATION = _key16("ConnectorPhaseRotation", _TEXT, "0.RST,1.RST", _RW, maximum=500)
CONNECTOR_PHASE_ROTATION_MAX_LENGTH = _key16("ConnectorPhaseRotationMaxLength", _INT, "20")
SAMPLED_DATA_MAX_LENGTH = _key16("MeterValuesSampledDataMaxLength", _INT, str(len(_METER)))
ALIGNED_DATA_MAX_LENGTH = _key16("MeterValuesAlignedDataMaxLength", _INT, str(len(_METER)))
STOP_SAMPLED_DATA_MAX_LENGTH = _key16("StopTxnSampledDataMaxLength", _INT, str(len(_METER)))
STOP_ALIGNED_DATA_MAX_LENGTH = _key16("StopTxnAlignedDataMaxLength", _INT, str(len(_METER)))


def _problems(components: Collection[str]) -> tuple[VariableSpec, ...]:
    return tuple(VariableSpec(component, PROBLEM, _BOOL, "false", _RO) for component in sorted(components))


PROBLEM = "Problem"
"""True while a fault of the component is in force."""
PER_STATION = _problems(OF_STATION)
PER_EVSE = (EVSE_AVAILABLE, EVSE_STATE, EVSE_POWER, EVSE_SUPPLY_PHASES, *_problems(OF_EVSE))
PER_CONNECTOR = (
    CONNECTOR_AVAILABLE, CONNECTOR_STATE, CONNECTOR_TYPE, CONNECTOR_SUPPLY_PHASES, *_problems(OF_CONNECTOR),
)  # fmt: skip

ALL: tuple[VariableSpec, ...] = tuple(
    spec
    for spec in list(globals().values())
    if isinstance(spec, VariableSpec) and spec not in PER_EVSE and spec not in PER_CONNECTOR
)
"""Rows that exist once per station."""


def of_connector(spec: VariableSpec, evse_id: int, connector_id: int | None = None) -> VariableSpec:
    """Return the row of one EVSE, or of one connector of it."""
    return replace(spec, evse_id=evse_id, connector_id=connector_id)


def rows_for(
    evses: Sequence[tuple[int, Sequence[int]]], absent: Mapping[int, Collection[str]] = NOTHING
) -> tuple[VariableSpec, ...]:
    """Return the whole table of a station; `evses` holds (EVSE id, ids of its connectors).

    `absent` names components that an EVSE's board does not have, so that nothing is said of them.
    """
    count = sum(len(connector_ids) for _, connector_ids in evses)
    sized = {
        NUMBER_OF_CONNECTORS: str(count),
        CONNECTOR_PHASE_ROTATION: ",".join(f"{number}.RST" for number in range(count + 1)),
    }
    rows = [replace(spec, default=sized[spec]) if spec in sized else spec for spec in (*ALL, *PER_STATION)]
    for evse_id, connector_ids in evses:
        missing = absent.get(evse_id, ())
        of_evse, of_its_connectors = (
            [spec for spec in specs if spec.component not in missing] for specs in (PER_EVSE, PER_CONNECTOR)
        )
        rows += [of_connector(spec, evse_id) for spec in of_evse]
        rows += [of_connector(spec, evse_id, number) for number in connector_ids for spec in of_its_connectors]
    return tuple(rows)
