"""Strategies: who decides what a lane may do tomorrow, and what it does when it is refused.

``calendar:CURVE`` follows a curve by the calendar, whatever happens: that is what published schedules
ask for. ``earned`` climbs one step for each day whose cap was used, and stops for a day when it is
blocked. ``naive`` adds half on a clean day and goes back on a deferral. ``ours`` is the engine's own
judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import attrs

from warmup.errors import UsageError, WarmupError
from warmup.forecast.simulate import IMPATIENT, PROVIDER, SOURCE, START, UNMOVED, Course, Pilot
from warmup.model import Lane, LaneKey, RampClock, Standing, WindowEvidence
from warmup.plan import Plan, plan
from warmup.plan.curves import PUBLISHED, curve_info
from warmup.reputation import judgement, standing
from warmup.reputation.watch import idle_talk
from warmup.timing import DAY, MINUTE, Instant, Span

SILENCE: Span = 10 * MINUTE
"""After a volume deferral nothing goes for as long as Gmail asks for with 4.7.28, as in the engine."""

REMEMBERED = 37
"""Closed windows that the engine looks back on when it judges."""

__all__ = ["REMEMBERED", "STRATEGIES", "Calendar", "Earned", "Naive", "Ours", "strategy_of", "summaries"]


def _with_curve(course: Course, curve: str) -> Plan:
    setting = course.setting
    return plan(
        setting.target,
        start=START,
        days=setting.days,
        curve=curve,
        ips=[SOURCE],
        mix={PROVIDER: 1},
        pattern=course.plan.pattern,
    )


class Calendar:
    """Follows a curve by the calendar.

    Args:
        course: The run.
        curve: The curve, as ``warmup plan --curve`` takes it.
    """

    patience: int = UNMOVED
    silent_until: Instant = 0

    def __init__(self, course: Course, curve: str) -> None:
        self._plan = _with_curve(course, curve)
        self._day = 0

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        self._day += 1
        return self._plan.caps(SOURCE, self._day, on)[PROVIDER]

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        return seen.cap

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        """Whatever happened, tomorrow is another day."""

    def tell(self) -> tuple[int, str, str]:
        return self._day, "calendar", ""


class Earned(Calendar):
    """A step for each day whose cap was used to three quarters; a block stops a day and halves the step."""

    def __init__(self, course: Course, curve: str = "geometric:start=50,growth=1.3") -> None:
        super().__init__(course, curve)
        self._step = 1
        self._until: Instant = 0

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        return 0 if now < self._until else self._plan.caps(SOURCE, self._step, on)[PROVIDER]

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        if seen.blocked and now >= self._until:
            self._until = self.silent_until = now + DAY
            self._step = max(1, self._step // 2)
        return 0 if now < self._until else seen.cap

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        if seen.accepted * 4 >= seen.cap * 3 and not seen.blocked and seen.cap:
            self._step += 1

    def tell(self) -> tuple[int, str, str]:
        return self._step, "stages", ""


class Naive:
    """Half as much again after a clean day, back by as much after a deferral or a block."""

    patience: int = UNMOVED
    silent_until: Instant = 0

    def __init__(self, course: Course) -> None:
        self._target = course.setting.target
        self._cap = min(self._target, course.planned(1))

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        return self._cap

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        return seen.cap

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        if seen.deferred or seen.blocked:
            self._cap = max(1, self._cap * 2 // 3)
        elif seen.accepted * 4 >= seen.cap * 3:
            self._cap = min(self._target, self._cap * 3 // 2)

    def tell(self) -> tuple[int, str, str]:
        return 1, "naive", ""


class Ours:
    """The engine's own judgement, on the plan's curve."""

    patience: int = IMPATIENT

    def __init__(self, course: Course) -> None:
        self._course = course
        self._said: list[str] = []
        self._window, self._deferred = 0, 0
        self.lane = Lane(id=1, key=LaneKey(SOURCE, PROVIDER))

    @property
    def silent_until(self) -> Instant:
        """While the lane is suspended or backs off nothing is tried."""
        lane = self.lane
        held = lane.until if lane.standing is Standing.SUSPENDED and lane.until is not None else 0
        return max(held, lane.backoff_until)

    def _take(self, adjustment: standing.Adjustment | None) -> standing.Adjustment | None:
        if adjustment is not None:
            self.lane = adjustment.lane
            if not adjustment.quiet:
                self._said.append(adjustment.reason)
        return adjustment

    def _wake(self, now: Instant) -> None:
        """The engine looks when a suspension ends, in the midst of a day or not."""
        self._take(standing.wake(self.lane, now))

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        self._wake(now)
        return standing.cap_of(self.lane, self._course.plan.caps(SOURCE, self.lane.step, on)[PROVIDER], on)

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        course = self._course
        self._wake(now)
        known = self._deferred if seen.window.starts_at == self._window else 0
        if seen.deferred > known and not idle_talk(self.lane.learned):
            self.lane = attrs.evolve(self.lane, backoff_until=max(self.lane.backoff_until, now + SILENCE))
        self._window, self._deferred = seen.window.starts_at, seen.deferred
        past = history[-REMEMBERED:]
        words: dict[str, Any] = {"planned": course.planned, "last_step": course.last_step}
        adjustment = judgement.alarm(self.lane, seen, past, now, **words)
        if late and (adjustment is None or adjustment.quiet):
            looked = self.lane if adjustment is None else adjustment.lane
            adjustment = judgement.review(looked, seen, past, now, **words) or adjustment
        self._take(adjustment)
        return seen.cap if adjustment is None or adjustment.cap_now is None else adjustment.cap_now

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        if seen.accepted:
            self.lane = attrs.evolve(self.lane, last_used_at=now)
        course = self._course
        self._wake(now - 1)  # a window that ends at the same instant is judged first
        self._take(
            judgement.close(
                self.lane,
                seen,
                history[-REMEMBERED:],
                now,
                ramp=RampClock.HEALTH,
                last_step=course.last_step,
                planned=course.planned,
            )
        )

    def tell(self) -> tuple[int, str, str]:
        said, self._said = "; ".join(self._said), []
        return self.lane.step, str(self.lane.standing), said


STRATEGIES: dict[str, Callable[[Course], Pilot]] = {
    "ours": Ours,
    "earned": Earned,
    "naive": Naive,
    "ses": lambda course: Calendar(course, "ses"),
}
STRATEGIES |= {name: lambda course, name=name: Calendar(course, name) for name in PUBLISHED}  # type: ignore[misc]

_SUMMARIES = {
    "ours": "the engine's own judgement, on a curve that doubles from 50",
    "earned": "30 % more, from 50 on, for each day used to 75 %; a block stops a day and halves the step",
    "naive": "50 % more after a clean day, from 50 on; back by a third after a deferral or a block",
    "ses": "Amazon SES: the target in 45 even steps, by the calendar",
}


def summaries() -> dict[str, str]:
    """What each strategy does, in a sentence, by name."""
    return _SUMMARIES | {name: f"{curve_info(name).summary}, by the calendar" for name in PUBLISHED}


def strategy_of(name: str) -> Callable[[Course], Pilot]:
    """Find a strategy by its name; any curve that ``warmup plan`` knows is a calendar.

    Raises:
        UsageError: There is none, or its curve is wrong.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    curve = name.removeprefix("calendar:")
    from difflib import get_close_matches

    from warmup.plan import parse_curve

    try:
        parse_curve(curve)
    except WarmupError as error:
        near = get_close_matches(name, STRATEGIES, n=1)
        if not near and ":" in curve:
            said = "; ".join(f"{problem.wrong} ({problem.mend})" for problem in error.problems)
            raise UsageError.of("--strategy", f"the curve {curve}: {said}") from error
        mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(STRATEGIES)}; or a curve"
        raise UsageError.of("--strategy", f"there is no strategy {name!r}", mend) from error
    return lambda course: Calendar(course, curve)
