"""Why a lane does not take a delivery now, and from when it could.

Each limit says the earliest instant at which it can be gone; the lane's wait is the one that
lasts longest. All of it is derived from the lane's state when asked, so that an answer can
never be out of date.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from warmup.model import EgressSource, Lane, Ledger, Limit, Standing, Wait, WaitReason
from warmup.pacing import Pace
from warmup.timing import MINUTE, SECOND, Instant, Span, format_span

__all__ = ["WINDOW_GUARD", "LaneView", "SiteHold", "limits_of", "soonest", "wait_of"]

WINDOW_GUARD = 2 * SECOND
"""MAIL that is not written this long before the window ends is not written in it at all."""

BUSY_RECHECK = MINUTE
"""When it is worth asking again whether a conversation that others wait for is over."""

_RANKS = {reason: rank for rank, reason in enumerate(WaitReason)}


@attrs.frozen
class SiteHold:
    """A site inside a lane that gets nothing until an instant, and why."""

    until: Instant
    reason: WaitReason
    text: str


@attrs.frozen(kw_only=True)
class LaneView:
    """Everything about a lane that a decision depends on.

    Attributes:
        ledger: The open window; None where there is none.
        pace: The pace of that window.
        opens_at: When the next window may open, where there is none: the source's start.
        closed_until: End of the last window, where there is none: it was closed and never grants again.
        down: The source cannot be used, until an instant.
        sites: Sites inside the lane that are held.
        curve: Name of the plan's curve, for people.
        room: Deliveries that the courier can take for this lane now.
        promised: Units that relays were promised and that are due: nobody who came later takes them.
        ahead: How long before its instant a unit may be given out, microseconds.
        connections: Deliveries that may be under way at once, over all workers and relays; 0: any number.
        under_way: How many there are, where that matters.
        slowed: Why there may be no more, in words.
    """

    lane: Lane
    source: EgressSource
    ledger: Ledger | None
    pace: Pace | None
    opens_at: Instant = 0
    closed_until: Instant = 0
    down: SiteHold | None = None
    sites: Mapping[str, SiteHold] = attrs.field(factory=dict)
    curve: str = ""
    room: int = 1 << 30
    promised: int = 0
    ahead: Span = 0
    connections: int = 0
    under_way: int = 0
    slowed: str = ""

    @property
    def busy(self) -> bool:
        """Whether as many are under way as there may be."""
        return 0 < self.connections <= self.under_way


def limits_of(
    view: LaneView, now: Instant, *, site: str = "", ahead: int = 0, unit: bool = True
) -> tuple[Limit, ...]:
    """Every limit that holds a delivery back on this lane now; empty where it may go.

    Args:
        view: The lane.
        now: The instant asked about.
        site: Where the delivery goes.
        ahead: How many others go before it.
        unit: Whether it needs a unit of the cap; a second try in the same window does not.
    """
    found: list[Limit] = []
    lane, key = view.lane, view.lane.key

    def hold(reason: WaitReason, until: Instant | None, text: str) -> None:
        if until is None or until > now:
            found.append(Limit(reason, until, text, key))

    if lane.standing is Standing.PAUSED:
        hold(
            WaitReason.PAUSED, None, f"{key} was paused by an operator{f': {lane.note}' if lane.note else ''}"
        )
    if lane.standing is Standing.SUSPENDED and lane.until is not None:
        hold(WaitReason.SUSPENDED, lane.until, f"{key} is suspended{f': {lane.note}' if lane.note else ''}")
    hold(WaitReason.BACKOFF, lane.backoff_until, f"{key} backs off: {lane.backoff_reason}")
    if view.busy:
        # A conversation may end at any moment, and nobody knows at which.
        hold(WaitReason.BACKOFF, now + BUSY_RECHECK, f"{key} has {view.under_way} under way: {view.slowed}")
    if view.down is not None:
        hold(view.down.reason, view.down.until, view.down.text)
    if site in view.sites:
        held = view.sites[site]
        hold(held.reason, held.until, held.text)
    if view.ledger is None or view.pace is None:
        if view.closed_until > now:
            text = f"{key} has closed the window that this falls in: the clock was put back"
            found.append(Limit(WaitReason.CLOCK, view.closed_until, text, key))
        elif view.opens_at > now:
            found.append(Limit(WaitReason.NOT_STARTED, view.opens_at, f"{key} starts its warm-up then", key))
        else:
            text = f"{key} has no open window: a worker opens it"
            found.append(Limit(WaitReason.NOT_STARTED, now, text, key))
        return tuple(found)
    ledger = view.ledger
    ends_at = ledger.window.ends_at
    if now < ledger.window.starts_at:
        # The clock was put back over midnight: the day before is closed, and today has not begun.
        text = f"{key} has closed the day before: the clock was put back"
        hold(WaitReason.CLOCK, ledger.window.starts_at, text)
    if now >= ends_at - WINDOW_GUARD:
        hold(WaitReason.WINDOW_END, ends_at, f"the window ends in {format_span(max(0, ends_at - now))}")
    if unit:
        _unit_limits(view, ledger, view.pace, now, ahead, hold)
    return tuple(found)


def _unit_limits(view: LaneView, ledger: Ledger, pace: Pace, now: Instant, ahead: int, hold) -> None:  # type: ignore[no-untyped-def]
    ends_at = ledger.window.ends_at
    place = f"step {ledger.step} of {view.curve}" if view.curve else f"step {ledger.step}"
    if view.lane.cap_limit is not None:
        place += f", {view.lane.standing}"
    if ledger.used + ahead >= ledger.cap:
        others = f", {ahead} before it" if ahead else ""
        hold(WaitReason.CAP, ends_at, f"cap {ledger.cap} a day ({place}), {ledger.used} used{others}")
        return
    if ledger.used + ahead >= ledger.goal:
        others = f", {ahead} before it" if ahead else ""
        text = f"today is held to {ledger.goal} of cap {ledger.cap} ({place}), {ledger.used} used{others}"
        hold(WaitReason.STEADY, ends_at, f"{text}: the days are kept alike")
        return
    slot, paced = pace.next_slot(now, ledger.used, ledger.tat, ahead)
    unit = ledger.used + ahead + 1
    hold(
        WaitReason.PATTERN,
        ends_at if slot is None else slot,
        f"unit {unit} of {ledger.goal} ({place}) has its place in the day's pattern then",
    )
    hold(
        WaitReason.PACE,
        ends_at if paced is None else paced,
        f"catching up goes at one and a half times the pattern's pace of cap {ledger.cap} ({place})",
    )


def wait_of(limits: tuple[Limit, ...]) -> Wait:
    """The wait that several limits make together: the latest, with the others listed."""
    ordered = sorted(
        limits,
        key=lambda limit: (limit.not_before is not None, -(limit.not_before or 0), _RANKS[limit.reason]),
    )
    return Wait(ordered[0], tuple(ordered[1:]))


def soonest(waits: list[Wait]) -> Wait:
    """Of the waits on several lanes, any of which would do, the one that ends first."""
    return min(waits, key=lambda wait: (wait.not_before is None, wait.not_before or 0))
