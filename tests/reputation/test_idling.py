"""What idleness leaves of a lane, and how it comes back."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.model import Lane, LaneKey, RampClock, Standing, Window, WindowEvidence
from warmup.reputation import judgement, standing
from warmup.reputation.idling import FORGOTTEN_DAYS, kept, lapse, shortcut
from warmup.reputation.standing import IDLE_DAYS
from warmup.timing import DAY, HOUR

FIRST = 20_000 * DAY
SES = [444 * step for step in range(1, 46)]
CURVES = {
    "linear": SES,
    "doubling": [50 << step for step in range(10)],
    "table": [50, 100, 500, 1_000, 5_000],
}
KEY = LaneKey("192.0.2.1", "google")
NEW = Lane(id=1, key=KEY)


@attrs.define
class Life:
    """One lane, one window a day, as the engine closes them."""

    curve: list[int]
    ramp: RampClock = RampClock.HEALTH
    day: int = 0
    lane: Lane = NEW
    past: list[WindowEvidence] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)

    def planned(self, step: int) -> int:
        return self.curve[min(step, len(self.curve)) - 1]

    @property
    def level(self) -> int:
        return standing.cap_of(self.lane, self.planned(self.lane.step))

    def warm(self) -> Life:
        self.lane = attrs.evolve(self.lane, standing=Standing.WARM, step=len(self.curve))
        for _ in range(10):
            self.live()
        return self

    def live(self, share: float = 1.0, deferred: int = 0) -> int:
        """A day on which a share of the cap is accepted; the level after it."""
        start = FIRST + self.day * DAY
        cap = self.level
        accepted = int(cap * share)
        window = Window(date(2026, 1, 1) + timedelta(days=self.day), start, start + DAY)
        seen = WindowEvidence(
            window=window, step=self.lane.step, cap=cap, attempted=accepted + deferred, accepted=accepted,
            deferred=deferred,
        )  # fmt: skip
        if accepted:
            self.lane = attrs.evolve(self.lane, last_used_at=start + 23 * HOUR)
        words = {"planned": self.planned, "last_step": len(self.curve)}
        if deferred:
            news = judgement.alarm(self.lane, seen, self.past, start + HOUR, **words)
            self.lane = self.lane if news is None else news.lane
        self.day += 1
        done = judgement.close(self.lane, seen, self.past, start + DAY, ramp=self.ramp, **words)
        self.past.append(seen)
        if done is not None:
            self.lane = done.lane
            if not done.quiet:
                self.told.append(done.reason)
        return self.level


@given(volume=st.integers(0, 10**9), idle=st.integers(0, 40 * DAY), more=st.integers(0, 40 * DAY))
def test_less_is_left_the_longer_it_lasts(volume, idle, more):
    """Never more than there was, never more after longer; all of it for a week, nothing after thirty days."""
    left = kept(volume, idle)
    assert 0 <= kept(volume, idle + more) <= left <= volume
    assert kept(volume, 7 * DAY) == volume
    assert kept(volume, IDLE_DAYS * DAY) == 0


def test_the_figures_of_the_docs():
    """What is left of a thousand a day after some days."""
    days = (7, 10, 14, 21, 28, 30)
    assert [kept(1_000, day * DAY) for day in days] == [1_000, 869, 695, 391, 86, 0]


@pytest.mark.parametrize("name", CURVES)
def test_an_idle_lane_fades_and_grows_cold(name):
    """A warm lane loses nothing for a week, then something every day, and is cold after thirty."""
    life = Life(CURVES[name]).warm()
    share = life.level
    levels = [life.live(0) for _ in range(31)]
    assert levels[:7] == [share] * 7
    assert all(after <= before for before, after in itertools.pairwise(levels))
    assert levels[13] == max(kept(share, 14 * DAY), life.curve[0])
    assert (life.lane.standing, life.lane.step, levels[-1]) == (Standing.COLD, 1, life.curve[0])
    # It is told once that it fades, and once that it is cold, not day by day.
    assert len(life.told) == 2


@settings(max_examples=60)
@given(
    name=st.sampled_from(list(CURVES)),
    idle=st.integers(0, 50),
    longer=st.integers(0, 20),
    shares=st.lists(st.sampled_from([0.0, 0.3, 0.8, 1.0]), min_size=15, max_size=25),
)
def test_the_way_back(name, idle, longer, shares):
    """Idle for longer never starts higher; back at no more than a doubling a day or the curve's own step."""
    lives = []
    for days in (idle, idle + longer):
        life = Life(CURVES[name]).warm()
        for _ in range(days):
            life.live(0)
        lives.append(life)
    life, other = lives
    assert other.level <= life.level
    for share in shares:
        before, step = life.level, life.lane.step
        after = life.live(share)
        above = life.planned(min(step + 1, len(life.curve)))
        assert after <= max(2 * before, above)
        assert after <= life.curve[-1]
        if share < 0.75 and life.lane.standing is not Standing.WARM:
            assert after <= before


def test_the_way_back_is_short():
    """After thirty days a lane is where it was within days, where a new one needs the whole curve."""
    life = Life(SES).warm()
    for _ in range(31):
        life.live(0)
    back = 0
    while life.lane.standing is not Standing.WARM:
        life.live()
        back += 1
    # 444 doubled until 19,980 is reached; the curve takes 44 days for it.
    assert back == 6
    assert life.lane.learned.volume == 0
    assert "short way back" in life.told[-1]


def test_what_is_remembered_is_forgotten():
    """A lane that was idle for sixty days climbs as a new one does."""
    life = Life(SES).warm()
    for _ in range(FORGOTTEN_DAYS):
        life.live(0)
    assert [life.live() for _ in range(4)] == SES[1:5]


def test_bad_news_ends_the_short_way():
    """A provider that says no on the way back is met at the curve's pace from then on."""
    life = Life(SES).warm()
    for _ in range(31):
        life.live(0)
    life.live()
    assert shortcut(life.lane.learned, life.level, FIRST + life.day * DAY) == 2 * life.level
    life.live(0.5, deferred=40)
    assert life.lane.learned.volume == 0
    before = life.level
    assert life.live() < 2 * before


def test_a_little_mail_is_no_use():
    """A few messages a day do not keep warm what carried thousands: no more than ten times what they are."""
    life = Life(SES).warm()
    few = []
    for _ in range(40):
        few.append(life.level)
        life.live(min(1, 700.5 / life.level))
    assert few[7] == SES[-1]
    assert few[14] == kept(SES[-1], 14 * DAY)
    assert 6_000 < min(few) <= 7_000
    assert few[25:] == [min(few)] * 15
    assert life.lane.standing is Standing.REDUCED


def test_steady_mail_keeps_a_lane_as_it_is():
    """A lane that never carries much does not fade while it carries that; nor does one that sends weekly."""
    steady, weekly = Life(SES).warm(), Life(SES).warm()
    for day in range(60):
        steady.live(0.11)
        weekly.live(1.0 if day % 7 == 6 else 0)
        assert steady.level == weekly.level == SES[-1]


def test_a_calendar_asks_for_nothing():
    """On the clock that goes by the calendar nothing fades; cold after thirty days it is all the same."""
    life = Life(SES, ramp=RampClock.CALENDAR).warm()
    assert {life.live(0) for _ in range(29)} == {SES[-1]}
    assert [life.live(0), life.live(0)][-1] == SES[0]


def test_a_pause_of_weeks_fades_too():
    """A lane that an operator paused comes back with what is left, not with all it had."""
    life = Life(SES).warm()
    life.lane = standing.pause(life.lane, "a move").lane
    for _ in range(14):
        life.live(0)
    assert life.lane.standing is Standing.PAUSED
    back = standing.resume(life.lane, FIRST + life.day * DAY)
    assert back is not None and back.lane.standing is Standing.REDUCED
    assert standing.cap_of(back.lane, life.planned(back.lane.step)) == kept(SES[-1], 14 * DAY)


@pytest.mark.parametrize("stands", [Standing.SUSPENDED, Standing.COLD])
def test_others_are_left_alone(stands):
    """A suspension runs to its end, and a cold lane can lose nothing more."""
    lane = Lane(id=1, key=KEY, standing=stands, until=FIRST + 90 * DAY, cap_limit=400, last_used_at=FIRST)
    window = Window(date(2026, 1, 1), FIRST - DAY, FIRST)
    seen = WindowEvidence(window=window, step=1, cap=10_000, attempted=9_000, accepted=9_000)
    assert lapse(lane, [seen], FIRST + 20 * DAY, planned=lambda step: 444 * step, last_step=45) is None
