"""One lane, one provider, one strategy, run forward hour by hour in counts.

The day is the engine's: its window and the running sum of its pattern say how many units of the cap
are due in an hour; what fell behind is caught up at one and a half times the pattern's pace and no
faster; a deferred delivery comes back by the retry schedule, free of charge on the same day and with a
unit of its own on the next. Messages of an hour are spread evenly over it.

A strategy that reacts is told after each refusal, as the engine is, and what it says holds from the
next message on. One that does not is told at the end of the hour.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Protocol

import attrs

from warmup.contracts import Receiver, Setting
from warmup.model import Category, Outcome, Reaction, RetrySchedule, Scope, Shape, Verdict, WindowEvidence
from warmup.pacing import burst, due
from warmup.plan import Plan, plan, shape, window_of
from warmup.release.retry import next_attempt_at
from warmup.timing import DAY, HOUR, MINUTE, Chance, Instant, Span

__all__ = [
    "IMPATIENT",
    "PROVIDER",
    "SOURCE",
    "START",
    "STEEPEST",
    "UNMOVED",
    "Course",
    "Day",
    "Pilot",
    "Run",
    "Track",
    "course",
    "run",
]

SOURCE = "192.0.2.1"
PROVIDER = "google"
START = date(2027, 1, 4)
"""The first day of every simulation, a Monday."""

STEEPEST = "geometric:start=50,growth=2"
"""The curve that strategies which react may follow: no steeper than a doubling a day."""

IMPATIENT = 1
UNMOVED = 1 << 30
"""Patience of a strategy that reacts to each refusal, and of one that reacts to none."""

DEFERRED = frozenset({Category.VOLUME_LIMITED, Category.RATE_LIMITED})
BLOCKED = frozenset({Category.IP_REPUTATION_BLOCK, Category.BLOCKLISTED})
FINAL = frozenset(
    {
        Category.INVALID_RECIPIENT,
        Category.SPAM_CONTENT,
        Category.POLICY,
        Category.PROTOCOL,
        Category.UNKNOWN_PERMANENT,
    }
)
"""Answers after which a delivery is not tried again."""


@attrs.frozen(kw_only=True)
class Course:
    """What a run goes through, whoever drives.

    Attributes:
        setting: What the world knows of it.
        plan: One source, one provider: the lane's caps by step, the calendar and the pattern.
        retry: When deferred mail comes back.
        chance: Where jitter comes from.
    """

    setting: Setting
    plan: Plan
    retry: RetrySchedule = attrs.field(factory=RetrySchedule)
    chance: Chance = attrs.field(factory=Chance)

    def planned(self, step: int) -> int:
        """The plan's cap of the lane on a plain day, by step."""
        return self.plan.nominal(SOURCE, step)[PROVIDER]

    @property
    def last_step(self) -> int:
        """The first step at which the lane carries its target."""
        return self.plan.last_step(SOURCE)


def course(
    target: int,
    days: int,
    *,
    curve: str = "geometric:start=50,growth=2",
    pattern: str = "waking",
    seed: int = 0,
) -> Course:
    """Lay out a run of one lane.

    Args:
        target: Deliveries a day once warm.
        days: How long it lasts.
        curve: The steepest growth allowed; by default a doubling each day.
        pattern: The shape of a day.
        seed: Of the jitter of retries.

    Raises:
        PlanError: No plan can be made of these.
    """
    made = plan(
        target,
        start=START,
        days=days,
        curve=curve,
        ips=[SOURCE],
        mix={PROVIDER: 1},
        pattern=pattern,
    )
    start = window_of("UTC", START).starts_at
    return Course(setting=Setting(start=start, days=days, target=target), plan=made, chance=Chance(seed))


class Pilot(Protocol):
    """Drives one lane through one run."""

    @property
    def patience(self) -> int:
        """After how many refusals it wants to be told."""
        ...

    @property
    def silent_until(self) -> Instant:
        """Nothing is tried before this instant."""
        ...

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        """The cap of the window that opens."""
        ...

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        """Bad news came: the cap of the open window from now on; what is higher than before is ignored.

        ``late``: they are complaints, and may be about windows that are closed.
        """
        ...

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        """A window closed; ``history`` holds those before it, oldest first."""
        ...

    def tell(self) -> tuple[int, str, str]:
        """Step, standing, and what was decided since it was last asked."""
        ...


@attrs.define
class Day:
    """What happened on one day; complaints are counted on the day of their message.

    Attributes:
        day: From 0.
        opened: The cap with which the window opened.
        cap: The cap at its end.
        used: Units spent.
        mail: Whether there was anything to send.
        greylisted, other: Attempts refused for reasons that say nothing of reputation.
        expired: Deliveries given up, their lifetime being over.
        step, standing, reasons: What the strategy tells of itself at the day's end.
    """

    day: int
    opened: int = 0
    cap: int = 0
    used: int = 0
    attempted: int = 0
    accepted: int = 0
    deferred: int = 0
    blocked: int = 0
    invalid: int = 0
    greylisted: int = 0
    other: int = 0
    complained: int = 0
    expired: int = 0
    step: int = 0
    standing: str = ""
    reasons: str = ""
    mail: bool = True


@attrs.frozen
class Track:
    """A run that is over.

    Attributes:
        strategy: Who drove.
        days: One after the other.
    """

    strategy: str
    days: tuple[Day, ...]

    @property
    def delivered(self) -> int:
        """Messages accepted."""
        return sum(day.accepted for day in self.days)

    @property
    def friction(self) -> float:
        """Attempts deferred for volume or blocked, as a share of all."""
        attempts = sum(day.attempted for day in self.days)
        return sum(day.deferred + day.blocked for day in self.days) / attempts if attempts else 0.0

    @property
    def blocked_days(self) -> int:
        """Days on which the provider blocked."""
        return sum(day.blocked > 0 for day in self.days)

    def reached(self, volume: int) -> int | None:
        """The first day, from 1, on which at least so many messages were accepted."""
        return next((day.day + 1 for day in self.days if day.accepted >= volume), None)


def _verdict(category: Category) -> Verdict:
    return Verdict(
        outcome=Outcome.DEFERRED, category=category, scope=Scope.IP, reaction=Reaction.RETRY, rule="world"
    )


_VERDICTS = {category: _verdict(category) for category in Category}


class _Key(NamedTuple):
    """Deliveries that come back together, after as many tries, with a unit of the same day."""

    due: Instant
    tries: int
    day: int


SLOT: Span = 5 * MINUTE
"""Instants of retries are rounded up to whole slots, so that a storm of them stays countable."""


class Run:
    """A run under way; :meth:`fork` looks ahead."""

    def __init__(self, course: Course, receiver: Receiver, pilot: Pilot) -> None:
        self.course, self.receiver, self.pilot = course, receiver, pilot
        self.days: list[Day] = []
        self.history: list[WindowEvidence] = []
        self.today = Day(0)
        self.line: list[_Key] = []  # a heap: who comes back next
        self.cohorts: dict[_Key, tuple[int, Instant]] = {}  # how many, and the first try of the youngest
        self._number = 0
        self.greylisted = False  # whether the last first try was
        self.start = course.setting.start
        self._bind()
        self._opened: WindowEvidence | None = None

    def fork(self, pilot: Pilot) -> Run:
        """The same run once more, under somebody else; what it does changes nothing here."""
        twin = copy.copy(self)
        twin.receiver, twin.pilot = copy.deepcopy(self.receiver), pilot
        twin._bind()
        twin.days = [copy.copy(day) for day in self.days]
        twin.history = list(self.history)
        twin.line, twin.cohorts = list(self.line), dict(self.cohorts)
        return twin

    def _bind(self) -> None:
        self._demand = getattr(self.receiver, "demand", None)
        self._complaints = getattr(self.receiver, "complaints", None)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def live(self) -> list[Day]:
        for number in range(self.course.setting.days):
            self.one_day(number)
        return self.days

    def one_day(self, number: int) -> None:
        course, pilot = self.course, self.pilot
        on = date.fromordinal(START.toordinal() + number)
        window = window_of("UTC", on)
        self.hear(window.starts_at, fresh=False)
        self.today = today = Day(number)
        cap = pilot.open(window.starts_at, on, self.history)
        today.opened = today.cap = cap
        step, _, _ = pilot.tell()
        self._opened = WindowEvidence(window=window, step=step, cap=cap)
        wanted = cap if self._demand is None else self._demand(number)
        today.mail = wanted > 0 or self._demand is None
        form = shape(window, "UTC", course.plan.pattern)
        for hour in range(24):
            begin = window.starts_at + hour * HOUR
            bad = today.invalid
            self.one_hour(form, begin, begin + HOUR, wanted)
            self.hear(begin + HOUR, fresh=today.invalid > bad)
        seen = self.seen()
        pilot.close(window.ends_at, seen, self.history)
        self.history.append(seen)
        today.step, today.standing, today.reasons = pilot.tell()
        self.days.append(today)

    def seen(self) -> WindowEvidence:
        """The evidence of the open window so far."""
        today = self.today
        assert self._opened is not None
        return attrs.evolve(
            self._opened,
            cap=today.cap,
            attempted=today.attempted,
            accepted=today.accepted,
            deferred=today.deferred,
            blocked=today.blocked,
            invalid=today.invalid,
            complained=today.complained,
        )

    def hear(self, now: Instant, *, fresh: bool) -> None:
        """Take the complaints that came in; tell the strategy if there is anything new that is bad."""
        late = False
        for accepted_at, people in self._complaints(now) if self._complaints is not None else ():
            fresh = late = True
            day = (accepted_at - self.start) // DAY
            if day == self.today.day:
                self.today.complained += people
            elif 0 <= day < len(self.days):
                self.days[day].complained += people
                old = self.history[day]
                self.history[day] = attrs.evolve(old, complained=old.complained + people)
        if fresh and self._opened is not None and self.today.day == len(self.days):
            self.tell(now, late)

    def tell(self, now: Instant, late: bool = False) -> None:
        today = self.today
        today.cap = max(0, min(today.cap, self.pilot.news(now, self.seen(), self.history, late)))

    def one_hour(self, form: Shape, begin: Instant, end: Instant, wanted: int) -> None:
        """Release what is due in an hour, and try again what comes back in it."""
        today, pilot = self.today, self.pilot
        behind = burst(today.cap)
        parts = form.parts(end) - form.parts(begin)
        started, at = today.used, begin
        fresh = begin  # new messages were released up to here
        while at < end:
            if pilot.silent_until > at:
                at = min(end, pilot.silent_until)
                continue
            paced = (3 * today.cap * parts) // (2 * 10**15) + behind - (today.used - started)
            count = min(due(form, today.cap, end) - today.used, paced, wanted - today.used)
            fresh = max(at, fresh)
            back = self.line[0].due if self.line else end
            if back < end and (back <= fresh or count <= 0):
                at = max(at, back)
                self.retry(at)
                continue
            if count <= 0 or fresh >= end:
                break
            if back < end:
                # Only those whose turn comes before the retry.
                count = max(1, count * (back - fresh) // (end - fresh))
            span = min(back, end) - fresh
            done, at = self.release(fresh, span, count)
            fresh = min(back, end) if done >= count else fresh + span * done // count

    def release(self, at: Instant, span: int, count: int) -> tuple[int, Instant]:
        """Send so many new messages spread over a span, until something is said or somebody comes back.

        Returns how many went, and when the last of them were answered.
        """
        today = self.today
        done, now = 0, at
        while done < count:
            now = at + span * (2 * done + 1) // (2 * count)  # in the midst of its part of the span
            if done and self.line and self.line[0].due <= now:
                break
            # Who is greylisted comes back as old as it is: those of one slot go together, and no more.
            asked = min(count - done, max(1, count * SLOT // span)) if self.greylisted else count - done
            attempts, category = self.receiver.answer(now, asked, 0, self.pilot.patience)
            attempts = max(1, min(attempts, asked))
            self.greylisted = category is Category.GREYLIST
            done += attempts
            today.used += attempts
            if self.note(now, attempts, category, now, 0):
                break
        return done, now

    def retry(self, at: Instant) -> None:
        """Try those again that stand first; those of an earlier day need a unit of this one."""
        today = self.today
        key = heapq.heappop(self.line)
        count, first_at = self.cohorts.pop(key)
        ready = count
        if key.day != today.day:
            ready = min(ready, today.cap - today.used)
            if ready <= 0:
                midnight = self.start + (today.day + 1) * DAY
                self.later(_Key(midnight, key.tries, key.day), count, first_at)
                return
        attempts, category = self.receiver.answer(at, ready, max(1, at - first_at), self.pilot.patience)
        attempts = max(1, min(attempts, ready))
        if key.day != today.day:
            today.used += attempts
        if attempts < count:
            self.later(key, count - attempts, first_at)
        self.note(at, attempts, category, first_at, key.tries)

    def later(self, key: _Key, count: int, first_at: Instant) -> None:
        """Let deliveries come back."""
        there = self.cohorts.get(key)
        if there is None:
            heapq.heappush(self.line, key)
            self.cohorts[key] = count, first_at
        else:
            self.cohorts[key] = there[0] + count, max(there[1], first_at)

    def note(self, now: Instant, count: int, category: Category, first_at: Instant, tries: int) -> bool:
        """Count an answer; True where the strategy was told and may have changed its mind."""
        today = self.today
        today.attempted += count
        if category is Category.ACCEPTED:
            today.accepted += count
            return False
        if category in FINAL:
            if category is Category.INVALID_RECIPIENT:
                today.invalid += count
            else:
                today.other += count
            return False
        due_at = next_attempt_at(
            now, tries + 1, _VERDICTS[category], self.course.retry, self.course.chance, self._next()
        )
        if due_at - first_at > self.course.retry.lifetime:
            today.expired += count
        else:
            self.later(_Key(-(-due_at // SLOT) * SLOT, tries + 1, today.day), count, first_at)
        if category in DEFERRED:
            today.deferred += count
        elif category in BLOCKED:
            today.blocked += count
        elif category is Category.GREYLIST:
            today.greylisted += count
            return False
        else:
            today.other += count
            return False
        self.tell(now)
        return True


def run(course: Course, receiver: Receiver, pilot: Pilot, name: str) -> Track:
    """Drive a lane through a provider's days.

    Args:
        course: What it goes through.
        receiver: The provider; it is used up.
        pilot: Who drives.
        name: What the strategy is called.
    """
    return Track(name, tuple(Run(course, receiver, pilot).live()))
