"""Editing a plan that runs: the past and the stage stay, and the edit is written down."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from engine_house import START, House

from warmup.model import LaneKey, RampClock
from warmup.plan.aim import Steadiness
from warmup.timing import DAY

GOOGLE = LaneKey("127.0.0.2", "google")


def live(house: House, days: int) -> None:
    for _ in range(days):
        house.engine.roll()
        house.submit(*(f"user{number}@gmail.com" for number in range(40)))
        house.until(house.clock.now() + DAY)
    house.engine.roll()


def days(house: House) -> list[tuple[int, int]]:
    """Step and cap of the Google lane, day by day."""
    return [(day.ledger.step, day.ledger.cap) for day in house.engine.days() if day.lane == GOOGLE]


def words(house: House) -> str:
    query = sa.text("SELECT text FROM journal WHERE kind = 'plan' ORDER BY id")
    return " | ".join(house.database.read(lambda c: [str(row[0]) for row in c.execute(query)]))


def test_a_new_target_and_curve_keep_the_step(furnished: Callable[..., House]) -> None:
    """After three days the plan is raised and its curve changed: day four is step 4 of the new one."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 3)
    past = days(house)[:3]
    edited = house.again(target=120, curve="linear:days=12")
    live(edited, 1)
    assert days(edited)[:3] == past
    assert days(edited)[4] == (5, 25)
    assert "plan edited: curve: linear:days=6 becomes linear:days=12; target: 60 becomes 120" in words(edited)


def test_how_a_plan_is_followed_is_on_record_too(furnished: Callable[..., House]) -> None:
    """Another ramp, and mail that is spread from now on, are edits: the record says so, once."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 1)
    edited = house.again(ramp=RampClock.EARNED, steadiness=Steadiness(patience=3))
    live(edited, 2)
    told = "plan edited: ramp: calendar becomes earned; smooth: no becomes yes; keep_warm: nothing becomes"
    assert words(edited).count(told) == words(edited).count("plan edited") == 1
    kept = edited.engine.planned()
    assert kept is not None and kept["settings"]["patience"] == "3"


def test_a_pause_of_a_week_keeps_the_stage(furnished: Callable[..., House]) -> None:
    """Nothing goes while the plan pauses, no day of it is a step, and the ramp goes on where it stood."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 2)
    from warmup.plan.rest import parse_pauses

    pauses = parse_pauses(["2026-12-04..2026-12-10"])
    import attrs

    house.engine.context.plan = attrs.evolve(house.engine.context.plan, pauses=pauses)
    live(house, 9)
    found = days(house)
    assert [cap for _, cap in found[3:10]] == [0] * 7
    assert found[2][0] == 3 and found[10][0] == 4
    assert found[10][1] == 20


def test_a_new_ip_starts_at_its_first_step(furnished: Callable[..., House]) -> None:
    """An address that joins starts at step 1; the one that was there keeps its own."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 3)
    joined = house.again(ips=["127.0.0.2", "127.0.0.3"])
    live(joined, 1)
    new = [day.ledger.step for day in joined.engine.days() if day.lane == LaneKey("127.0.0.3", "google")]
    assert new[0] == 1
    assert days(joined)[-1][0] == 5
    kept = joined.engine.planned()
    assert kept is not None and kept["head"]["ips"] == ["127.0.0.2", "127.0.0.3"]
    assert "IP 127.0.0.3" in words(joined)
    assert house.clock.now() > START


def rows(house: House) -> list[tuple[int, int, int, int]]:
    """Step, cap, units used and deliveries accepted of the Google lane, as its ledger has them."""
    found = (day.ledger for day in house.engine.days() if day.lane == GOOGLE)
    return [(one.step, one.cap, one.used, one.accepted) for one in found]


def test_a_lowered_target_acts_at_once_and_refunds_nothing(furnished: Callable[..., House]) -> None:
    """At noon the target falls: so does the open window's cap; what was sent counts, the past stays."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 3)
    house.submit(*(f"more{number}@gmail.com" for number in range(60)))
    house.until(house.clock.now() + DAY // 2)
    before = rows(house)
    step, cap, used, accepted = before[-1]
    assert (step, cap) == (4, 20) and 7 < used < cap

    lowered = house.again(target=20)
    lowered.engine.roll()
    after = rows(lowered)
    assert after[:-1] == before[:-1]
    assert after[-1] == (4, 6, used, accepted)  # its half of the 13 that are 20 x 4 / 6
    lowered.submit(*(f"late{number}@gmail.com" for number in range(60)))
    assert lowered.release() == []
    lowered.until(lowered.clock.now() + DAY // 2)
    lowered.engine.roll()
    closed, today = rows(lowered)[-2:]
    assert closed == (4, 6, used, accepted)
    assert today[:2] == (5, 8)  # more than the cap was used: a step is earned


def test_a_raised_target_waits_for_the_next_window(furnished: Callable[..., House]) -> None:
    """The open window keeps the cap that it was opened with; its ledger row is not touched by the edit."""
    house = furnished(target=60, curve="linear:days=6")
    live(house, 2)
    before = rows(house)
    raised = house.again(target=120)
    raised.engine.roll()
    assert rows(raised) == before
    live(raised, 1)
    found = rows(raised)
    assert found[-2][:2] == before[-1][:2]
    assert (before[-1][:2], found[-1][:2]) == ((3, 15), (4, 40))
