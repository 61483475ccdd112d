"""Statuses on their way from the link to the jobs."""

from dataclasses import replace

from stationd.domain.pilot import CpState
from stationd.station.pilot_watch import PilotWatch, cable_after, connected_phases, contactor_open
from stationd.station.timing import Timing
from tests.fakes.clock import FakeClock
from tests.fakes.scheduler import FakeScheduler
from tests.station.test_recovery import STATUS

A, B, C = (replace(STATUS, cp=CpState(name)) for name in "ABC")


class Link:
    """A watch with its clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.scheduler = FakeScheduler(self.clock)
        self.arrived = 0
        self.watch = PilotWatch(Timing(self.clock, self.scheduler), self.count)

    def count(self) -> None:
        self.arrived += 1


def test_errors_of_the_pilot_and_a_lost_link_say_nothing_about_the_cable() -> None:
    for before in (False, True):
        assert cable_after(before, replace(STATUS, cp=CpState.E)) is before
        assert cable_after(before, replace(STATUS, cp=CpState.F)) is before
        assert cable_after(before, None) is before
        assert cable_after(before, A) is False
        assert cable_after(before, replace(STATUS, cp=CpState.D)) is True


def test_a_contactor_is_open_only_when_seen_and_commanded_so() -> None:
    assert contactor_open(B)
    assert not contactor_open(replace(B, sensed_closed=True))
    assert not contactor_open(replace(B, commanded_closed=True))
    assert not contactor_open(None)


def test_statuses_between_two_plugs_collapse_and_no_plug_is_lost() -> None:
    link = Link()
    for status in (B, C, B, C, A, A, B, C, A):
        link.watch.see(status)
    assert link.arrived == 4
    changes = []
    for _ in range(link.arrived):
        changes.append((link.watch.take(), link.watch.cable, link.watch.status))
    assert changes == [(True, True, C), (True, False, A), (True, True, C), (True, False, A)]


def test_it_is_behind_while_a_plug_is_seen_but_not_taken() -> None:
    link = Link()
    link.watch.assume_cable(True)
    link.watch.see(C)
    assert not link.watch.behind
    link.watch.see(A)
    link.watch.see(B)
    assert link.watch.behind
    for _ in range(3):
        assert link.watch.behind
        link.watch.take()
    assert not link.watch.behind


async def test_a_link_is_lost_only_after_a_while() -> None:
    link = Link()
    link.watch.start(None)
    await link.scheduler.advance(2.9)
    assert not link.watch.lost
    await link.scheduler.advance(0.2)
    assert link.watch.lost
    assert link.arrived == 1  # the jobs look at it
    link.watch.see(B)
    assert not link.watch.lost
    link.watch.see(None)
    await link.scheduler.advance(2)
    link.watch.see(B)
    await link.scheduler.advance(5)
    assert not link.watch.lost


def _changes(link: Link) -> list[tuple[bool, bool]]:
    return [(link.watch.take(), link.watch.cable) for _ in range(len(link.watch._pending))]


def test_a_car_that_left_while_the_link_was_lost_counts_as_unplugged_although_one_is_in() -> None:
    link = Link()
    link.watch.see(C)
    link.watch.see(None)
    _changes(link)
    link.watch.see(replace(B, unplugs=STATUS.unplugs + 1))
    assert link.watch.behind
    assert _changes(link) == [(True, False), (True, True)]
    assert link.watch.status is not None


def test_the_same_car_after_a_lost_link_changes_nothing() -> None:
    link = Link()
    for status in (C, None, B):
        link.watch.see(status)
    assert _changes(link) == [(True, True)]


def test_a_restarted_safety_process_that_saw_nobody_leave_changes_nothing() -> None:
    link = Link()
    for status in (replace(C, unplugs=3), None, replace(B, boot_id="new", unplugs=0)):
        link.watch.see(status)
    assert _changes(link) == [(True, True)]


def test_a_car_that_left_since_the_restart_of_the_safety_process_counts_as_unplugged() -> None:
    link = Link()
    for status in (replace(C, unplugs=3), None, replace(B, boot_id="new", unplugs=1)):
        link.watch.see(status)
    assert _changes(link) == [(True, True), (True, False), (True, True)]


def test_a_car_that_left_while_the_pilot_shows_an_error_now_is_gone() -> None:
    link = Link()
    for status in (C, None, replace(STATUS, cp=CpState.E, unplugs=STATUS.unplugs + 1)):
        link.watch.see(status)
    assert _changes(link) == [(True, True), (True, False)]


def test_an_unplug_that_was_seen_is_not_counted_twice() -> None:
    link = Link()
    for status in (C, replace(A, unplugs=STATUS.unplugs + 1), replace(B, unplugs=STATUS.unplugs + 1)):
        link.watch.see(status)
    assert _changes(link) == [(True, True), (True, False), (True, True)]


def test_energy_flows_on_the_phases_that_the_switch_connects_and_that_are_wired() -> None:
    assert connected_phases(replace(STATUS, phases=1), 3) == 1
    assert connected_phases(replace(STATUS, phases=3), 1) == 1
    assert connected_phases(replace(STATUS, phases=0), 3) == 3  # between two positions: as it will be
    assert connected_phases(None, 3) == 3
