"""What a lane's story says: dates, numbers and reasons, all of them and each once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import attrs
import pytest
from engine_house import START, House, furnish
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.engine import Story
from warmup.engine.chronicle import by_day, standing_after, tell
from warmup.model import Declaration, LaneKey, Ledger, RampClock, Reply, Report, ReportKind, Stage, Window
from warmup.store import Database, create_or_upgrade, lanes
from warmup.store.journal import Entry
from warmup.timing import DAY, HOUR, SimulatedClock

GOOGLE = LaneKey("127.0.0.2", "google")
WARM = Declaration(warm=True)
BLOCKED = Reply(554, "5.7.1", "Service unavailable; Client host [127.0.0.2] blocked due to poor reputation")
SPF = Reply(550, "5.7.26", "This message is unauthenticated: SPF did not pass")


def complain(house: House, key: str, count: int, day: float) -> None:
    at = START + int(day * DAY)
    report = Report(id=key, kind=ReportKind.COMPLAINT, occurred_at=at, lane=GOOGLE, count=count)
    house.engine.ingest([report])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def lived(place: Path) -> Iterator[House]:
    """A lane of 12 a day that rose, was held, stepped back, was suspended, came back, idled and went cold."""
    database = Database(f"sqlite:///{place / 'one.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START), ramp=RampClock.HEALTH, target=24)
    house.submit(*(f"u{number}@gmail.com" for number in range(110)))
    house.until(START + 3 * DAY + 12 * HOUR)
    complain(house, "first", 1, 2.5)
    house.until(START + 6 * DAY)
    complain(house, "second", 2, 4.5)
    house.until(START + 7 * DAY)
    house.clock.advance(8 * HOUR)
    complain(house, "third", 3, 6.5)
    house.until(START + 8 * DAY)
    house.clock.advance(12 * HOUR)
    house.send(BLOCKED, Stage.CONNECT)
    house.until(START + 19 * DAY)
    left = [row.id for row in house.engine.queue_list(limit=200) if row.state in ("queued", "deferred")]
    house.engine.cancel(left)
    house.clock.advance(HOUR)
    house.engine.roll()
    house.clock.advance(32 * DAY)
    house.engine.roll()
    house.clock.advance(12 * HOUR)
    house.submit("back@gmail.com")
    house.send()
    yield house
    database.close()


@pytest.fixture(scope="module")
def story(lived: House) -> Story:
    return lived.engine.explain_lane(GOOGLE)


@pytest.mark.parametrize(
    "says",
    [
        "2026-12-01 .* began on 2026-12-01 at step 1 with a cap of 3 a day",
        "2026-12-01 .* days 2026-12-01 to 2026-12-02: 2 windows, steps 1 to 2, caps 3 to 6, all caps used, 9",
        "2026-12-03 .* day 2026-12-03: step 3, cap 9, used 9, accepted 9; 1 complaint ",
        "2026-12-04 .* step 3 to 4 of 4: 9 of 9 accepted, nothing against it",
        r"2026-12-07 .* held at 12 a day: 3 complaints of 54 accepted in 6 days: 5.56 %.* of 0.10 %",
        "2026-12-08 .* back from 12 to 6 a day, with no growth before 2026-12-15 08:00:00 UTC: 6 compl",
        "2026-12-09 .* 1 refused for the IP's reputation",
        "2026-12-09 .* suspended for 2 d, until 2026-12-11 12:00:00 UTC, then at most 3 a day: .* poor",
        "2026-12-11 .* back from suspension, reduced to at most 3 a day",
        "2026-12-19 .* from 3 to 4 a day: 3 of 3 accepted, nothing against it",
        "2027-01-21 .* cold: nothing accepted since 2026-12-19 .* back to step 1",
        "now  waits until 2027-01-21 .* cap 3 ",
        "now  the last delivery was accepted on 2027-01-21 13:00:00 UTC",
        "tomorrow  if today goes well, the cap of 2027-01-22 is 6, ramping at step 2 ",
    ],
)
def test_every_turn_is_told(story: Story, says: str) -> None:
    """Each move of the lane stands in its story with its day, its numbers and its reason."""
    assert any(re.match(says, line) for line in story.lines), "\n".join(story.lines)


def test_in_the_order_of_time(story: Story) -> None:
    """The past is told in order, then the present, and what tomorrow may be comes last."""
    past = [line[:19] for line in story.lines if line[0] == "2"]
    assert past == sorted(past) and len(past) > 20
    heads = [line.split()[0] for line in story.lines[len(past) :]]
    assert heads == sorted(heads) and heads[-1] == "tomorrow"


def test_for_machines(story: Story) -> None:
    """The facts have the same days, with the standing in which each ended."""
    stood = {day["date"]: day["standing"] for day in story.facts["days"]}
    expected = {
        "2026-12-02": "ramping",
        "2026-12-07": "warm",
        "2026-12-08": "reduced",
        "2026-12-10": "suspended",
        "2026-12-11": "reduced",
        "2026-12-20": "reduced",
        "2027-01-21": "cold",
    }
    assert {day: stood[day] for day in expected} == expected
    assert story.facts["tomorrow"]["cap"] == 6


def test_the_same_journal_gives_the_same_story(lived: House, story: Story) -> None:
    """Asked twice, or by a process that was not there, the lane says the same."""
    assert lived.engine.explain_lane(GOOGLE) == story
    assert lived.again().engine.explain_lane(GOOGLE).lines[:-1] == story.lines[:-1]


def test_an_address_tells_of_its_lanes(lived: House) -> None:
    """An address alone tells each lane in a sentence, and where to ask further."""
    told = lived.engine.explain_source("127.0.0.2").lines
    assert told[0].startswith("google  cold, step 1, 1 accepted of cap 3 today")
    assert told[-1] == "more  warmup explain 127.0.0.2:google"


def test_an_address_promises_nothing_of_a_lane_at_rest(place: Path) -> None:
    """Of a lane that is suspended or paused an address tells until when, and no cap of tomorrow."""
    database = Database(f"sqlite:///{place / 'rest.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START), ramp=RampClock.HEALTH)
    house.submit("u@gmail.com")
    house.clock.advance(12 * HOUR)
    house.send(BLOCKED, Stage.CONNECT)
    house.engine.pause("127.0.0.2", "yahoo", "for now")
    told = {line.split()[0]: line for line in house.engine.explain_source("127.0.0.2").lines}
    assert "suspended until" in told["google"] and "tomorrow" not in told["google"]
    assert "for now" in told["yahoo"] and "tomorrow" not in told["yahoo"]
    assert "tomorrow" in told["other"]
    database.close()


def test_a_slow_weekday_is_named_and_counted_on(place: Path) -> None:
    """What tomorrow may be is what opens tomorrow, on a weekday with less as on others."""
    database = Database(f"sqlite:///{place / 'weekday.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START), target=80, declarations={GOOGLE.source: WARM})
    house.engine.roll()
    lane = next(one.lane for one in house.engine.lanes() if one.lane.key == GOOGLE)
    learned = attrs.evolve(lane.learned, slow=(0, 0, 500, 0, 0, 0, 0))  # 2 December 2026 is a Wednesday
    slow = attrs.evolve(lane, learned=learned)
    database.write(lambda connection: lanes.save_lanes(connection, [slow]))
    told = house.engine.explain_lane(GOOGLE)
    assert any("open with Wednesdays 50 % of a day" in line for line in told.lines), told.lines
    house.clock.advance(DAY)
    house.engine.roll()
    cap = next(one.ledger.cap for one in house.engine.lanes() if one.lane.key == GOOGLE and one.ledger)
    assert told.facts["tomorrow"]["cap"] == cap == 20
    text = "cap 20 and not 40: the provider took less on Wednesdays of late"
    assert any(text in line for line in house.engine.explain_lane(GOOGLE).lines)
    database.close()


def test_what_today_can_still_bring(place: Path) -> None:
    """While mail is refused for authentication tomorrow promises no step; weeks of it are a sentence."""
    database = Database(f"sqlite:///{place / 'two.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START), ramp=RampClock.HEALTH)
    house.submit(*(f"u{number}@gmail.com" for number in range(20)))
    for _ in range(25):
        house.clock.advance(12 * HOUR + 1)
        house.send(SPF)
    told = house.engine.explain_lane(GOOGLE)
    folded = next(line for line in told.lines if " windows, " in line)
    assert re.search(r"0 of \d+ caps used, 0 accepted, (\d+) refused for auth.*; silent \1 times", folded)
    assert sum("SPF did not pass" in line for line in told.lines) < 9
    assert told.lines[-1].startswith("tomorrow") and "step 1 (no more than" in told.lines[-1]
    assert told.lines[-2].startswith("to mend  auth-") and "let SPF" in told.lines[-2]
    database.close()


texts = st.sampled_from(
    [
        ("step", "step 1 to 2 of 4: 30 of 30 accepted, nothing against it"),
        ("step", "cold: nothing accepted since 2026-11-01, back to step 1"),
        ("backoff", "silent for 1 h: 550 5.7.26 SPF"),
        ("backoff", "silent for 2 h: 421 4.7.28 slow"),
        ("standing", "suspended for 1 d, until then: 554"),
        ("operator", "paused by an operator: a look"),
    ]
)
days = st.lists(
    st.tuples(
        st.integers(0, 50),
        st.dictionaries(
            st.sampled_from(["accepted", "complained", "auth_failure", "greylist"]), st.integers(1, 9)
        ),
        st.lists(st.tuples(st.integers(0, 23), texts), max_size=4),
    ),
    max_size=12,
)


@given(days)
@settings(max_examples=60)
def test_nothing_is_lost_and_nothing_told_twice(lived_days: list[tuple[int, dict[str, int], list]]) -> None:  # type: ignore[type-arg]
    """However days are folded, each is told once, all that was accepted adds up, and no move is left out."""
    windows, entries = [], []
    first = date(2026, 12, 1)
    for at, (accepted, counts, lines) in enumerate(lived_days):
        begins = START + at * DAY
        window = Window(first + timedelta(days=at), begins, begins + DAY)
        ledger = Ledger(id=at, window=window, zone="UTC", step=1, cap=30, used=accepted, accepted=accepted)
        windows.append((True, ledger, counts))
        entries += [
            Entry(at=begins + hour * HOUR, kind=kind, lane=1, ref=None, text=text)
            for hour, (kind, text) in sorted(lines)
        ]
    known, loose = by_day(windows, entries)
    told = [text for _, text in tell(known)]
    assert not loose and told == [text for _, text in tell(by_day(windows, entries)[0])]
    spans = [re.match(r"days? (\S+?)(?: to (\S+))?: ", text) for text in told]
    covered = [
        date.fromisoformat(span[1]) + timedelta(days=more)
        for span in spans
        if span
        for more in range((date.fromisoformat(span[2] or span[1]) - date.fromisoformat(span[1])).days + 1)
    ]
    assert covered == [ledger.window.date for _, ledger, _ in windows]
    sums = [re.search(r"accepted (\d+)|(\d+) accepted", text) for text in told if text.startswith("day")]
    assert sum(int(one[1] or one[2]) for one in sums if one) == sum(row[0] for row in lived_days)
    for kind, head in (("standing", "suspended"), ("operator", "paused"), ("step", "cold")):
        assert sum(text.startswith(head) for text in told) == sum(
            entry.kind == kind and entry.text.startswith(head) for entry in entries
        )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("suspended for 1 d, until 2026-12-09: 554", "suspended"),
        ("back from suspension, reduced to at most 3 a day", "reduced"),
        ("back from 12 to 6 a day, with no growth before", "reduced"),
        ("cold: nothing accepted since", "cold"),
        ("step 3 to 4 of 4: 9 of 9", "warm"),
        ("step 2 to 3 of 4: 9 of 9", "ramping"),
        ("paused by an operator", "paused"),
        ("resumed by an operator: warm", "warm"),
        ("silent for 1 h: said", "before"),
    ],
)
def test_the_standing_that_a_line_leaves(text: str, after: str) -> None:
    """The picture's strip reads standings back from the journal's own sentences."""
    assert standing_after(text, "before") == after
