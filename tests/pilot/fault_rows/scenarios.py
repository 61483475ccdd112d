"""What runs side by side: a story for each EVSE, and what that EVSE has of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.pilot.fault_rows import slow_faults, vehicles
from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import Round

Story = Callable[[Place], Round | None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story, and the keys of its EVSE that differ from the mock board."""

    name: str
    story: Story
    keys: dict[str, Any] = field(default_factory=dict)


SCENARIOS = (
    Scenario("a vehicle with a broken charger draws too much", slow_faults.draws_too_much),
    Scenario("a vehicle draws a fifth more than it is offered", slow_faults.over_draws),
    Scenario("a lock jams while it locks", slow_faults.jams_while_locking),
    Scenario("a lock jams while it unlocks", slow_faults.jams_while_unlocking),
    Scenario("a sleeping vehicle is woken by parting the pilot", vehicles.sleeps_until_parted),
    Scenario("a sleeping vehicle is woken by state F", vehicles.sleeps_until_state_f, {"wake_up": "state_f"}),
    Scenario("a vehicle that toggles makes the contactor rest", vehicles.toggles),
    Scenario("a lying brain flaps the phases", vehicles.brain_flaps_phases),
    Scenario("a vehicle is switched from three phases to one and back", vehicles.changes_phases),
    Scenario("a vehicle that does not stop is switched too", vehicles.changes_phases_of_one_that_does_not_stop),
    Scenario("a vehicle gives up at state F", vehicles.gives_up_at_state_f),
    Scenario("a vehicle is spared state F", vehicles.is_spared_state_f, {"fault_state_f_ms": 0}),
    Scenario("a slow vehicle has its time", vehicles.follows_slowly),
    Scenario("vehicles that differ charge", vehicles.ordinary_ones),
    Scenario("a vehicle pulls its plug under load", vehicles.pulls_its_plug),
    Scenario("a contactor wears", vehicles.wears, {"rated_cycles": 2}),
    Scenario("a contactor never closes", slow_faults.never_closes),
    Scenario("a contactor opens while charging", slow_faults.loses_its_contact),
    Scenario("a contactor is no longer seen closed", slow_faults.loses_its_feedback),
    Scenario("a phase switch does not follow", slow_faults.does_not_follow),
    Scenario("a simplified vehicle is offered little", slow_faults.is_simplified),
)
