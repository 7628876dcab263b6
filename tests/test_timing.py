"""Time and chance: instants convert exactly, clocks say what they are, and chance repeats itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warmup import timing
from warmup.testing import run
from warmup.testing.strategies import instants
from warmup.timing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Chance,
    ScaledClock,
    SimulatedClock,
    SystemClock,
    format_instant,
    format_span,
    from_datetime,
    to_datetime,
)

START = from_datetime(datetime(2026, 12, 1, tzinfo=UTC))
EARLIEST, LATEST = (
    from_datetime(datetime.min.replace(tzinfo=UTC)),
    from_datetime(datetime.max.replace(tzinfo=UTC)),
)


@given(instant=instants() | st.integers(EARLIEST, LATEST))
@example(instant=EARLIEST)
@example(instant=LATEST)
@example(instant=-1)
@example(instant=1_700_000_000_000_001)
def test_instants_survive_the_way_there_and_back(instant: int) -> None:
    """Every microsecond of the years 1 to 9999 comes back as itself: no float is near."""
    there = to_datetime(instant)
    assert there.tzinfo is UTC
    assert from_datetime(there) == instant
    assert there - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(microseconds=instant)


@given(moment=st.datetimes(), minutes=st.integers(-14 * 60, 14 * 60))
def test_a_zone_is_taken_at_its_word(moment: datetime, minutes: int) -> None:
    """The same moment in another zone is the same instant."""
    zone = timezone(timedelta(minutes=minutes))
    assert from_datetime(moment.replace(tzinfo=zone)) == (
        from_datetime(moment.replace(tzinfo=UTC)) - minutes * MINUTE
    )


def test_the_hour_that_comes_twice() -> None:
    """On the night on which clocks go back, the first and the second half past two are an hour apart."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert from_datetime(first.replace(fold=1)) - from_datetime(first) == HOUR


@given(moment=st.datetimes())
def test_a_time_without_a_zone_is_refused(moment: datetime) -> None:
    """Nobody's local time is guessed at."""
    with pytest.raises(ValueError, match="no time zone"):
        from_datetime(moment)


def test_text_for_people() -> None:
    """Instants to the second in UTC, spans in their two largest units."""
    assert format_instant(START + 9 * HOUR + 30 * MINUTE + 5 * SECOND) == "2026-12-01 09:30:05 UTC"
    assert [format_span(span) for span in (0, 1, SECOND, 61 * SECOND, 200 * MINUTE, DAY, -HOUR)] == [
        "0 s",
        "0 s",
        "1 s",
        "1 min 1 s",
        "3 h 20 min",
        "1 d",
        "-1 h",
    ]
    assert format_span(3 * DAY + 4 * HOUR + 5 * MINUTE) == "3 d 4 h"


# Clocks


class Machine:
    """The machine's clocks, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = START * 1_000
        self.monotonic = 5_000_000_000
        monkeypatch.setattr(timing.time, "time_ns", lambda: self.wall)
        monkeypatch.setattr(timing.time, "monotonic_ns", lambda: self.monotonic)
        monkeypatch.setattr(timing.time, "clock_gettime_ns", lambda _: self.monotonic)

    def passes(self, span: int) -> None:
        self.wall += span * 1_000
        self.monotonic += span * 1_000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_system_clock(machine: Machine) -> None:
    """Wall time is the machine's; elapsed time is not moved by whoever sets the clock."""
    clock = SystemClock()
    assert (clock.kind, clock.now(), clock.elapsed(), clock.real()) == ("system", START, 0, START)
    machine.passes(HOUR)
    machine.wall += DAY * 1_000
    with clock.busy():
        machine.passes(MINUTE)
    assert clock.now() == START + DAY + HOUR + MINUTE
    assert clock.elapsed() == HOUR + MINUTE


def test_a_scaled_clock_runs_faster(machine: Machine) -> None:
    """Ten real seconds at 1,440 times are four hours, exactly; leases stay in real time."""
    clock = ScaledClock(START, 1_440)
    machine.passes(10 * SECOND)
    assert (clock.kind, clock.now(), clock.elapsed()) == ("scaled", START + 4 * HOUR, 4 * HOUR)
    assert clock.real() == START + 10 * SECOND
    with pytest.raises(ValueError, match="speed"):
        ScaledClock(START, 0)


def test_a_scaled_clock_stands_still_while_busy(machine: Machine) -> None:
    """Work in flight takes no engine time, however it overlaps."""
    clock = ScaledClock(START, 60)
    machine.passes(SECOND)
    with clock.busy():
        machine.passes(SECOND)
        with clock.busy():
            machine.passes(SECOND)
        machine.passes(SECOND)
        assert clock.elapsed() == MINUTE
    assert clock.elapsed() == MINUTE
    machine.passes(SECOND)
    assert clock.elapsed() == 2 * MINUTE


def test_a_scaled_clock_goes_on_after_trouble(machine: Machine) -> None:
    """A failure inside does not leave the clock standing."""
    clock = ScaledClock(START, 60)
    with pytest.raises(RuntimeError), clock.busy():
        raise RuntimeError
    machine.passes(SECOND)
    assert clock.elapsed() == MINUTE


@given(steps=st.lists(st.tuples(st.sampled_from(["advance", "jump", "to"]), st.integers(0, 10 * DAY))))
def test_a_simulated_clock_moves_when_told(steps: list[tuple[str, int]]) -> None:
    """Advancing passes time, jumping only moves the wall: the difference is what a watch can see."""
    clock, wall, passed = SimulatedClock(START), START, 0
    for what, span in steps:
        if what == "advance":
            clock.advance(span)
            wall, passed = wall + span, passed + span
        elif what == "jump":
            clock.jump(span - 5 * DAY)
            wall += span - 5 * DAY
        else:
            clock.advance_to(START + span)
            moved = max(0, START + span - wall)
            wall, passed = wall + moved, passed + moved
        assert (clock.now(), clock.elapsed(), clock.real()) == (wall, passed, wall)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_busy_is_counted() -> None:
    """Nobody moves a simulated clock while any of several things is in flight."""
    clock = SimulatedClock(START)
    with clock.busy():
        with clock.busy():
            assert clock.is_busy
        assert clock.is_busy
    assert not clock.is_busy


def test_sleeping() -> None:
    """A sleep ends at its instant, at once if that is past, and early when woken."""

    async def main() -> list[int]:
        ended = []
        await clock.sleep_until(START + HOUR)
        ended.append(clock.now())
        await clock.sleep_until(START)
        ended.append(clock.now())
        wake = asyncio.Event()
        asyncio.get_running_loop().call_later(60, wake.set)
        await clock.sleep_until(START + DAY, wake)
        ended.append(clock.now())
        await clock.sleep_until(START + DAY, wake)
        ended.append(clock.now())
        return ended

    clock = SimulatedClock(START)
    assert run(main(), clock) == [START + HOUR, START + HOUR, START + HOUR + MINUTE, START + HOUR + MINUTE]


def test_a_long_sleep_notices_a_clock_that_is_moved(machine: Machine) -> None:
    """Nobody sleeps longer than a minute without looking: the system's clock may be set."""
    slept = []

    async def short(seconds: float, _: object) -> None:
        slept.append(seconds)
        machine.passes(round(seconds * SECOND))
        if len(slept) == 2:
            machine.wall += DAY * 1_000

    clock = SystemClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "_sleep", short)
        asyncio.run(clock.sleep_until(START + HOUR))
    assert slept == [60, 60]


# Chance


def test_chance_is_the_same_everywhere() -> None:
    """The same seed and question have the same answer in every version: plans and waits depend on it."""
    assert Chance(1).draw("slot", "192.0.2.1:google@0", 7) == GOLDEN_DRAW
    assert [Chance(1).below(1_000, "retry", number, 1) for number in range(6)] == GOLDEN_BELOW
    assert Chance("1").draw("x") == Chance(1).draw("x")


GOLDEN_DRAW = 6319594431895056
GOLDEN_BELOW = [969, 522, 544, 695, 555, 728]


@given(seed=st.integers() | st.text(), question=st.lists(st.integers() | st.text(), max_size=3))
def test_chance_does_not_depend_on_what_was_asked_before(seed: int | str, question: list[int | str]) -> None:
    """A draw is named by its question alone."""
    one, other = Chance(seed), Chance(seed)
    one.draw("something else")
    assert one.draw(*question) == other.draw(*question)
    assert 0 <= one.draw(*question) < Chance.RESOLUTION


@given(limit=st.integers(-5, 10**12), number=st.integers())
def test_below_is_below(limit: int, number: int) -> None:
    """From 0 to the limit, the limit left out; 0 where there is nothing below."""
    drawn = Chance(0).below(limit, number)
    assert 0 <= drawn < limit or drawn == 0


def test_chance_is_even_enough() -> None:
    """Of 20,000 draws each tenth gets its tenth, other seeds and questions give others."""
    chance = Chance("even")
    counts = Counter(chance.below(10, number) for number in range(20_000))
    # Chi-squared with 9 degrees of freedom exceeds 33.7 once in ten thousand; the draws never change.
    assert sum((count - 2_000) ** 2 / 2_000 for count in counts.values()) < 33.7
    assert len({Chance(seed).draw("x") for seed in range(1_000)}) == 1_000
    assert chance.draw(1, 23) != chance.draw(12, 3)
