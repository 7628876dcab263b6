"""What every use case of the engine stands on, and the few things a process remembers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date

import attrs

from warmup.engine.watch import ClockWatch
from warmup.model import (
    Declaration,
    EgressSource,
    Lane,
    LaneKey,
    LaneLimits,
    Ledger,
    RampClock,
    RetrySchedule,
    Shape,
    Stream,
)
from warmup.pacing import Pace
from warmup.plan import Plan
from warmup.plan.aim import Steadiness
from warmup.plan.calendar import shape, window_of
from warmup.plan.demand import Demand
from warmup.plan.growth import GrowthPolicy
from warmup.plan.sending import opens_at
from warmup.providers import Classifier, Directory
from warmup.release.limits import LaneView, SiteHold
from warmup.reputation.policy import POLICY, Policy
from warmup.reputation.standing import Planned
from warmup.store import Database
from warmup.store.domains import Domain
from warmup.timing import HOUR, Chance, Clock, Instant, Span

__all__ = ["LEASE", "Context", "Look"]

LEASE: Span = 4 * HOUR
"""How long a worker may hold a delivery, in the machine's own time: longer than a conversation in
which every command takes all the time that RFC 5321 section 4.5.3.2 allows. A worker that dies is
noticed earlier, when its node starts again; only a node that never does lets its claims lapse."""

PRIORITIES = 10
"""Streams have a priority from 0 to 9."""

SHAPES_KEPT = 64
DOMAINS_KEPT = 100_000


@attrs.frozen
class Look:
    """What a release saw when it began.

    Attributes:
        nudges: How often somebody had nudged by then.
        rolls: How often a roll had been asked for.
        asleep: Queues that slept, with the instant at which they wake.
    """

    nudges: int
    rolls: int
    asleep: Mapping[tuple[str, str], Instant]


@attrs.define(kw_only=True)
class Context:
    """The engine's surroundings. Policies are values; the database and the clock are handles.

    Attributes:
        sources: Egress sources by address.
        declarations: What an operator says of sources in use already, by address.
        streams: Streams by name; ``default`` is among them.
        policy: How lanes are judged.
        growth: How fast a warm lane may grow; None: as the plan says.
        steadiness: How warm lanes' mail is spread over days; None: it goes as soon as caps let it.
        demand: What is expected to arrive; None: what the last weeks had.
        classifier: What replies mean, an operator's own rules first.
        owner: ``node/incarnation``: who the leases belong to.
    """

    database: Database
    clock: Clock
    plan: Plan
    ramp: RampClock
    sources: Mapping[str, EgressSource]
    streams: Mapping[str, Stream]
    directory: Directory
    chance: Chance
    declarations: Mapping[str, Declaration] = attrs.field(factory=dict)
    retry: RetrySchedule = attrs.field(factory=RetrySchedule)
    policy: Policy = POLICY
    growth: GrowthPolicy | None = attrs.field(factory=GrowthPolicy)
    steadiness: Steadiness | None = None
    demand: Demand | None = None
    classifier: Classifier = attrs.field(factory=Classifier.default)
    node: str = "local"
    incarnation: str = "none"
    watch: ClockWatch = attrs.field(init=False)
    roll_at: Instant = attrs.field(init=False, default=0)
    even_at: Instant = attrs.field(init=False, default=0)
    gone_before: tuple[date | None, Mapping[tuple[str, str], Mapping[date, int]]] = attrs.field(
        init=False, factory=lambda: (None, {})
    )
    swept: int = attrs.field(init=False, default=0)
    resolve_at: Instant = attrs.field(init=False, default=0)
    asleep: dict[tuple[str, str], Instant] = attrs.field(init=False, factory=dict)
    plan_noted: bool = attrs.field(init=False, default=False)
    troubled: set[LaneKey] = attrs.field(init=False, factory=set)
    slowed: dict[LaneKey, int] = attrs.field(init=False, factory=dict)
    listeners: list[Callable[[], None]] = attrs.field(init=False, factory=list)
    _nudges: int = attrs.field(init=False, default=0)
    _all_nudged: int = attrs.field(init=False, default=0)
    _nudged: dict[tuple[str, str], int] = attrs.field(init=False, factory=dict)
    _rolls_asked: int = attrs.field(init=False, default=0)
    _shapes: OrderedDict[tuple[object, ...], Shape] = attrs.field(init=False, factory=OrderedDict)
    _domains: OrderedDict[str, Domain] = attrs.field(init=False, factory=OrderedDict)
    _usual: dict[str, LaneLimits] = attrs.field(init=False, factory=dict)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self.watch = ClockWatch(self.clock)

    @property
    def owner(self) -> str:
        """Who this process is, in leases."""
        return f"{self.node}/{self.incarnation}"

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that have a source, in the plan's order."""
        return tuple(dict.fromkeys(source.pool for source in self.sources.values()))

    def label(self, provider: str | None) -> str:
        """The plan's provider for a recognised one: itself where it has a share, else ``other``."""
        return provider if provider is not None and provider in self.plan.providers else "other"

    def starts_at(self, address: str) -> Instant:
        """When a source's first window starts."""
        return window_of(self.plan.zone, self.plan.source(address).start).starts_at

    def planned(self, lane: Lane, ledger: Ledger) -> Planned:
        """The plan's cap of a lane by step, on the day of a window."""

        def cap(step: int) -> int:
            return self.plan.caps(lane.key.source, step, ledger.window.date).get(lane.key.provider, 0)

        return cap

    def nominal(self, key: LaneKey) -> Planned:
        """The plan's cap of a lane by step, on a plain day with the full weight."""

        def cap(step: int) -> int:
            return self.plan.nominal(key.source, step).get(key.provider, 0)

        return cap

    def pace(self, lane: Lane, ledger: Ledger) -> Pace:
        """The pace of a lane's open window."""
        window = ledger.window
        key = (ledger.zone, window.starts_at, window.ends_at, self.plan.pattern)
        with self._lock:
            found = self._shapes.get(key)
            if found is None:
                found = self._shapes[key] = shape(window, ledger.zone, self.plan.pattern)
                while len(self._shapes) > SHAPES_KEPT:
                    self._shapes.popitem(last=False)
        return Pace(found, ledger.cap, self.chance, f"{lane.key}@{window.starts_at}", ledger.aim)

    def limits(self, key: LaneKey) -> LaneLimits:
        """Connections, and messages on each, that a lane may hold now."""
        usual = self._usual.get(key.provider)
        if usual is None:
            usual = self._usual[key.provider] = self.directory.limits(key.provider)
        fewer = self.slowed.get(key)
        if fewer is None or fewer >= usual.connections:
            return usual
        return attrs.evolve(usual, connections=fewer)

    def note_slowed(self, lane: Lane) -> None:
        """Keep how many connections a lane may hold where those who ask can see it at once."""
        if lane.learned.connections:
            self.slowed[lane.key] = lane.learned.connections
        else:
            self.slowed.pop(lane.key, None)

    def view(
        self,
        lane: Lane,
        ledger: Ledger | None,
        *,
        down: SiteHold | None = None,
        sites: Mapping[str, SiteHold] | None = None,
        room: int = 1 << 30,
        promised: int = 0,
        closed_until: Instant = 0,
        even: bool = True,
    ) -> LaneView:
        """A lane with all that a decision about it depends on; ``even``: with today's aim, if it has one."""
        if ledger is not None and ledger.aim is not None and not (even and self.steadiness is not None):
            ledger = attrs.evolve(ledger, aim=None)
        return LaneView(
            lane=lane,
            source=self.sources[lane.key.source],
            ledger=ledger,
            pace=None if ledger is None else self.pace(lane, ledger),
            opens_at=0 if ledger is not None else self.starts_at(lane.key.source),
            closed_until=closed_until,
            down=down,
            sites=sites or {},
            curve=f"curve {self.plan.curve.name}",
            room=room,
            promised=promised,
        )

    def closed_streams(self, pool: str, now: Instant) -> dict[str, Instant]:
        """Streams of a pool whose mail may not leave at this hour, with the instant at which it may."""
        openings = {
            stream.name: opens_at(stream.hours, now)
            for stream in self.streams.values()
            if stream.hours is not None and stream.pool == pool
        }
        return {name: opening for name, opening in openings.items() if opening is not None}

    def open_priorities(self, pool: str, closed: Container[str]) -> list[int]:
        """Priorities of which not every stream of a pool is closed; streams of old count as open."""
        mine = [stream for stream in self.streams.values() if stream.pool == pool]
        shut = {stream.priority for stream in mine if stream.name in closed}
        shut -= {stream.priority for stream in mine if stream.name not in closed}
        return [priority for priority in range(PRIORITIES) if priority not in shut]

    def remember(self, domain: Domain) -> None:
        """Keep what DNS said of a domain, so that new mail for it is labelled at once."""
        with self._lock:
            self._domains[domain.name] = domain
            self._domains.move_to_end(domain.name)
            while len(self._domains) > DOMAINS_KEPT:
                self._domains.popitem(last=False)

    def recall(self, name: str) -> Domain | None:
        """What was kept of a domain."""
        return self._domains.get(name)

    def nudge(self, pairs: Iterable[tuple[str, str]] | None = None) -> None:
        """Something changed that may let mail go: ask these queues again, or every one.

        Args:
            pairs: Pools with providers; None: all of them.
        """
        with self._lock:
            self._nudges += 1
            if pairs is None:
                self._all_nudged = self._nudges
                self.asleep = {}
                self.resolve_at = 0
                return
            for pair in pairs:
                self._nudged[pair] = self._nudges
                self.asleep.pop(pair, None)

    def ask_roll(self) -> None:
        """Something changed that windows or standings depend on: roll at the next release."""
        with self._lock:
            self._rolls_asked += 1
            self.roll_at = 0

    def looked(self) -> Look:
        """How things stand before a release: what it finds is remembered only if nothing changed."""
        with self._lock:
            return Look(self._nudges, self._rolls_asked, dict(self.asleep))

    def lay_down(self, look: Look, asleep: Mapping[tuple[str, str], Instant], roll_at: Instant) -> bool:
        """Remember which queues sleep until when; False where one that would was nudged meanwhile.

        What was found of a nudged queue may be out of date: it is asked again.
        """
        with self._lock:
            if look.rolls == self._rolls_asked:
                self.roll_at = roll_at
            if self._all_nudged > look.nudges:
                self.asleep = {}
            else:
                self.asleep = {
                    pair: until for pair, until in asleep.items() if self._nudged.get(pair, 0) <= look.nudges
                }
            return len(self.asleep) == len(asleep) and look.rolls == self._rolls_asked

    def announce(self) -> None:
        """Tell whoever waits for work that there may be some."""
        for listener in tuple(self.listeners):
            listener()
