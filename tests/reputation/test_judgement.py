"""What a lane's evidence makes of it, tried as laws."""

from __future__ import annotations

from datetime import date, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.model import Lane, LaneKey, RampClock, Standing, Window, WindowEvidence
from warmup.reputation import judgement, standing
from warmup.reputation.growth import along, step_holding
from warmup.reputation.standing import Adjustment
from warmup.timing import DAY, HOUR

FIRST = 20_000 * DAY
CURVES = {
    "doubling": [50 << step for step in range(10)],
    "linear": [444 * step for step in range(1, 46)],
    "third": [int(50 * 1.3**step) for step in range(24)],
    "small": [0, 1, 1, 2, 3, 5, 8],
    "flat": [7],
}
NEW = Lane(id=1, key=LaneKey("192.0.2.1", "google"), last_used_at=FIRST)


@attrs.define
class Drive:
    """Drives one lane by counts, one window a day, as the engine does."""

    curve: list[int]
    ramp: RampClock = RampClock.HEALTH
    lane: Lane = NEW
    day: int = 0
    past: list[WindowEvidence] = attrs.field(factory=list)
    told: list[Adjustment] = attrs.field(factory=list)
    caps: list[int] = attrs.field(factory=list)

    def planned(self, step: int) -> int:
        return self.curve[min(step, len(self.curve)) - 1]

    @property
    def last(self) -> int:
        return len(self.curve)

    def window(self) -> Window:
        start = FIRST + self.day * DAY
        return Window(date(2026, 1, 1) + timedelta(days=self.day), start, start + DAY)

    def take(self, adjustment: Adjustment | None) -> None:
        if adjustment is not None:
            self.told.append(adjustment)
            self.lane = adjustment.lane

    def live(
        self, use: int = 100, deferred: int = 0, blocked: int = 0, invalid: int = 0, complained: int = 0
    ) -> WindowEvidence:
        """A day: a share of the cap is accepted, then bad news comes one by one."""
        window = self.window()
        self.take(standing.wake(self.lane, window.starts_at))
        cap = standing.cap_of(self.lane, self.planned(self.lane.step))
        if self.lane.standing is Standing.SUSPENDED:
            cap = 0
        self.caps.append(cap)
        accepted = cap * use // 100
        seen = WindowEvidence(
            window=window,
            step=self.lane.step,
            cap=cap,
            partial=cap == 0,
            attempted=accepted,
            accepted=accepted,
        )
        now = window.starts_at + HOUR
        for name, count in (
            ("deferred", deferred),
            ("blocked", blocked),
            ("invalid", invalid),
            ("complained", complained),
        ):
            for _ in range(count):
                seen = attrs.evolve(seen, **{name: getattr(seen, name) + 1})
                if name != "complained":
                    seen = attrs.evolve(seen, attempted=seen.attempted + 1)
                found = judgement.alarm(
                    self.lane, seen, self.past, now, planned=self.planned, last_step=self.last
                )
                self.take(found)
                if found is not None and found.cap_now is not None:
                    seen = attrs.evolve(seen, cap=min(seen.cap, found.cap_now))
        if accepted:
            self.lane = attrs.evolve(self.lane, last_used_at=window.ends_at)
        self.take(
            judgement.close(
                self.lane,
                seen,
                self.past,
                window.ends_at,
                ramp=self.ramp,
                planned=self.planned,
                last_step=self.last,
            )
        )
        self.past.append(seen)
        self.day += 1
        return seen

    def tomorrow(self) -> int:
        return standing.cap_of(self.lane, self.planned(self.lane.step))


DAYS = st.lists(
    st.builds(
        dict,
        use=st.integers(0, 100),
        deferred=st.integers(0, 6),
        blocked=st.integers(0, 3),
        invalid=st.integers(0, 8),
        complained=st.integers(0, 4),
    ),
    max_size=25,
)
CURVE = st.sampled_from(sorted(CURVES)).map(CURVES.__getitem__)
RAMP = st.sampled_from(list(RampClock))


@given(CURVE, RAMP, DAYS)
@settings(max_examples=80, deadline=None)
def test_nothing_outruns_the_plan(curve: list[int], ramp: RampClock, days: list[dict[str, int]]) -> None:
    """Whatever happens, the cap of day n is at most what the curve has on its step n."""
    drive = Drive(curve, ramp)
    for number, day in enumerate(days, start=1):
        drive.live(**day)
        assert drive.caps[-1] <= drive.planned(number)
    assert drive.tomorrow() <= drive.planned(len(days) + 1)


@given(CURVE, RAMP, DAYS)
@settings(max_examples=80, deadline=None)
def test_a_day_grows_no_faster_than_the_curve(
    curve: list[int], ramp: RampClock, days: list[dict[str, int]]
) -> None:
    """From one window to the next the cap grows by one step along the curve at most."""
    drive = Drive(curve, ramp)
    for day in days:
        before, step = drive.tomorrow(), drive.lane.step
        drive.live(**day)
        after = drive.tomorrow()
        if after > before:
            assert after <= along(drive.planned, drive.last, before, step)


def test_a_small_share_climbs_over_steps_that_have_one_cap() -> None:
    """A curve that stands at 3 for three days holds nobody there for ever after a bad day."""
    drive = Drive([2, 3, 3, 3, 4, 4, 5, 6])
    for _ in range(4):
        drive.live()
    drive.live(deferred=3)
    assert drive.tomorrow() <= 3
    for _ in range(45):
        drive.live()
    assert drive.tomorrow() == 6


@given(CURVE, DAYS)
@settings(max_examples=60, deadline=None)
def test_same_journal_same_decisions(curve: list[int], days: list[dict[str, int]]) -> None:
    """The same days give the same adjustments, word for word."""
    first, second = Drive(curve), Drive(curve)
    for day in days:
        first.live(**day)
        second.live(**day)
    assert first.told == second.told


@given(CURVE, DAYS, st.sampled_from(["deferred", "blocked", "invalid", "complained"]), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_more_bad_news_is_never_a_higher_cap(
    curve: list[int], days: list[dict[str, int]], what: str, more: int
) -> None:
    """Of two last days that differ in bad news alone, the worse one is followed by no higher cap."""
    first, second = Drive(curve), Drive(curve)
    for day in days:
        first.live(**day)
        second.live(**day)
    last = {"use": 100, "deferred": 0, "blocked": 0, "invalid": 0, "complained": 0}
    first.live(**last)
    second.live(**last | {what: more})
    assert second.tomorrow() <= first.tomorrow()


@given(CURVE, RAMP, DAYS)
@settings(max_examples=60, deadline=None)
def test_a_lost_feed_never_raises(curve: list[int], ramp: RampClock, days: list[dict[str, int]]) -> None:
    """A window of which nothing is known is followed by no higher cap under the clocks that ask for use."""
    drive = Drive(curve, ramp)
    for day in days:
        drive.live(**day)
    before = drive.tomorrow()
    drive.live(use=0)
    if before and ramp is not RampClock.CALENDAR:
        assert drive.tomorrow() <= before


@given(CURVE, DAYS)
@settings(max_examples=60, deadline=None)
def test_an_alarm_only_lowers(curve: list[int], days: list[dict[str, int]]) -> None:
    """Bad news in an open window never raises its cap nor the lane's level, and never shortens a silence."""
    drive = Drive(curve)
    for day in days:
        drive.live(**day)
    window, cap = drive.window(), drive.tomorrow()
    seen = WindowEvidence(
        window=window,
        step=drive.lane.step,
        cap=cap,
        attempted=cap,
        accepted=cap // 2,
        deferred=cap // 2,
        complained=1,
    )
    found = judgement.alarm(
        drive.lane, seen, drive.past, window.starts_at + HOUR, planned=drive.planned, last_step=drive.last
    )
    if found is not None:
        assert standing.cap_of(found.lane, drive.planned(found.lane.step)) <= max(1, cap)
        assert found.cap_now is None or found.cap_now <= max(1, cap)
        assert found.lane.backoff_until >= drive.lane.backoff_until


def test_a_clean_lane_doubles_up_to_its_share() -> None:
    """While nothing is wrong the cap is the plan's, day by day."""
    drive = Drive(CURVES["doubling"])
    for _ in range(12):
        drive.live()
    assert drive.caps[:10] == CURVES["doubling"]
    assert drive.lane.standing is Standing.WARM


def test_after_trouble_the_way_back_is_the_curve_s_own() -> None:
    """A lane below a curve of 30 % a day climbs at that pace and no faster, long as it may be clean."""
    drive = Drive([int(50 * 1.3**step) for step in range(30)])
    for _ in range(20):
        drive.live()
    drive.live(use=20, deferred=6)
    for _ in range(14):
        before = drive.tomorrow()
        drive.live()
        assert drive.tomorrow() <= before * 1.3 + 2


def test_a_limit_is_noticed_after_a_few_deferrals() -> None:
    """Two deferrals in a row at 50 a day, three at 300, four at 20,000 lower the cap of the day at once."""
    for cap, needed in ((50, 2), (300, 3), (20_000, 4)):
        for count in range(1, needed + 1):
            drive = Drive([cap], lane=attrs.evolve(NEW, standing=Standing.WARM))
            seen = drive.live(use=50, deferred=count)
            assert (seen.cap < cap) == (count >= needed), (cap, count)


def test_one_deferral_among_many_is_chance() -> None:
    """A deferral now and then neither lowers a cap nor holds a lane."""
    drive = Drive(CURVES["doubling"])
    for _ in range(10):
        drive.live(deferred=1)
    assert drive.lane.standing is Standing.WARM
    assert drive.caps == CURVES["doubling"]


def test_a_ceiling_is_found_and_seldom_tried() -> None:
    """Under a ceiling of 700 a lane stays within 8 % of it, and is deferred on few of 90 days."""
    drive, met = Drive(CURVES["doubling"]), 0
    for _ in range(90):
        cap = drive.tomorrow()
        over = cap > 700
        met += over
        drive.live(use=100 * 700 // cap if over else 100, deferred=5 if over else 0)
    assert met <= 12
    settled = [min(cap, 700) for cap in drive.caps[20:]]
    assert sum(settled) / len(settled) > 0.92 * 700


def test_a_suspension_ends_and_the_next_is_longer() -> None:
    """Two blocks in a row suspend for a day; the lane comes back at half; soon after, for two days."""
    drive = Drive([800], lane=attrs.evolve(NEW, standing=Standing.WARM))
    drive.live(use=50, blocked=2)
    assert drive.lane.standing is Standing.SUSPENDED
    first = drive.lane.until
    assert first is not None
    assert first - drive.lane.learned.setback_at == DAY
    while drive.lane.standing is Standing.SUSPENDED:
        drive.live()
    assert drive.lane.standing is Standing.REDUCED
    assert drive.tomorrow() == 400
    drive.live(use=50, blocked=2)
    assert drive.lane.until is not None
    assert drive.lane.until - drive.lane.learned.setback_at == 2 * DAY


def test_one_complaint_in_eighty_holds_nothing() -> None:
    """One complaint among 80 messages stops no plan; three in each 80 do, and are told with their figures."""
    once = Drive([80, 160])
    once.live(complained=1)
    assert once.lane.step == 2
    often = Drive([80] * 30)
    for _ in range(8):
        often.live(complained=3)
    assert often.lane.standing is Standing.REDUCED
    reasons = [told.reason for told in often.told]
    assert any("complaints of" in text and "threshold of 0.30 %" in text for text in reasons)


def test_what_was_acted_on_is_not_judged_again() -> None:
    """A step back is made once for the same evidence, however often it is reviewed."""
    drive = Drive([80] * 30)
    while drive.lane.standing is not Standing.REDUCED:
        drive.live(complained=3)
    level = drive.tomorrow()
    for _ in range(3):
        drive.live()
    seen = WindowEvidence(window=drive.window(), step=drive.lane.step, cap=drive.tomorrow())
    again = judgement.review(
        drive.lane, seen, drive.past, drive.window().starts_at, planned=drive.planned, last_step=drive.last
    )
    assert again is None
    assert drive.tomorrow() == level


@given(CURVE, st.integers(0, 30_000))
def test_a_level_finds_its_step(curve: list[int], level: int) -> None:
    """The step of a level is the first whose cap reaches it; the last where none does."""
    drive = Drive(curve)
    step = step_holding(drive.planned, drive.last, level)
    assert drive.planned(step) >= level or step == drive.last
    assert step == 1 or drive.planned(step - 1) < level


@pytest.mark.parametrize("idle", [29, 40])
def test_thirty_idle_days_make_a_lane_cold(idle: int) -> None:
    """Before 30 days without mail a lane keeps its step; after them it begins at step 1."""
    drive = Drive(CURVES["doubling"])
    for _ in range(10):
        drive.live()
    for _ in range(idle):
        drive.live(use=0)
    assert (drive.lane.standing is Standing.COLD) == (idle > 30)
