"""The simulation in counts and the engine message by message, in the same world."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from engine_house import House

from warmup.contracts import Answer, Setting
from warmup.engine.evidence import HISTORY
from warmup.forecast.desk import Desk
from warmup.forecast.simulate import PROVIDER, Day, course, run
from warmup.forecast.strategies import REMEMBERED, Ours
from warmup.forecast.world import Provider, Traits
from warmup.model import Category, LaneKey, RampClock, Report, ReportKind
from warmup.timing import DAY, HOUR, MINUTE, Chance, Instant, Span

CURVE = "geometric:start=4,growth=2"
ADDRESS = "127.0.0.2"


@attrs.frozen
class Case:
    """A world for a handful of messages a day.

    Attributes:
        traits: What the provider is like.
        target, days: Of the run.
        slack: Messages by which a day may differ: a retry that is due about midnight, or a word that
            comes between two messages of the same hour, may fall on either side.
        blocked: Days on which it turns the address away.
        shows: What has to happen at all, for the comparison to say anything.
    """

    traits: Traits
    shows: Callable[[Day], bool]
    target: int = 32
    days: int = 8
    slack: int = 0
    blocked: tuple[int, ...] = ()

    def provider(self, setting: Setting) -> Provider:
        """A provider for one run."""
        return Blocking(self.traits, setting, self.blocked)


class Blocking(Provider):
    """A provider that turns the address away on some days."""

    def __init__(self, traits: Traits, setting: Setting, days: tuple[int, ...]) -> None:
        super().__init__(traits, setting, Chance(5))
        self.start, self.days = setting.start, days

    def answer(self, at: Instant, attempts: int, age: Span, patience: int) -> Answer:
        if (at - self.start) // DAY in self.days:
            return Answer(min(attempts, patience), Category.IP_REPUTATION_BLOCK)
        return super().answer(at, attempts, age, patience)


def _traits(**words: object) -> Traits:
    return Traits(**({"first": 1_000, "invalid": 0.0, "complain": 0.0} | words))  # type: ignore[arg-type]


CASES = {
    "lenient": Case(_traits(), lambda day: day.accepted == 32, days=5),
    "greylisting": Case(
        _traits(first=10, growth=2.0, greylist=7 * MINUTE), lambda day: day.greylisted > 0, target=40, days=7
    ),
    "a ceiling": Case(_traits(first=5, growth=2.5, most=18), lambda day: day.deferred > 0),
    "strict": Case(_traits(first=6, growth=1.5, stall=True), lambda day: day.deferred > 0),
    "strict, for longer": Case(
        _traits(first=9, growth=1.3, stall=True), lambda day: day.deferred > 0, target=60, days=14
    ),
    "hourly": Case(_traits(hour_share=0.001), lambda day: day.deferred > 0, target=60, days=7),
    "changing its mind": Case(
        _traits(first=30, growth=3.0, moods=((5, 8, 0.2),)), lambda day: day.deferred > 0
    ),
    "deferrals that mean nothing": Case(
        _traits(noise=0.03), lambda day: day.deferred > 0, target=60, days=12
    ),
    "blocks": Case(_traits(), lambda day: day.blocked > 0, days=9, blocked=(3, 4)),
    "addresses that are gone": Case(_traits(invalid=0.25), lambda day: day.invalid > 0),
    "complaints": Case(_traits(complain=0.05), lambda day: day.complained > 0, target=40, days=11, slack=2),
    "idle": Case(_traits(silent=(4, 36)), lambda day: day.standing == "cold", days=44),
}


def _hear(house: House, desk: Desk, told: int) -> int:
    """Hand the complaints that came in to the engine, as a feed does; how many were told by now."""
    for one in desk.receiver.complaints(house.clock.now()):  # type: ignore[attr-defined]
        told += 1
        report = Report(
            id=f"arf-{told}",
            kind=ReportKind.COMPLAINT,
            occurred_at=one.accepted_at,
            lane=LaneKey(ADDRESS, PROVIDER),
            count=one.people,
        )
        house.engine.ingest([report])
    return told


def _live(house: House, desk: Desk, start: Instant, case: Case) -> list[tuple[int, str]]:
    """Send message by message whenever the engine says to; step and standing at the end of each day."""
    standings = []
    told = 0
    for day in range(case.days):
        first, after = case.traits.silent
        for hour in range(24):
            end = start + day * DAY + (hour + 1) * HOUR
            while house.clock.now() < end:
                grants = [] if first <= day < after else house.begin(house.release(limit=1))
                for grant in grants:
                    house.engine.record([(grant, desk.answer(grant.id, house.clock.now()))])
                if not grants:
                    house.clock.advance_to(end if first <= day < after else min(end, house.wake_at))
            told = _hear(house, desk, told)
        house.engine.roll()
        (lane,) = house.engine.lanes()
        standings.append((lane.lane.step, str(lane.lane.standing)))
    return standings


def test_both_look_back_as_far() -> None:
    """The simulation remembers as many days as the engine."""
    assert REMEMBERED * DAY == HISTORY


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_engine_and_simulation_agree(furnished: Callable[..., House], name: str) -> None:
    """What `warmup simulate` shows is what the engine does: the same caps and standings each day."""
    case = CASES[name]
    laid = course(case.target, case.days, curve=CURVE, pattern="flat")
    simulated = run(laid, case.provider(laid.setting), Ours(laid), "ours")
    assert any(map(case.shows, simulated.days)), "the world showed nothing of what it is for"

    start = laid.setting.start
    house = furnished(
        start=start, target=case.target, curve=CURVE, mix="google=1", ramp=RampClock.HEALTH, days=case.days
    )
    desk = Desk(case.provider(laid.setting))
    house.submit(*(f"reader{number}@gmail.com" for number in range(case.target * case.days + 50)))
    standings = _live(house, desk, start, case)
    windows = sorted(house.engine.days(), key=lambda record: record.ledger.window.starts_at)[: case.days]
    lived = [
        (record.ledger.cap, *rest, record.ledger.accepted)
        for record, rest in zip(windows, standings, strict=True)
    ]
    shown = [(day.cap, day.step, day.standing, day.accepted) for day in simulated.days]
    for engine, counts in zip(lived, shown, strict=True):
        assert engine[:3] == counts[:3], f"engine and simulation part:\n{lived}\n{shown}"
        assert abs(engine[3] - counts[3]) <= case.slack
