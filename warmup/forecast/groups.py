"""Lanes that are alike, taken together: their caps, their steps, and what closes a day.

A group is lanes of sources with the same share and start that stand at the same place of their
ramp. It is one lane with a number of members until their days differ, because one of them got a
delivery more and that made its cap count as used; then it is two groups.

A lane that is plainly ramping or warm is followed here in whole numbers, by the rules of
:func:`warmup.reputation.judgement.close` when nothing bad happens. Any other lane (suspended, paused,
reduced, cold) is a :class:`~warmup.model.Lane`, and those functions themselves decide, as they do for one
that has carried next to nothing for a week.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import attrs

from warmup.model import (
    PARTS,
    Lane,
    LaneKey,
    RampClock,
    Shape,
    Standing,
    Window,
    WindowEvidence,
)
from warmup.pacing import burst
from warmup.reputation import idling, judgement, standing
from warmup.timing import DAY, Instant

__all__ = ["IDLE", "QUIET", "ForecastDay", "LaneGroup", "catch_up"]

_PLAIN = (Standing.RAMPING, Standing.WARM)
_PART, _WHOLE = standing.USED_SHARE
IDLE = standing.IDLE_DAYS * DAY
"""A lane from which nothing was accepted for so long is cold."""

QUIET = idling.WHOLE_DAYS * DAY
"""One that carried next to nothing for longer fades."""

_PAST = (standing.IDLE_DAYS + idling.WHOLE_DAYS) * DAY
_NEXT = timedelta(days=1)


@attrs.frozen(kw_only=True)
class ForecastDay:
    """One day of a forecast.

    Attributes:
        index: From 0.
        on: The calendar day in the plan's zone.
        window: Its window.
        middle: When its deliveries count as accepted; clock changes do not move it into another day.
        zone: The plan's zone.
        shape: F(t) of the day, made when it is needed.
    """

    index: int
    on: date
    window: Window
    middle: Instant
    zone: str
    shape: Callable[[], Shape]


def catch_up(cap: int, parts: int) -> int:
    """The most of a cap that may go in what is left of a day.

    Args:
        cap: The lane's.
        parts: How much of the day's pattern is left, of PARTS: lost time is caught up at one and a
            half times the pattern's pace.
    """
    return min(cap, 3 * cap * parts // (2 * PARTS) + burst(cap)) if parts and cap else 0


class LaneGroup:
    """Lanes that are alike.

    Attributes:
        members: Indexes of their sources in the plan.
        address: The first of them, which speaks for all.
        kind: Indexes the class of sources that have the same caps at the same step.
        first: The first day of their ramp.
        step, last: Where they stand, and the step that carries the whole share.
        used_at: When a delivery was last accepted.
        lane: Their state where it is not plain.
        began: Their standing when today began.
        cap: Of one of them, today.
        allowance: How much of it may go today; less than the cap on a day on which a lane comes back.
        warm_on: The first day on which they may send the curve's last figure.
        stalled: Days on their way that moved no step, although they had begun.
    """

    __slots__ = (
        "_busy_at", "_opened", "_partial", "_past", "address", "allowance", "began", "cap", "first", "kind",
        "lane", "last", "members", "provider", "stalled", "step", "used_at", "warm", "warm_on",
    )  # fmt: skip

    def __init__(
        self, members: list[int], address: str, provider: str, kind: int, first: date, last: int
    ) -> None:
        self.members, self.address, self.provider = members, address, provider
        self.kind, self.first, self.last = kind, first, last
        self.step, self.warm, self.stalled, self.cap, self.allowance = 1, False, 0, 0, 0
        self.used_at: Instant | None = None
        self.lane: Lane | None = None
        self.warm_on: date | None = None
        self._opened = self._partial = False
        # Days on which something was sent: window, step, cap and count; and when the last busy one ended.
        self._past: list[tuple[Window, int, int, int]] = []
        self._busy_at: Instant = 0

    def adopt(self, lane: Lane) -> None:
        """Take over the state of a lane."""
        self.step, self.used_at, self.warm = lane.step, lane.last_used_at, lane.standing is Standing.WARM
        plain = lane.standing in _PLAIN and lane.cap_limit is None and not lane.backoff_until
        odd = not plain or lane.learned.volume > 0 or bool(lane.learned.slow)
        self.lane = lane if odd else None

    @property
    def standing(self) -> Standing:
        """What the engine would call it."""
        if self.lane is not None:
            return self.lane.standing
        return Standing.WARM if self.warm else Standing.RAMPING

    @property
    def faded(self) -> bool:
        """Whether they were warm and have lost something for want of mail, but not everything."""
        return (
            self.lane is not None and self.lane.standing is Standing.REDUCED and self.lane.learned.volume > 0
        )

    @property
    def settled(self) -> bool:
        """Whether no day on which it sends anything changes its place."""
        return self.lane is None and self.warm and self.step >= self.last and self._opened

    def split(self, count: int) -> LaneGroup:
        """Take the first members out into a group of their own."""
        other = LaneGroup(self.members[:count], self.address, self.provider, self.kind, self.first, self.last)
        other._past = list(self._past)
        for name in (
            "_busy_at",
            "_opened",
            "_partial",
            "allowance",
            "began",
            "cap",
            "lane",
            "stalled",
            "step",
            "used_at",
            "warm",
            "warm_on",
        ):
            setattr(other, name, getattr(self, name))
        self.members = self.members[count:]
        return other

    def as_lane(self) -> Lane:
        """Its state as the engine keeps it."""
        if self.lane is not None:
            return self.lane
        key = LaneKey(self.address, self.provider)
        return Lane(id=0, key=key, standing=self.standing, step=self.step, last_used_at=self.used_at)

    def open(self, day: ForecastDay, cap: int, rests: bool) -> int:
        """Begin a day of plain lanes; what one of them may send in it.

        Args:
            day: The day.
            cap: The plan's cap at their step.
            rests: The plan says that this is no step, whatever happens.
        """
        self._partial = rests
        if not self._opened:
            self._opened = True
            self._recall(cap)
            if self.warm:
                self.warm_on = day.on
        self.began = Standing.WARM if self.warm else Standing.RAMPING
        self.cap = self.allowance = cap
        return cap

    def open_odd(self, day: ForecastDay, planned: Callable[[int], int], rests: bool) -> int:
        """Begin a day of lanes whose state is not plain; what one of them may send in it.

        Args:
            day: The day.
            planned: The plan's cap by step, on that day.
            rests: The plan says that this is no step, whatever happens.
        """
        assert self.lane is not None
        lane, window = self.lane, day.window
        if not self._opened:
            self._opened = True
            cold = standing.idle(lane, window.starts_at)
            lane = lane if cold is None else cold.lane
            back = standing.wake(lane, window.starts_at)
            lane = lane if back is None else back.lane
            self._recall(standing.cap_of(lane, planned(lane.step)), lane)
            if lane.standing is Standing.WARM:
                self.warm_on = day.on
        self._partial = rests or lane.standing in (Standing.SUSPENDED, Standing.PAUSED)
        self.began = lane.standing
        self.cap = standing.cap_of(lane, planned(lane.step), window.date)
        silent = lane.backoff_until
        if lane.standing is Standing.SUSPENDED:
            silent = max(silent, lane.until or window.ends_at)
        if lane.standing is Standing.PAUSED or silent >= window.ends_at:
            self.allowance = 0
        elif silent <= window.starts_at:
            self.allowance = self.cap
        else:
            self.allowance = catch_up(self.cap, PARTS - day.shape().parts(silent))
            back = standing.wake(lane, silent)
            lane = lane if back is None else back.lane
        self.step, self.lane = lane.step, lane
        return self.allowance

    def _recall(self, cap: int, lane: Lane | None = None) -> None:
        """What came before the first day: the day of their last mail, on which they used their cap."""
        if self.used_at is None:
            return
        if lane is not None and self.used_at <= lane.learned.volume_at <= self.used_at + DAY:
            cap = max(cap, lane.learned.volume)
        self._past.append((Window(date.min, self.used_at - DAY, self.used_at), self.step, cap, cap))
        self._busy_at = self.used_at

    def stay_closed(self) -> None:
        """A day on which they have not begun."""
        self.cap = self.allowance = 0

    def differ(self, sent: int, ramp: RampClock) -> bool:
        """Whether one delivery more makes another day of it."""
        if self.lane is not None or not sent:
            return True
        counts_use = ramp not in (RampClock.CALENDAR, RampClock.SENDING_DAY)
        return counts_use and sent * _WHOLE < self.cap * _PART <= (sent + 1) * _WHOLE

    def close(self, day: ForecastDay, sent: int, ramp: RampClock, nominal: Callable[[int], int]) -> None:
        """End a day on which each of them sent a number of deliveries, all of them accepted.

        Args:
            day: The day.
            sent: Deliveries of each.
            ramp: What moves the ramp.
            nominal: The plan's cap by step, on a plain day.
        """
        ends_at = day.window.ends_at
        if self.lane is None:
            quiet = bool(self._past) and ends_at - self._busy_at > QUIET and ramp is not RampClock.CALENDAR
            if not quiet and not sent and self.used_at is not None:
                quiet = ends_at - self.used_at >= IDLE
        if self.lane is not None or quiet:
            self._judge(day, sent, ramp, nominal)
            self._keep(day, sent)
            return
        self._keep(day, sent)
        if sent:
            self.used_at = day.middle
        if self._partial:
            self.stalled += not self.warm
            return
        if ramp is RampClock.CALENDAR:
            moves = True
        elif ramp is RampClock.SENDING_DAY:
            moves = sent > 0
        else:
            moves = sent * _WHOLE >= self.cap * _PART
        if not moves:
            self.stalled += not self.warm
            return
        if self.step < self.last:
            self.step += 1
        if not self.warm or self.step < self.last:
            self._become(self.step >= self.last, day)

    def _become(self, warm: bool, day: ForecastDay) -> None:
        if warm and self.warm_on is None:
            self.warm_on = day.on + _NEXT
        elif not warm and not self.faded:
            self.warm_on = None
        self.warm = warm

    def _keep(self, day: ForecastDay, sent: int) -> None:
        if sent:
            self.remember(day.window, self.cap, sent)

    def remember(self, window: Window, cap: int, sent: int) -> None:
        """Keep what one of them sent on a day."""
        if self._past and window.ends_at - self._past[0][0].ends_at > 2 * _PAST:
            self._past = [one for one in self._past if window.ends_at - one[0].ends_at <= _PAST]
        self._past.append((window, self.step, cap, sent))
        if sent * idling.LOW >= cap:
            self._busy_at = window.ends_at

    def _judge(self, day: ForecastDay, sent: int, ramp: RampClock, nominal: Callable[[int], int]) -> None:
        """The engine's own judgement of the day that ended."""
        lane = self.as_lane()
        before = lane.step
        if sent:
            lane = attrs.evolve(lane, last_used_at=day.middle)
        seen = WindowEvidence(
            window=day.window,
            step=lane.step,
            cap=self.cap,
            attempted=sent,
            accepted=sent,
            partial=self._partial,
        )
        past = [
            WindowEvidence(window=window, step=step, cap=cap, attempted=count, accepted=count)
            for window, step, cap, count in self._past
        ]
        closed = judgement.close(
            lane, seen, past, day.window.ends_at, ramp=ramp, last_step=self.last, planned=nominal
        )
        lane = lane if closed is None else closed.lane
        back = standing.wake(lane, day.window.ends_at)
        lane = lane if back is None else back.lane
        if lane.backoff_until <= day.window.ends_at and lane.backoff_until:
            lane = attrs.evolve(lane, backoff_until=0, backoff_reason="")
        if lane.step == before and lane.standing is not Standing.WARM:
            self.stalled += 1
        self.adopt(lane)
        self._become(lane.standing is Standing.WARM, day)
