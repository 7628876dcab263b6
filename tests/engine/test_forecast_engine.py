"""The forecast against the engine itself: the same plan and mail, message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from engine_house import ACCEPTED, BLOCKED, START, House

from warmup.forecast.result import Forecast
from warmup.forecast.run import forecast
from warmup.model import Lane, LaneKey, Ledger, RampClock, Stage, Standing
from warmup.plan.demand import Demand, DemandStream
from warmup.store import Connection
from warmup.store import lanes as store_lanes
from warmup.timing import DAY, HOUR

FIRST = date(2026, 12, 1)
DOMAINS = {"google": "gmail.com", "yahoo": "yahoo.com", "other": "example.org"}
IPS = ["127.0.0.2", "127.0.0.3@2026-12-04"]
DAYS = 15

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def opened(connection: Connection) -> dict[LaneKey, tuple[Lane, Ledger | None]]:
    """Every lane with its open window."""
    return {
        lane.key: (lane, store_lanes.ledgers_of(connection, lane.key.provider).get(lane.id))
        for lane in store_lanes.lanes_of(connection)
    }


Seen = dict[tuple[date, LaneKey], tuple[int, int, int, str]]


def live(house: House, arrivals: dict[str, list[int]], first: int = 0) -> Seen:
    """Live the days; cap, step, sent and standing of every lane on every day."""
    found: Seen = {}
    for day in range(first, len(arrivals["google"])):
        recipients = [
            f"u{number}@{DOMAINS[provider]}"
            for provider, row in arrivals.items()
            for number in range(row[day])
        ]
        if recipients:
            house.submit(*recipients)
        house.release(limit=0)
        ledgers = house.database.read(opened)
        sent = Counter(grant.lane for _, grant in house.until(START + (day + 1) * DAY, ACCEPTED))
        for key, (lane, ledger) in ledgers.items():
            if ledger is not None:
                place = (FIRST + timedelta(days=day), key)
                found[place] = (ledger.cap, ledger.step, sent[key], str(lane.standing))
    return found


def wanted(arrivals: dict[str, list[int]]) -> Demand:
    streams = (DemandStream(arrivals={name: tuple(row) for name, row in arrivals.items()}),)
    return Demand(name="test", start=FIRST, streams=streams)


def compare(told: Forecast, real: Seen, tolerance: int) -> None:
    """Caps, steps, standings and sums by provider are equal; what a lane sends is within the tolerance."""
    rows = {(row.on, row.key): row for row in told.lane_days}
    assert set(rows) == set(real)
    sums: Counter[tuple[date, str]] = Counter()
    for (on, key), (cap, step, sent, standing) in real.items():
        row = rows[on, key]
        assert (row.cap, row.step, row.standing) == (cap, step, standing), (on, key, row, sent)
        assert abs(row.sent - sent) <= tolerance, (on, key, row, sent)
        sums[on, key.provider] += sent
    for found in told.providers:
        for index, released in enumerate(found.released):
            assert released == sums[told.date_of(index), found.provider]


@pytest.mark.parametrize("ramp", [RampClock.CALENDAR, RampClock.EARNED])
def test_where_mail_suffices_every_figure_is_the_engines(
    furnished: Callable[..., House], ramp: RampClock
) -> None:
    """With more mail than the caps hold, caps, steps, standings and what each lane sends are foretold."""
    house = furnished(ips=IPS, ramp=ramp, target=18, curve="linear:days=9")
    arrivals = {"google": [20] + [9] * 14, "yahoo": [18] + [6] * 14, "other": [10] + [4] * 14}
    real = live(house, arrivals)
    told = forecast(house.engine.context.plan, wanted(arrivals), ramp=ramp, detail=True)
    compare(told, real, tolerance=0)


@pytest.mark.parametrize("ramp", [RampClock.EARNED, RampClock.SENDING_DAY])
def test_where_mail_is_short_it_falls_to_the_lanes_as_foretold(
    furnished: Callable[..., House], ramp: RampClock
) -> None:
    """With too little mail, or none, a lane's part is foretold within 1, and what a provider gets exactly."""
    house = furnished(
        ips=IPS, ramp=ramp, target=30, curve="linear:days=9", weekdays=[1, 1, 1, 1, 1, 0.5, 0.5]
    )
    weeks = [3, 5, 0, 4, 9, 0, 0, 12, 2, 7, 6, 0, 8, 10, 3]
    arrivals = {"google": weeks, "yahoo": [day // 2 for day in weeks], "other": [0] * 15}
    real = live(house, arrivals)
    told = forecast(house.engine.context.plan, wanted(arrivals), ramp=ramp, detail=True)
    compare(told, real, tolerance=1)


def test_from_todays_state_a_suspended_and_a_paused_lane_go_on_as_foretold(
    furnished: Callable[..., House],
) -> None:
    """A forecast from real lanes keeps a suspension to its end in mid-day, its reduced cap, and a pause."""
    house = furnished(
        ips=["127.0.0.2", "127.0.0.3"], ramp=RampClock.CALENDAR, target=36, curve="linear:days=9"
    )
    arrivals = {"google": [30] + [12] * 9, "yahoo": [8] + [6] * 9, "other": [0] * 10}
    live(house, {name: row[:4] for name, row in arrivals.items()})
    house.clock.advance(6 * HOUR)
    house.submit("blocked@gmail.com")
    grants = house.begin(house.release())
    house.settle([grant for grant in grants if grant.lane.provider == "google"][:1], BLOCKED, Stage.CONNECT)
    house.engine.pause(source="127.0.0.3", provider="yahoo", note="holiday")
    house.until(START + 5 * DAY, ACCEPTED)
    house.release(limit=0)
    state = {key: lane for key, (lane, _) in house.database.read(opened).items()}
    assert {lane.standing for lane in state.values()} >= {Standing.SUSPENDED, Standing.PAUSED}
    rest = {name: [0] * 5 + [2 * count for count in row[5:]] for name, row in arrivals.items()}
    real = live(house, rest, first=5)
    plan = house.engine.context.plan
    told = forecast(
        plan,
        wanted(rest),
        ramp=RampClock.CALENDAR,
        today=FIRST + timedelta(days=5),
        lanes=state,
        detail=True,
    )
    compare(told, real, tolerance=2)
