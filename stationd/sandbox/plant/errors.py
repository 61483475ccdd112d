"""What the plant refuses, and what its client raises."""

from stationd.domain.errors import StationError


class PlantError(StationError):
    """The plant cannot do what it was asked; the text says why. `code` is the JSON-RPC error code, if one came."""

    code = -32000

    def __init__(self, sentence: str, code: int | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class ArgumentError(PlantError):
    """A name is unknown or a value out of its bounds."""

    code = -32602


class RefusedError(PlantError):
    """The arguments are right but the plant is not in a state in which that can happen."""

    code = -32000


class StartError(PlantError):
    """The plant cannot start; the person who started it can mend it."""
