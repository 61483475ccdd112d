"""Errors and their JSON-RPC codes."""

from stationd.domain.errors import StationError
from stationd.sandbox.plant.errors import ArgumentError, PlantError, RefusedError


def test_wrong_arguments_and_refusals_have_codes_of_their_own() -> None:
    assert (ArgumentError("x").code, RefusedError("x").code) == (-32602, -32000)


def test_client_keeps_the_code_that_came_and_callers_can_catch_the_projects_root() -> None:
    error = PlantError("cannot do it", -32601)
    assert error.code == -32601
    assert isinstance(error, StationError)
