"""Warm lanes held to alike days: what the preview smooths is what the engine sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date

import attrs
import pytest
from engine_house import ACCEPTED, START, House

from warmup.forecast.outlook import outlook
from warmup.model import Declaration, LaneKey, Standing, Stream, WaitReason
from warmup.plan.aim import Steadiness
from warmup.plan.demand import Demand, DemandStream
from warmup.store import lanes as store_lanes
from warmup.timing import DAY, HOUR

FIRST = date(2026, 12, 1)
IPS = ["127.0.0.2", "127.0.0.3"]
WARM = {address: Declaration(warm=True) for address in IPS}
GOOGLE = [LaneKey(address, "google") for address in IPS]
EVEN = Steadiness(keep_warm=2, patience=5)
HOUSE = {"ips": IPS, "target": 80, "declarations": WARM, "mix": "google=1"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def wanted(rows: dict[str, tuple[list[int], int | None]]) -> Demand:
    """Mail for Google by stream, each with the days that it may wait."""
    streams = tuple(
        DemandStream(name=name, arrivals={"google": tuple(row)}, deadline=deadline)
        for name, (row, deadline) in rows.items()
    )
    return Demand(name="test", start=FIRST, streams=streams)


def live(house: House, rows: dict[str, tuple[list[int], int | None]], days: int) -> list[int]:
    """Submit each day's mail as the day begins, and live it; what went on each day."""
    sent = []
    for day in range(days):
        for name, (row, _) in rows.items():
            if day < len(row) and row[day]:
                house.submit(*(f"u{number}@gmail.com" for number in range(row[day])), stream=name)
        house.release(limit=0)
        gone = Counter(grant.lane for _, grant in house.until(START + (day + 1) * DAY, ACCEPTED))
        sent.append(sum(gone[key] for key in GOOGLE))
    return sent


BURSTS = [30, 0, 3, 0, 9, 0, 0, 25, 0, 0, 10, 1, 0, 0]
ONE = ((), {"default": (BURSTS, None)})
TWO = (
    (Stream(name="daily", deadline=DAY), Stream(name="letter", deadline=5 * DAY)),
    {"letter": (BURSTS, 4), "daily": ([2] * 14, 0)},
)


@pytest.mark.parametrize(
    ("streams", "rows", "weekdays"),
    [(*ONE, None), (*ONE, [1, 1, 1, 1, 1, 0.5, 0]), (*TWO, None), (*TWO, [1, 1, 1, 1, 1, 0.5, 0.5])],
    ids=["one", "one, Sunday a day of rest", "two deadlines", "two deadlines, slow weekends"],
)
def test_what_the_preview_smooths_is_what_goes(
    furnished: Callable[..., House],
    streams: tuple[Stream, ...],
    rows: dict[str, tuple[list[int], int | None]],
    weekdays: list[float] | None,
) -> None:
    """Mail that comes as it was said to goes on each day as the preview has it, within a message or two."""
    expected = wanted(rows)
    house = furnished(**HOUSE, weekdays=weekdays, streams=streams, steadiness=EVEN, demand=expected)
    sent = live(house, rows, 14)
    lanes = {one.lane.key: one.lane for one in house.engine.lanes()}
    told = outlook(house.engine.context.plan, expected, days=20, lanes=lanes, steadiness=EVEN).forecast
    both = list(zip(sent, told.provider("google").released, strict=False))
    assert max(abs(real - preview) for real, preview in both) <= 2, repr(both)
    assert max(sent) < 16 < max(BURSTS)


def test_what_the_operator_says_without_a_streams_name_is_of_the_default_one(
    furnished: Callable[..., House],
) -> None:
    """A description that names no stream, with days of its own to wait, is previewed and sent alike."""
    expected = wanted({"mail": (BURSTS, 2)})
    house = furnished(**HOUSE, steadiness=EVEN, demand=expected)
    sent = live(house, {"default": (BURSTS, None)}, 10)
    lanes = {one.lane.key: one.lane for one in house.engine.lanes()}
    told = outlook(house.engine.context.plan, expected, days=20, lanes=lanes, steadiness=EVEN).forecast
    both = list(zip(sent, told.provider("google").released, strict=False))
    assert max(abs(real - preview) for real, preview in both) <= 2, repr(both)
    assert sum(sent[:3]) >= BURSTS[0]


def test_slow_weekdays_ahead_are_counted_on(furnished: Callable[..., House]) -> None:
    """Where a later weekday takes less, the days before it take its part over in good time."""
    house = furnished(**HOUSE, steadiness=Steadiness(keep_warm=0, patience=6))
    house.engine.roll()
    slow = (500, 0, 0, 0, 0, 0, 0)  # Mondays; 1 December 2026 is a Tuesday
    lanes = [one.lane for one in house.engine.lanes()]
    changed = [attrs.evolve(one, learned=attrs.evolve(one.learned, slow=slow)) for one in lanes]
    house.database.write(lambda connection: store_lanes.save_lanes(connection, changed))
    house.submit(*(f"u{number}@gmail.com" for number in range(420)))
    house.release(limit=0)
    # 420 in seven days: 40 on Monday, where no more goes, and 63.3 on each of the six before; not 60.
    assert sum(day.ledger.aim or 0 for day in house.engine.days()) in (63, 64)


def test_mail_that_nobody_expected_is_spread_and_what_is_due_goes(
    furnished: Callable[..., House],
) -> None:
    """Sixty letters at noon do not go at once; an hour later urgent mail goes the same day, all of it."""
    urgent = Stream(name="urgent", priority=0, deadline=DAY)
    house = furnished(**HOUSE, streams=(urgent,), steadiness=EVEN)
    house.release(limit=0)
    house.clock.advance_to(START + 12 * HOUR)
    ids = house.submit(*(f"u{number}@gmail.com" for number in range(36)))
    went = house.until(START + 13 * HOUR + 1, ACCEPTED)
    assert len(went) <= 4
    story = house.engine.explain_delivery(ids[-1])
    assert any(WaitReason.STEADY.value in line or "the days are kept alike" in line for line in story.lines)
    house.submit(*(f"now{number}@gmail.com" for number in range(6)), stream="urgent")
    went = house.until(START + DAY, ACCEPTED)
    assert len([grant for _, grant in went if grant.recipient.startswith("now")]) == 6
    assert len(went) <= 16
    told = house.engine.explain_lane(GOOGLE[0])
    assert any("cap 40, held to" in line for line in told.lines), told.lines


def test_what_nobody_notices_is_never_held(furnished: Callable[..., House]) -> None:
    """A personal server's few messages go on the day they come, spread or not."""
    house = furnished(**HOUSE, steadiness=Steadiness(keep_warm=10, patience=7))
    assert live(house, {"default": ([3, 0, 5, 7], None)}, 4) == [3, 0, 5, 7]


def test_a_ramp_is_not_held(furnished: Callable[..., House]) -> None:
    """While a lane of the pair is on its ramp, mail goes as soon as caps let it."""
    plain = furnished(**HOUSE | {"declarations": {IPS[0]: Declaration(warm=True)}}, steadiness=EVEN)
    free = live(plain, {"default": ([30, 0, 0], None)}, 3)
    assert {one.lane.standing for one in plain.engine.lanes()} >= {Standing.WARM, Standing.RAMPING}
    assert all(day.ledger.aim is None for day in plain.engine.days())
    assert free[0] > 20


def test_the_last_weeks_say_what_is_expected(furnished: Callable[..., House]) -> None:
    """Without a word of what comes, a weekly newsletter is soon sent in days that are alike."""
    house = furnished(**HOUSE, steadiness=Steadiness(keep_warm=0, patience=7))
    sent = live(house, {"default": (([35] + [0] * 6) * 4, None)}, 28)
    assert all(4 <= count <= 6 for count in sent[14:]), repr(sent)


def test_a_relay_with_its_own_queue_is_not_held(furnished: Callable[..., House]) -> None:
    """Only our own queue is held to an aim: a relay is answered by the cap and the pattern."""
    from warmup.engine import Asked
    from warmup.model import Grant

    house = furnished(**HOUSE, steadiness=Steadiness(keep_warm=0, patience=7))
    house.release(limit=0)
    house.clock.advance_to(START + 20 * HOUR)
    house.release(limit=0)
    answers = [
        house.engine.admit(Asked(id=str(place), recipient=f"r{place}@gmail.com")) for place in range(2)
    ]
    assert all(isinstance(answer, Grant) for answer in answers)


def test_aims_outlive_a_restart(furnished: Callable[..., House]) -> None:
    """A process that starts in mid-day goes on with the day's aim: nothing goes twice, or all at once."""
    rows = {"default": ([40] + [0] * 9, None)}
    house = furnished(**HOUSE, steadiness=EVEN, demand=wanted(rows))
    house.submit(*(f"u{number}@gmail.com" for number in range(40)))
    before = len(house.until(START + 12 * HOUR, ACCEPTED))
    again = house.again()
    after = len(again.until(START + DAY, ACCEPTED))
    assert 0 < before < before + after <= 9
