"""What may go now, and from which source.

Pure: lanes, candidates and ``now`` in, releases out. The shell wrote nothing before and writes
everything afterwards in one transaction.

The order is: retries whose unit is already spent (they need no new one), carried-over retries
(they reserve first in a new window), then fresh mail as the store drew it: by priority, by
engagement while a lane is ramping, by deadline. The source is chosen here and not at submission:
of the lanes that may send, the one that has used the smallest part of its cap.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import attrs

from warmup.model import DeliveryState
from warmup.release.limits import LaneView, limits_of, wait_of
from warmup.timing import Instant

__all__ = ["Candidate", "Decided", "Release", "decide"]

FRACTION = 1 << 40


@attrs.frozen(kw_only=True)
class Candidate:
    """A delivery that is due.

    Attributes:
        windows: Open windows in which it holds a unit already: another try there is free.
        pin_source: The source it should leave from until ``pin_until``: it was greylisted there.
    """

    id: int
    message: int
    recipient: str
    domain: str
    site: str
    state: DeliveryState
    lease: int
    attempts: int = 0
    deadline: Instant
    windows: frozenset[int] = frozenset()
    pin_source: str | None = None
    pin_until: Instant | None = None
    sender: str = ""
    size: int = 0
    utf8: bool = False
    eight_bit: bool = False


@attrs.frozen
class Release:
    """One delivery leaves by one lane.

    Attributes:
        unit: Whether a unit of the cap is reserved for it.
        not_before: The unit's place in the day: now, or a little later.
    """

    candidate: Candidate
    view: LaneView
    unit: bool
    not_before: Instant


@attrs.frozen(kw_only=True)
class Decided:
    """Releases, the pace's new state by lane, and when it is worth asking again.

    Attributes:
        tats: New theoretical arrival time by lane id, for lanes that took units.
        wake_at: Earliest instant at which one of the candidates left over could go; None where
            none is left over, or where only an operator or a finished conversation changes that.
    """

    releases: tuple[Release, ...]
    tats: dict[int, int]
    wake_at: Instant | None


class _Desk:
    """A lane while its decisions are taken."""

    __slots__ = ("room", "tat", "used", "view")

    def __init__(self, view: LaneView) -> None:
        self.view = view
        self.room = view.room
        self.used = view.ledger.used + view.promised if view.ledger else 0
        self.tat = view.ledger.tat if view.ledger else 0

    @property
    def progress(self) -> int:
        cap = self.view.ledger.cap if self.view.ledger else 0
        return self.used * FRACTION // cap if cap else FRACTION

    def take_unit(self, now: Instant) -> Instant | None:
        if self.view.pace is None:
            return None
        until = now + self.view.ahead
        instants, self.tat = self.view.pace.schedule(now, until, self.used, self.tat, 1)
        self.used += len(instants)
        return instants[0] if instants else None


def _able_at(view: LaneView, now: Instant) -> Instant | None:
    """When a lane's source can send again, caps aside; None: when an operator lets it."""
    limits = limits_of(view, now, unit=False)
    return wait_of(limits).not_before if limits else now


def _pinned_elsewhere(
    candidate: Candidate, desk: _Desk, now: Instant, pins: dict[str, Instant | None]
) -> bool:
    pin = candidate.pin_source
    if pin is None or candidate.pin_until is None or now >= candidate.pin_until:
        return False
    able_at = pins.get(pin)
    return able_at is not None and able_at < candidate.pin_until and pin != desk.view.source.address


def decide(
    now: Instant, views: Sequence[LaneView], retries: Sequence[Candidate], fresh: Sequence[Candidate]
) -> Decided:
    """Choose what goes now among the candidates of one pool and provider.

    Args:
        now: The instant of the decision.
        views: The lanes of the pool's sources to the provider.
        retries: Deferred candidates that are due, the earliest first.
        fresh: Candidates never tried, in the order in which they should go.
    """
    desks = [_Desk(view) for view in views]
    open_desks = {desk.view.lane.id: desk for desk in desks if not limits_of(desk.view, now, unit=False)}
    # A pin holds as long as its source can send within the pin's own time.
    pins = {desk.view.source.address: _able_at(desk.view, now) for desk in desks}
    releases: list[Release] = []
    tats: dict[int, int] = {}
    left: list[Candidate] = []

    def site_free(desk: _Desk, site: str) -> bool:
        held = desk.view.sites.get(site)
        return held is None or held.until <= now

    def go(candidate: Candidate, desk: _Desk, not_before: Instant, *, unit: bool) -> None:
        desk.room -= 1
        if unit:
            tats[desk.view.lane.id] = desk.tat
        releases.append(Release(candidate, desk.view, unit, not_before))

    carried: list[Candidate] = []
    for candidate in retries:
        if candidate.deadline <= now:
            continue
        home = next(
            (
                desk
                for desk in open_desks.values()
                if desk.view.ledger is not None
                and desk.view.ledger.id in candidate.windows
                and desk.room > 0
                and site_free(desk, candidate.site)
                and not _pinned_elsewhere(candidate, desk, now, pins)
            ),
            None,
        )
        if home is not None:
            go(candidate, home, now, unit=False)
        else:
            carried.append(candidate)

    heap = [(desk.progress, order, desk) for order, desk in enumerate(open_desks.values()) if desk.room > 0]
    heapq.heapify(heap)
    waiting = [candidate for candidate in (*carried, *fresh) if candidate.deadline > now]
    for place, candidate in enumerate(waiting):
        aside: list[tuple[int, int, _Desk]] = []
        chosen: _Desk | None = None
        at: Instant | None = None
        while heap and chosen is None:
            entry = heapq.heappop(heap)
            desk = entry[2]
            if not site_free(desk, candidate.site) or _pinned_elsewhere(candidate, desk, now, pins):
                aside.append(entry)
            elif desk.room > 0 and (at := desk.take_unit(now)) is not None:
                chosen = desk
                aside.append((desk.progress, entry[1], desk))
            # A lane without room or without a unit now has none for the candidates behind either.
        for entry in aside:
            heapq.heappush(heap, entry)
        if chosen is not None and at is not None:
            go(candidate, chosen, at, unit=True)
        elif heap:
            left.append(candidate)
        else:
            left.extend(waiting[place:])
            break
    return Decided(releases=tuple(releases), tats=tats, wake_at=_wake(now, desks, left))


def _wake(now: Instant, desks: list[_Desk], left: list[Candidate]) -> Instant | None:
    if not left:
        return None
    wakes: list[Instant] = []
    for desk in desks:
        if desk.room <= 0:
            continue
        view = desk.view
        if view.ledger is not None:
            view = attrs.evolve(view, ledger=attrs.evolve(view.ledger, used=desk.used, tat=desk.tat))
        home = -1 if view.ledger is None else view.ledger.id
        for site, unit in {(candidate.site, home not in candidate.windows) for candidate in left}:
            limits = limits_of(view, now, site=site, unit=unit)
            if limits and (until := wait_of(limits).not_before) is not None:
                wakes.append(until)
    return min(wakes, default=None)
