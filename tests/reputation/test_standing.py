"""What evidence makes of a lane: bad news at once, good news one step a closed window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Lane, LaneKey, RampClock, Standing, Window, WindowEvidence
from warmup.reputation import judgement, standing
from warmup.reputation.policy import POLICY
from warmup.reputation.standing import IDLE_DAYS, Adjustment
from warmup.timing import DAY, HOUR, Instant

NOW = 20_000 * DAY
LAST = 8
SUSPENSION = POLICY.suspension
LANE = Lane(id=1, key=LaneKey("192.0.2.1", "google"))


def planned(step: int) -> int:
    """Caps 10, 20, 40 ... 1280, then flat."""
    return 10 << min(step, LAST) - 1


def lane(standing: Standing = Standing.RAMPING, **changes: object) -> Lane:
    return attrs.evolve(LANE, standing=standing, **changes)


def day(
    cap: int = 10, accepted: int = 0, *, step: int = 1, at: Instant = NOW - DAY, partial: bool = False
) -> WindowEvidence:
    window = Window(date(2026, 12, 1), at, at + DAY)
    return WindowEvidence(
        window=window, step=step, cap=cap, attempted=accepted, accepted=accepted, partial=partial
    )


def closed(
    before: Lane, seen: WindowEvidence, ramp: RampClock = RampClock.CALENDAR, now: Instant = NOW
) -> Adjustment | None:
    return judgement.close(before, seen, (), now, ramp=ramp, last_step=LAST, planned=planned)


def close(
    before: Lane, seen: WindowEvidence, ramp: RampClock = RampClock.CALENDAR, now: Instant = NOW
) -> Lane:
    adjustment = closed(before, seen, ramp, now)
    return before if adjustment is None else adjustment.lane


def refuse(before: Lane, now: Instant, cap: int) -> Adjustment:
    """The provider turns the address away on a day with a cap."""
    return judgement.refuse(before, day(cap, at=now), now, planned=planned, last_step=LAST, said="no")


@pytest.mark.parametrize(
    ("ramp", "accepted", "partial", "step"),
    [
        (RampClock.CALENDAR, 0, False, 2),
        (RampClock.CALENDAR, 10, True, 1),
        (RampClock.SENDING_DAY, 0, False, 1),
        (RampClock.SENDING_DAY, 1, False, 2),
        (RampClock.SENDING_DAY, 1, True, 1),
        (RampClock.EARNED, 7, False, 1),
        (RampClock.EARNED, 8, False, 2),
        (RampClock.EARNED, 8, True, 1),
    ],
)
def test_a_closed_window_is_a_step_or_none(ramp: RampClock, accepted: int, partial: bool, step: int) -> None:
    """Every clock of the ramp, with a full window and a partial one."""
    assert close(lane(), day(10, accepted, partial=partial), ramp).step == step


def test_a_cap_of_zero_counts_as_used() -> None:
    """A lane whose share rounds to nothing on a day is not held back by it."""
    assert close(lane(), day(0, 0), RampClock.EARNED).step == 2


def test_a_window_of_another_step_is_no_step() -> None:
    """A lane that was put elsewhere in mid-window takes its next step from a whole window there."""
    assert close(lane(step=3), day(10, 10, step=1)).step == 3
    assert close(lane(step=3), day(40, 40, step=3)).step == 4


def test_the_last_step_makes_a_lane_warm() -> None:
    """A lane that has climbed its whole curve is warm, and stays at its end."""
    warm = close(lane(step=LAST - 1), day(640, 640, step=LAST - 1))
    assert (warm.standing, warm.step) == (Standing.WARM, LAST)
    assert close(warm, day(1280, 1280, step=LAST)) == warm


@pytest.mark.parametrize("stopped", [Standing.PAUSED, Standing.SUSPENDED])
@pytest.mark.parametrize("ramp", list(RampClock))
def test_a_stopped_lane_takes_no_step(stopped: Standing, ramp: RampClock) -> None:
    """A window that closes while a lane is paused or suspended is no step, whatever was accepted."""
    assert close(lane(stopped), day(10, 10), ramp).step == 1


def test_a_block_halves_and_suspends() -> None:
    """24 hours of silence, half of the last cap, and the last step that does not exceed it."""
    adjustment = refuse(lane(step=5), NOW, 160)
    after = adjustment.lane

    assert (after.standing, after.until) == (Standing.SUSPENDED, NOW + SUSPENSION)
    assert (after.cap_limit, adjustment.cap_now, after.step) == (80, 80, 4)
    assert standing.wake(after, NOW + SUSPENSION - 1) is None
    back = standing.wake(after, NOW + SUSPENSION)
    assert back is not None and back.lane.standing is Standing.REDUCED
    assert standing.cap_of(back.lane, planned(5)) == 80


def test_many_blocks_are_one_incident() -> None:
    """Later replies of the same block extend the suspension and do not halve again."""
    first = refuse(lane(step=5), NOW, 160).lane
    second = refuse(first, NOW + HOUR, 80).lane

    assert (second.cap_limit, second.step) == (first.cap_limit, first.step)
    assert second.until == NOW + HOUR + SUSPENSION


def test_a_block_on_a_paused_lane_waits_for_the_resume() -> None:
    """An operator's pause stays a pause; the suspension shows when it is lifted."""
    paused = standing.pause(lane(step=5), "under repair").lane
    blocked = refuse(paused, NOW, 160).lane
    assert blocked.standing is Standing.PAUSED

    resumed = standing.resume(blocked, NOW + HOUR)
    assert resumed is not None and resumed.lane.standing is Standing.SUSPENDED
    assert resumed.lane.until == NOW + SUSPENSION


def test_a_reduced_lane_climbs_back_to_its_curve() -> None:
    """A lane climbs along its curve from where it stands, once it used its cap, and is warm at the end."""
    now = lane(Standing.REDUCED, step=4, cap_limit=70)
    assert close(now, day(70, 52, step=4), RampClock.HEALTH).cap_limit == 70  # not used
    caps = [70]
    while now.cap_limit is not None:
        now = close(now, day(caps[-1], caps[-1], step=now.step), RampClock.HEALTH)
        caps.append(standing.cap_of(now, planned(now.step)))
        assert caps[-2] < caps[-1] <= 2 * caps[-2]
    assert (now.standing, now.step, caps[-1]) == (Standing.WARM, LAST, planned(LAST))


def test_thirty_idle_days_are_cold() -> None:
    """Nothing accepted for 30 days: back to step 1; one microsecond less is not idle."""
    idle = lane(Standing.WARM, step=LAST, last_used_at=NOW - IDLE_DAYS * DAY)
    assert (close(idle, day(1280)).standing, close(idle, day(1280)).step) == (Standing.COLD, 1)
    used = attrs.evolve(idle, last_used_at=NOW - IDLE_DAYS * DAY + 1)
    assert close(used, day(1280, step=LAST)).standing is Standing.WARM


def test_a_suspension_runs_to_its_end_though_the_lane_is_idle() -> None:
    """Becoming cold is no way out of a suspension, nor of one that a pause hides."""
    idle = NOW - IDLE_DAYS * DAY
    blocked = refuse(lane(step=5, last_used_at=idle), NOW - HOUR, 160).lane
    assert close(blocked, day(80)) == blocked
    hidden = standing.pause(blocked, "").lane
    assert close(hidden, day(80)) == hidden
    assert close(blocked, day(80), now=NOW + DAY).standing is Standing.COLD


def test_a_cold_lane_waits_for_its_first_mail() -> None:
    """Days on which a cold lane sent nothing are no steps, and the journal is not filled with them."""
    cold = lane(Standing.COLD, last_used_at=NOW - 40 * DAY)
    assert closed(cold, day()) is None
    awake = attrs.evolve(cold, last_used_at=NOW)
    assert close(awake, day(10, 0)) == awake
    assert (close(awake, day(10, 9)).standing, close(awake, day(10, 9)).step) == (Standing.RAMPING, 2)


def test_pause_and_resume_are_idempotent() -> None:
    """Pausing twice is pausing once with the newer note; resuming a lane that runs does nothing."""
    before = lane(Standing.REDUCED, step=3, cap_limit=7, note="")
    once = standing.pause(before, "a").lane
    twice = standing.pause(once, "b").lane

    assert twice == attrs.evolve(once, note="b")
    resumed = standing.resume(twice, NOW)
    assert resumed is not None and resumed.lane == before
    assert standing.resume(before, NOW) is None


def test_resuming_ends_a_silence() -> None:
    """A lane that is silent because its provider asked for it goes on at an operator's word."""
    silent = lane(backoff_until=NOW + HOUR, backoff_reason="SPF fails")
    heard = standing.resume(silent, NOW)
    assert heard is not None and heard.lane.backoff_until == NOW
    assert standing.resume(heard.lane, NOW) is None


@pytest.mark.parametrize(("step", "to"), [(-3, 1), (1, 1), (5, 5), (LAST, LAST), (99, LAST)])
def test_reset_puts_a_lane_where_an_operator_says(step: int, to: int) -> None:
    """Whatever held it is gone; a step outside of the curve is the nearest on it."""
    held = lane(Standing.PAUSED, step=3, cap_limit=5, until=NOW, before_pause=Standing.SUSPENDED)
    after = standing.reset(held, NOW, step, LAST, "said so").lane

    assert (after.step, after.cap_limit, after.until, after.before_pause) == (to, None, None, None)
    assert after.standing is (Standing.WARM if to == LAST else Standing.RAMPING)


# Any sequence of events

Event = Callable[[Lane, Instant], Adjustment | None]


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Events of some weeks: what, hours after the one before, and a number that it may use."""
    kinds = st.sampled_from(["close", "close", "close", "block", "pause", "resume", "wake"])
    event = st.tuples(kinds, st.integers(0, 60), st.integers(0, 1500))
    return draw(st.lists(event, max_size=60))


@given(story=stories(), ramp=st.sampled_from(list(RampClock)))
def test_no_story_outruns_the_plan(story: list[tuple[str, int, int]], ramp: RampClock) -> None:
    """At most one step a closed window; nothing but a closed window or an operator ever raises a cap."""
    now, current, windows = NOW, lane(last_used_at=NOW), 0
    for what, hours, number in story:
        now += hours * HOUR
        before = current
        cap = standing.cap_of(before, planned(before.step))
        accepted = min(number, cap)
        adjustment: Adjustment | None
        if what == "close":
            windows += 1
            if accepted:
                current = before = attrs.evolve(before, last_used_at=now)
            adjustment = closed(before, day(cap, accepted, step=before.step, at=now - DAY), ramp, now)
        elif what == "block":
            adjustment = refuse(before, now, cap)
        elif what == "pause":
            adjustment = standing.pause(before, "")
        elif what == "resume":
            adjustment = standing.resume(before, now)
        else:
            adjustment = standing.wake(before, now)
        if adjustment is None:
            continue
        current = adjustment.lane
        after = standing.cap_of(current, planned(current.step))

        assert adjustment.reason
        assert 1 <= current.step <= min(LAST, 1 + windows)
        assert current.step <= before.step + (what == "close")
        if what != "close":
            assert after <= cap or after == 1, f"{what} raised {cap} to {after}"
        if what == "close" and current.step > before.step:
            assert before.standing not in (Standing.PAUSED, Standing.SUSPENDED)
        if before.until is not None and now < before.until and what != "resume":
            assert Standing.SUSPENDED in (current.standing, current.before_pause)
        if current.standing is Standing.SUSPENDED:
            assert current.until is not None and current.cap_limit is not None
        assert (current.before_pause is not None) == (current.standing is Standing.PAUSED)
        assert current.before_pause is not Standing.PAUSED


@given(cap=st.integers(1, 10**9), step=st.integers(1, LAST), limit=st.none() | st.integers(1, 2000))
def test_a_block_never_raises_anything(cap: int, step: int, limit: int | None) -> None:
    """Whatever cap was in force, afterwards it is half of it at most, and one message a day at least."""
    before = lane(step=step, cap_limit=limit)
    in_force = standing.cap_of(before, min(cap, planned(step)))
    adjustment = refuse(before, NOW, in_force)

    assert adjustment.cap_now == max(1, in_force // 2)
    assert adjustment.lane.step <= step
    assert standing.cap_of(adjustment.lane, planned(adjustment.lane.step)) <= adjustment.cap_now
