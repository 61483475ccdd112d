"""The synchronous client."""

import threading

import pytest

from stationd.sandbox.plant.client import PlantClient
from stationd.sandbox.plant.errors import PlantError
from tests.sandbox.plant.bench import Bench, short_folder


def test_absent_plant_is_one_sentence() -> None:
    with (
        short_folder() as folder,
        pytest.raises(PlantError, match=r"cannot reach the plant at .*Is the plant running\?"),
    ):
        PlantClient(folder / "plant.sock")


def test_refusals_come_with_their_sentence_and_code(shared_bench: Bench) -> None:
    with pytest.raises(PlantError, match="cannot find EVSE 7") as refused:
        shared_bench.client.plug_in(7)
    assert refused.value.code == -32602
    with pytest.raises(PlantError, match="cannot find EVSE 7"):
        shared_bench.client.evse(7)


def test_wait_until_sees_what_another_client_does(bench: Bench) -> None:
    def plug_in() -> None:
        with bench.another_client() as client:
            client.plug_in(current_a=10)

    thread = threading.Thread(target=plug_in)
    thread.start()
    evse = bench.client.wait_until(lambda evse: evse["car"] is not None)
    thread.join()
    assert evse["car"]["current_a"] == 10


def test_wait_until_gives_up_with_the_state_it_saw(shared_bench: Bench) -> None:
    with pytest.raises(PlantError, match=r"cannot see what was waited for within 0.05 s.*'car': None"):
        shared_bench.client.wait_until(lambda evse: False, 0.05)


def test_watch_yields_states_and_ends_with_the_plant(bench: Bench) -> None:
    states = bench.client.watch(interval_ms=20)
    first, second = next(states), next(states)
    assert second["t_ns"] > first["t_ns"]
    bench.process.terminate()
    for state in states:  # what was under way, then the end
        assert state["t_ns"] > second["t_ns"]


def test_closed_plant_is_a_plant_error_for_later_calls(bench: Bench) -> None:
    bench.process.terminate()
    bench.process.wait(10)
    with pytest.raises(PlantError, match=r"the plant closed the connection"):
        bench.client.state()
