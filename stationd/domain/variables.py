"""The words of the table of settings: one row is a 2.x device-model variable and, where 1.6 knows it, a 1.6 key."""

from dataclasses import dataclass
from enum import StrEnum


class DataType(StrEnum):
    """OCPP 2.0.1 DataEnumType."""

    STRING = "string"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE_TIME = "dateTime"
    BOOLEAN = "boolean"
    OPTION_LIST = "OptionList"
    SEQUENCE_LIST = "SequenceList"
    MEMBER_LIST = "MemberList"


class Mutability(StrEnum):
    """Who may write and read a value (OCPP 2.0.1 MutabilityEnumType)."""

    READ_ONLY = "ReadOnly"
    WRITE_ONLY = "WriteOnly"
    READ_WRITE = "ReadWrite"


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """One setting. Values are stored and sent as text; `Settings` parses them.

    `evse_id` and `connector_id` are filled in for rows that exist once per EVSE or connector.
    """

    component: str
    variable: str
    data_type: DataType
    default: str = ""
    mutability: Mutability = Mutability.READ_WRITE
    instance: str | None = None
    """The variable's instance; stationd uses no component instances."""
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    """What an OptionList, MemberList or SequenceList may hold; empty = anything."""
    key16: str | None = None
    """The OCPP 1.6 configuration key of the same setting."""
    mutability16: Mutability | None = None
    """Where 1.6 says something else."""
    values16: tuple[tuple[str, str], ...] = ()
    """Pairs (1.6 spelling, our spelling) where they differ."""
    reboot_required: bool = False
    version16_only: bool = False
    """Shown to a 1.6 CSMS only; reachable in 2.x under the vendor's component."""
    description: str = ""
    evse_id: int | None = None
    connector_id: int | None = None

    @property
    def name(self) -> str:
        """`Component.Variable`, `Component[evse:1].Variable`, `Component.Variable[Instance]`: how people write it."""
        where = "" if self.evse_id is None else f"[evse:{self.evse_id}]"
        if self.connector_id is not None:
            where = f"[evse:{self.evse_id},connector:{self.connector_id}]"
        return f"{self.component}{where}.{self.variable}" + (f"[{self.instance}]" if self.instance else "")

    @property
    def secret(self) -> bool:
        """True if the value must never be shown, logged or exported."""
        return self.mutability is Mutability.WRITE_ONLY


@dataclass(frozen=True, slots=True)
class VariableReport:
    """A setting with its present value, as reports need it; `value` is None for a secret."""

    spec: VariableSpec
    value: str | None


class Origin(StrEnum):
    """Where a value comes from, weakest first."""

    DEFAULT = "default"
    CONFIG = "config"
    LOCAL = "local"
    CSMS = "csms"
    STATE = "state"
    """Computed from what the station sees now (AvailabilityState, DateTime)."""


class SetOutcome(StrEnum):
    """Result of writing a setting (OCPP 2.0.1 SetVariableStatusEnumType)."""

    ACCEPTED = "Accepted"
    REBOOT_REQUIRED = "RebootRequired"
    REJECTED = "Rejected"
