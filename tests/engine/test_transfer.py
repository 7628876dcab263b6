"""Moving what lanes have earned to another database: exact, once, and never a second allowance."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from engine_house import ACCEPTED, START, House, furnish
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmup.engine.elsewhere import sendgrid_volume, ses_volume
from warmup.engine.state_file import read_state
from warmup.errors import DataError, UsageError
from warmup.model import Grant, Lane, LaneKey, Learned, RampClock, Reply, Stage, Standing, Watch
from warmup.store import Database, create_or_upgrade, lanes
from warmup.timing import DAY, HOUR, MINUTE, Instant, SimulatedClock

HERE, GOOGLE = "127.0.0.2", LaneKey("127.0.0.2", "google")
BUSY = Reply(421, "4.7.28", "Our system has detected an unusual rate of unsolicited mail")
BLOCKED = Reply(554, "5.7.1", "Service unavailable; Client host [127.0.0.2] blocked due to poor reputation")


def lane(house: House, key: LaneKey = GOOGLE) -> Lane:
    return next(one.lane for one in house.engine.lanes() if one.lane.key == key)


def caps(house: House, key: LaneKey = GOOGLE) -> list[tuple[int, int, bool]]:
    days = [day for day in house.engine.days() if day.lane == key]
    return [(day.ledger.cap, day.ledger.used, day.closed) for day in days]


def live(
    house: House, end: Instant, reply: Reply = ACCEPTED, stage: Stage = Stage.DOT
) -> list[tuple[Instant, Grant]]:
    """Live until an instant, with a look every hour and a half: few transactions, and as much mail."""
    gone: list[tuple[Instant, Grant]] = []
    while house.clock.now() < end:
        gone += [(house.clock.now(), grant) for grant in house.send(reply, stage)]
        house.clock.advance_to(min(end, house.clock.now() + 90 * MINUTE))
    return gone


def lived(house: House, days: int, count: int = 200) -> House:
    """A house that has sent for some days, some of it refused."""
    house.submit(*(f"user{number}@gmail.com" for number in range(count)))
    house.submit(*(f"user{number}@yahoo.com" for number in range(count)))
    live(house, START + (days - 1) * DAY + 6 * HOUR)
    house.send(BUSY, Stage.MAIL)
    live(house, START + days * DAY)
    return house


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Another host: a new database of its own, at the same time."""
    databases: list[Database] = []

    def make(clock: SimulatedClock, **options: Any) -> House:
        database = Database(f"sqlite:///{tmp_path / f'other{len(databases)}.db'}")
        databases.append(database)
        create_or_upgrade(database, "simulated")
        return furnish(database, SimulatedClock(clock.now()), **options)

    yield make
    for database in databases:
        database.close()


def test_there_and_back(house: House, elsewhere: Callable[..., House]) -> None:
    """What is exported, imported and exported again is the same to the letter, through a JSON file."""
    lived(house, 3)
    first = house.engine.export_state()
    there = elsewhere(house.clock)
    there.engine.import_state(json.loads(json.dumps(first)))
    assert there.engine.export_state() == first
    assert lane(there).learned == lane(house).learned


def test_a_story_comes_once(house: House, elsewhere: Callable[..., House]) -> None:
    """A file that comes twice tells its story once, and one with a long note is a file that can be read."""
    lived(house, 3)
    house.engine.pause(HERE, None, "n" * 5_000)
    file = json.loads(json.dumps(house.engine.export_state(journal=True)))
    there = elsewhere(house.clock)
    for _ in range(2):
        there.engine.import_state(file, replace=True)
    told = "\n".join(there.engine.explain_lane(GOOGLE).lines)
    assert told.count(" UTC  paused by an operator: nnn") == 1
    assert told.count("state taken in") == 2


def test_it_goes_on_where_it_was(house: House, elsewhere: Callable[..., House]) -> None:
    """The next day on the new host has the cap that the old one would have given, judged by the same past."""
    lived(house, 3)
    there = elsewhere(house.clock)
    there.engine.import_state(house.engine.export_state())
    house.clock.advance(HOUR)
    there.clock.advance(HOUR)
    house.engine.roll()
    there.engine.roll()
    for key in (GOOGLE, LaneKey(HERE, "yahoo"), LaneKey(HERE, "other")):
        assert caps(there, key) == caps(house, key)
        assert lane(there, key).step == lane(house, key).step
    told = "\n".join(there.engine.explain_lane(GOOGLE).lines)
    assert "state taken in with 3 days" in told


def test_one_allowance_a_day(house: House, elsewhere: Callable[..., House]) -> None:
    """A day on which the old host has sent is over on the new one; the next day is its own."""
    lived(house, 2)
    live(house, START + 2 * DAY + 12 * HOUR)
    used = caps(house)[-1][1]
    assert used > 0
    there = elsewhere(house.clock)
    done = there.engine.import_state(house.engine.export_state())
    assert "the other host has sent today" in done[0].told
    there.submit(*(f"more{number}@gmail.com" for number in range(300)))
    assert live(there, START + 3 * DAY) == []
    assert caps(there)[-1] == (used, used, False)
    gone = live(there, START + 4 * DAY)
    assert len(gone) == caps(there)[-1][1] > used
    assert lane(there).step <= lane(house).step + 1


def test_a_day_not_begun_may_be_had(house: House, elsewhere: Callable[..., House]) -> None:
    """Where the old host has sent nothing today, the new one has the whole day."""
    lived(house, 2)
    house.engine.roll()
    there = elsewhere(house.clock)
    there.engine.import_state(house.engine.export_state())
    there.submit(*(f"more{number}@gmail.com" for number in range(300)))
    gone = live(there, START + 3 * DAY)
    assert caps(there)[-1] == (caps(house)[-1][0], len(gone), False)
    assert len(gone) > caps(there)[-1][0] * 4 // 5


def test_a_host_that_has_opened_its_day(house: House, elsewhere: Callable[..., House]) -> None:
    """A new host whose day is open but unused keeps to the day that the old one has begun."""
    lived(house, 2)
    live(house, START + 2 * DAY + 12 * HOUR)
    there = elsewhere(house.clock)
    there.engine.roll()
    there.engine.import_state(house.engine.export_state())
    there.submit(*(f"more{number}@gmail.com" for number in range(300)))
    assert live(there, START + 3 * DAY) == []
    assert live(there, START + 4 * DAY) != []


def test_a_lane_that_has_sent_is_not_written_over(house: House, elsewhere: Callable[..., House]) -> None:
    """Without a word nothing is taken in; with it the standing is, and the days lived there stay."""
    lived(house, 3)
    there = elsewhere(house.clock)
    there.submit("one@gmail.com")
    live(there, START + 3 * DAY + 23 * HOUR)
    assert caps(there)[-1][1] == 1
    state = house.engine.export_state()
    with pytest.raises(UsageError, match="--replace"):
        there.engine.import_state(state)
    assert lane(there).step == 1
    there.engine.import_state(state, replace=True)
    assert (lane(there).step, lane(there).cap_limit) == (lane(house).step, lane(house).cap_limit)
    assert len(caps(there)) == 4
    again = there.engine.import_state(state, replace=True)
    assert [one.days for one in again] == [0, 0, 0]


def test_a_trial_changes_nothing(house: House, elsewhere: Callable[..., House]) -> None:
    """What would be done is said, and the database is as it was."""
    lived(house, 2)
    there = elsewhere(house.clock)
    before = there.engine.export_state()
    done = there.engine.import_state(house.engine.export_state(), dry_run=True)
    assert len(done) == 3
    assert there.engine.export_state() == before


def test_another_address(house: House, elsewhere: Callable[..., House]) -> None:
    """A past may go with another address, said by name; an address of nobody is refused."""
    lived(house, 2)
    there = elsewhere(house.clock, ips=["127.0.0.9"])
    state = house.engine.export_state()
    with pytest.raises(UsageError, match=r"127\.0\.0\.2: is not in the plan"):
        there.engine.import_state(state)
    there.engine.import_state(state, renamed={HERE: "127.0.0.9"})
    moved = lane(there, LaneKey("127.0.0.9", "google"))
    assert (moved.step, moved.learned) == (lane(house).step, lane(house).learned)


def test_another_plan(house: House, elsewhere: Callable[..., House]) -> None:
    """Under a steeper or a larger plan the lane begins where it sends no more than it did."""
    house = house.again(ramp=RampClock.CALENDAR)
    house.submit(*(f"user{number}@gmail.com" for number in range(200)))
    live(house, START + 2 * DAY + HOUR)
    assert caps(house)[-1][0] == 90
    there = elsewhere(house.clock, target=2400, curve="linear:days=30")
    there.engine.import_state(house.engine.export_state())
    assert lane(there).step == 2  # 80 a day, and not the third step's 120
    there = elsewhere(house.clock, mix="google=0.5,other=0.5")
    with pytest.raises(UsageError, match="yahoo: has no share"):
        there.engine.import_state(house.engine.export_state())
    assert len(there.engine.import_state(house.engine.export_state(), without=["yahoo"])) == 2


def test_a_suspension_goes_along(house: House, elsewhere: Callable[..., House]) -> None:
    """A new host does not make a block undone."""
    house.submit("one@gmail.com")
    live(house, START + 12 * HOUR, BLOCKED, Stage.CONNECT)
    there = elsewhere(house.clock)
    there.engine.import_state(house.engine.export_state(journal=True))
    assert lane(there).standing is Standing.SUSPENDED
    assert lane(there).until == lane(house).until
    assert any(
        line.split("  ")[1].startswith("suspended for") for line in there.engine.explain_lane(GOOGLE).lines
    )


def test_addresses_of_nobody(house: House) -> None:
    """An export of an address without lanes is refused, and says which there are."""
    house.engine.roll()
    with pytest.raises(UsageError, match=r"127\.0\.0\.2"):
        house.engine.export_state(["192.0.2.1"])
    assert len(house.engine.export_state([HERE])["lanes"]) == 3


def broken(state: dict[str, Any], *path: Any, value: Any) -> dict[str, Any]:
    """The state with one value another."""
    changed: Any = copy.deepcopy(state)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(changed)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("version",), 2, "not known to this program"),
        (("version",), True, "not known"),
        (("format",), "other", "no file of warmup state export"),
        (("lanes",), "x", "no list of objects"),
        (("lanes", 0, "step"), 0, r"lanes\[0\]\.step"),
        (("lanes", 0, "step"), True, r"lanes\[0\]\.step"),
        (("lanes", 0, "source"), "mx.example", "no IP address"),
        (("lanes", 0, "provider"), "a b", "provider"),
        (("lanes", 0, "standing"), "fine", "no standing"),
        (("lanes", 0, "standing"), "suspended", "a suspension has an end"),
        (("lanes", 0, "before_pause"), "warm", "goes with the standing paused"),
        (("lanes", 0, "until"), "2026-12-01 09:00", "no instant"),
        (("lanes", 0, "learned", "stride"), "much", r"learned\.stride"),
        (("lanes", 0, "learned", "slow"), [1, 2], "seven shares"),
        (("lanes", 0, "learned"), 7, "is no object"),
        (("lanes", 0, "windows", 0, "zone"), "Mars/Base", "no time zone"),
        (("lanes", 0, "windows", 0, "cap"), -1, "cap"),
        (("lanes", 0, "windows", 0, "evidence"), {"A": 1}, "kind of evidence"),
        (("lanes", 0, "windows", 0, "closed"), False, "is open, but not the last"),
        (("lanes", 0, "windows", 0, "ends_at"), "2027-12-01T00:00:00Z", "within three days"),
        (("lanes", 1, "provider"), "google", "stands twice"),
    ],
)
def test_a_file_that_is_wrong(
    house: House, elsewhere: Callable[..., House], path: tuple[Any, ...], value: Any, says: str
) -> None:
    """Every mistake is named with its place, and nothing is taken in."""
    lived(house, 2, count=5)
    there = elsewhere(house.clock)
    state = broken(house.engine.export_state(), *path, value=value)
    before = there.engine.export_state()
    with pytest.raises(DataError, match=says):
        there.engine.import_state(state)
    assert there.engine.export_state() == before


standings = st.sampled_from(
    [
        {"standing": Standing.RAMPING},
        {"standing": Standing.WARM, "step": 4},
        {"standing": Standing.REDUCED, "cap_limit": 17},
        {"standing": Standing.COLD},
        {"standing": Standing.SUSPENDED, "cap_limit": 9, "until": START + 9 * DAY},
        {"standing": Standing.PAUSED, "before_pause": Standing.REDUCED, "cap_limit": 3},
    ]
)
instants = st.integers(0, START + 40 * DAY)
sayings = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@given(
    words=standings,
    step=st.integers(1, 4),
    used=st.none() | instants,
    silent=instants,
    note=sayings,
    learned=st.builds(
        Learned,
        judged_from=instants,
        wall=st.none() | st.integers(0, 10**9),
        stride=st.integers(1000, 2000),
        proven=st.integers(0, 10**9),
        hold=sayings,
        watch=st.builds(Watch, window=instants, attempted=st.integers(0, 10**9), alarms=st.integers(0, 9)),
    ),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_lane_there_and_back(
    elsewhere: Callable[..., House],
    words: dict[str, Any],
    step: int,
    used: int | None,
    silent: int,
    note: str,
    learned: Learned,
) -> None:
    """Whatever a lane has become, it arrives as it was."""
    here, there = (elsewhere(SimulatedClock(START)) for _ in range(2))
    for house in (here, there):
        house.engine.step(HERE, "google", to=1)
    fields = {"step": step, "last_used_at": used, "backoff_until": silent, "note": note, **words}
    made = attrs.evolve(lane(here), learned=learned, **fields)
    here.database.write(lambda connection: lanes.save_lanes(connection, [made]))
    first = here.engine.export_state()
    there.engine.import_state(json.loads(json.dumps(first)))
    assert there.engine.export_state() == first


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["source", "step", "windows", "learned", "journal", "at", "date", "evidence", "standing"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=80)
def test_whatever_a_file_holds(junk: object) -> None:
    """Junk is refused with a reason, and never with anything else."""
    for state in (junk, {"format": "warmup-state", "version": 1, "lanes": [junk]}):
        with pytest.raises(DataError):
            read_state(state)
            raise DataError  # an empty list of lanes is a file


@given(st.integers(0, 100), st.integers(1, 200_000))
def test_ses_percentages(percentage: int, share: int) -> None:
    """More per cent is never less mail, all of it is the share, and never more than Amazon's own last day."""
    volume = ses_volume(percentage, share)
    assert 0 <= volume <= min(share, 50_000)
    assert percentage == 100 or volume <= ses_volume(percentage + 1, share)
    assert ses_volume(100, share) == min(share, 50_000)


def test_sendgrid_ages() -> None:
    """The published table is hourly: on the morning after the first day an address is used to 24 times 20."""
    from datetime import date

    first = date(2026, 11, 1)
    assert sendgrid_volume(first, date(2026, 11, 2)) == 480
    volumes = [sendgrid_volume(first, date.fromordinal(first.toordinal() + age)) for age in range(1, 60)]
    assert volumes == sorted(volumes)
    with pytest.raises(UsageError):
        sendgrid_volume(first, first)


def test_accepted_is_told_apart(house: House) -> None:
    """The export counts deliveries as the ledger does."""
    house.submit(*(f"user{number}@gmail.com" for number in range(5)))
    live(house, START + DAY, ACCEPTED)
    (first,) = [one for one in house.engine.export_state()["lanes"] if one["provider"] == "google"]
    assert (first["windows"][0]["accepted"], first["windows"][0]["evidence"]["accepted"]) == (5, 5)


def test_from_a_file_to_any_database(house: House, elsewhere: Callable[..., House]) -> None:
    """What SQLite kept stands in the other database as it was: SQLite there, SQLite or PostgreSQL here."""
    first = lived(elsewhere(SimulatedClock(START)), 2).engine.export_state(journal=True)
    house.clock.advance_to(START + 2 * DAY)
    house.engine.import_state(json.loads(json.dumps(first)))
    again = house.engine.export_state()
    assert again["lanes"] == [
        {name: value for name, value in one.items() if name != "journal"} for one in first["lanes"]
    ]
    assert sum(day["accepted"] for one in again["lanes"] for day in one["windows"]) > 0
