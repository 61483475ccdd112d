"""Load the generated schema validators of one OCPP version, each when its message is first seen.

The names of modules come from the generated index alone, never from the wire.
"""

import importlib
from typing import Any

from stationd.ocpp.version import RpcError, SchemaViolation, Validator


class Validators:
    """The validators of one version; made by `validators_of`."""

    def __init__(self, package: str) -> None:
        index = importlib.import_module(f"{package}.validators.index")
        self._package = package
        self._requests: dict[str, str] = index.REQUESTS
        self._responses: dict[str, str] = index.RESPONSES
        self._known: frozenset[str] = index.KNOWN
        self._loaded: dict[str, Validator] = {}

    def request(self, action: str) -> Validator | None:
        """Return the check of a request's payload; None for an action that this version does not define."""
        return self._validator(action, self._requests)

    def response(self, action: str) -> Validator | None:
        """Return the check of a response's payload; None for an action that this version does not define."""
        return self._validator(action, self._responses)

    def _validator(self, action: str, modules: dict[str, str]) -> Validator | None:
        name = modules.get(action)
        if name is None:
            return _not_generated if action in self._known else None
        if name not in self._loaded:
            validator: Validator = importlib.import_module(f"{self._package}.validators.{name}").validate
            self._loaded[name] = validator
        return self._loaded[name]


def _not_generated(payload: Any) -> None:
    """Refuse what cannot be checked: nothing passes unseen, in either direction."""
    raise SchemaViolation(
        RpcError.NOT_SUPPORTED, "", "is of an action without a validator (tools/generate_validators.py)"
    )


def validators_of(package: str) -> Validators:
    """Return the validators of a version's package, such as `stationd.ocpp.v16`. Loads only the index."""
    return Validators(package)
