"""The play itself: a world opens, mail is submitted, weeks pass, and what was counted is gathered.

The engine that runs here is the one that runs in earnest, with the same courier and the same SMTP.
Only the clock is another: it hurries while nothing is under way, stands still while something is,
and comes to rest at the end of the last day.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import attrs

from warmup.app import Warmup
from warmup.config import Config
from warmup.demo.figures import Figures, Sample, gather, hours_of
from warmup.demo.mail import Mail, letters
from warmup.demo.scenario import SOURCES, SPEED, Scenario
from warmup.demo.world import World
from warmup.errors import StoreError, UnavailableError
from warmup.model import LaneKey, Submission
from warmup.timing import MINUTE, Instant, ScaledClock, Span, SystemClock

__all__ = ["Curtain", "Day", "Watcher", "play"]

BATCH = 250
"""Messages submitted in one transaction."""

NETWORK = "127.0.1"

EVENING: Span = 30 * MINUTE
"""Before midnight, when lanes are looked at: their standing is still that of the day."""

WAITING = ("queued", "deferred")


class Curtain(ScaledClock):
    """A scaled clock that comes to rest at an instant: the last day ends and no other begins.

    Args:
        start: Where it starts.
        speed: Seconds of it in a real second.
        end: Where it rests.
    """

    def __init__(self, start: Instant, speed: int, end: Instant) -> None:
        super().__init__(start, speed)
        self._most = end - start

    def elapsed(self) -> Span:
        return min(super().elapsed(), self._most)


@attrs.frozen(kw_only=True)
class Day:
    """What a day brought, as soon as it is over.

    Attributes:
        planned: Of all lanes that the plan lets send on it.
        accepted, deferred: What the receivers counted.
        blocked: Lanes that were blocked on it.
    """

    day: int
    date: date
    planned: int
    accepted: int
    deferred: int
    blocked: tuple[LaneKey, ...]


@attrs.frozen(kw_only=True)
class Watcher:
    """Who is told while it goes on.

    Attributes:
        submitted: So many more messages are queued.
        day: A day is over.
    """

    submitted: Callable[[int], None] = lambda count: None
    day: Callable[[Day], None] = lambda day: None


async def play(scenario: Scenario, folder: Path, watcher: Watcher, stop: asyncio.Event) -> Figures:
    """Play a scenario.

    Args:
        scenario: What is played.
        folder: An existing folder for the configuration, the database and the witness.
        watcher: Who is told.
        stop: Set it to stop in order; the figures are then of the days that passed.

    Raises:
        UnavailableError: This host's loopback network has no such addresses.
        StoreError: The folder cannot be written.
    """
    _check_loopback()
    stopwatch = SystemClock()
    clock = Curtain(scenario.submitted_at, SPEED, scenario.ends_at)
    world = World(
        clock, [actor.provider for actor in scenario.actors.values()], keep="digest", network=NETWORK
    )
    path = folder / "warmup.toml"
    with contextlib.ExitStack() as asleep:
        asleep.enter_context(clock.busy())
        async with world:
            write(path, scenario.config_text(world.routes))
            (folder / "data").mkdir(exist_ok=True)
            with Warmup(Config.from_file(path), clock=clock) as wm:
                wm.upgrade()
                company = _Company(scenario, world, wm, watcher, stop)
                await company.submit()
                asleep.close()
                await company.run()
                asleep.enter_context(clock.busy())
                figures = company.figures(stopwatch.elapsed)
    # Whoever looks at the database afterwards finds the time at which it was left.
    write(path, scenario.config_text(world.routes, clock.now()))
    return figures


def write(path: Path, text: str) -> None:
    """Write a file of the demonstration's folder.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError.of(str(path), f"cannot be written: {error.strerror or error}") from None


def _check_loopback() -> None:
    for address in (*SOURCES, f"{NETWORK}.1"):
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                raise UnavailableError.of(
                    "loopback",
                    f"{address} cannot be used: {error.strerror}",
                    "Linux has all of 127.0.0.0/8; elsewhere add the address to the loopback interface",
                ) from None


class _Company:
    """Those who act: everything that one performance needs."""

    def __init__(
        self, scenario: Scenario, world: World, wm: Warmup, watcher: Watcher, stop: asyncio.Event
    ) -> None:
        self._scenario = scenario
        self._world = world
        self._wm = wm
        self._watcher = watcher
        self._stop = stop
        self._digests: dict[str, str] = {}
        self._kinds: Counter[str] = Counter()
        self._samples: dict[tuple[date, LaneKey], Sample] = {}
        self._finished = False

    async def submit(self) -> None:
        """Queue all messages, in batches; between two of them somebody may say stop."""
        scenario = self._scenario
        domains = {name: actor.provider.domains for name, actor in scenario.actors.items()}
        mails = letters(scenario.seed, scenario.counts, domains, scenario.submitted_at)
        for batch in _batches(mails):
            if self._stop.is_set():
                return
            submissions = [self._prepared(mail) for mail in batch]
            self._wm.submit_many(submissions)
            self._watcher.submitted(len(batch))
            await asyncio.sleep(0)

    def _prepared(self, mail: Mail) -> Submission:
        made = self._wm.prepared(
            mail.content, sender=mail.sender, recipients=[mail.recipient], engagement=mail.engagement
        )
        self._kinds[mail.kind] += 1
        self._digests[made.envelope.message_id] = hashlib.sha256(made.envelope.content).hexdigest()
        return made

    async def run(self) -> None:
        """Let the days pass."""
        days = asyncio.create_task(self._days())
        try:
            await self._wm.run(stop=self._stop)
        finally:
            days.cancel()
            await asyncio.gather(days, return_exceptions=True)

    async def _days(self) -> None:
        """Look in every evening, tell of every day, and stop after the last."""
        scenario, clock = self._scenario, self._wm.clock
        planned: Counter[date] = Counter()
        for row in scenario.plan.rows():
            planned[row.date] += row.cap
        for day, on in enumerate(sorted(planned), start=1):
            await clock.sleep_until(scenario.midnight(day) - EVENING)
            for status in self._wm.engine.lanes():
                lane = status.lane
                self._samples[on, lane.key] = Sample(standing=lane.standing, until=lane.until)
            await clock.sleep_until(min(scenario.midnight(day), scenario.ends_at))
            self._watcher.day(self._day(day, on, planned[on]))
        self._finished = True
        self._stop.set()

    def _day(self, day: int, on: date, planned: int) -> Day:
        world = self._world
        total = world.tally(date=on.isoformat())
        blocked = {
            LaneKey(key.peer, key.provider)
            for key, tally in world.tallies.items()
            if key.date == on.isoformat() and tally.blocked
        }
        return Day(
            day=day,
            date=on,
            planned=planned,
            accepted=total.accepted,
            deferred=total.deferred,
            blocked=tuple(sorted(blocked, key=str)),
        )

    def figures(self, elapsed: Callable[[], Span]) -> Figures:
        """Gather what was counted and what the engine says of it."""
        scenario, world, engine = self._scenario, self._world, self._wm.engine
        now = self._wm.clock.now()
        cells = gather(scenario, world, engine.days(), self._samples, until=now)
        hours, pattern = hours_of(scenario, cells, world)
        waiting: Counter[str] = Counter()
        for count in engine.queue_counts():
            if count.state in WAITING:
                waiting[count.provider] += count.count
        total = world.tally()
        figures = Figures(
            scenario=scenario,
            days=cells,
            hours=hours,
            pattern=pattern,
            submitted=len(self._digests),
            kinds=dict(self._kinds),
            accepted=total.accepted,
            copies=total.duplicates,
            deferred=total.deferred,
            blocked=total.blocked,
            intact=sum(record.digest == self._digests.get(record.message_id) for record in world.records),
            waiting=dict(waiting),
            message=None,
            message_id=None,
            lane=None,
            turned=None,
            took=0,
            finished=self._finished,
        )
        lane, turned = figures.blocked_lane, figures.turned_lane
        message = self._waiting_message(lane.provider if lane is not None else None)
        return attrs.evolve(
            figures,
            message=None if message is None else engine.explain_delivery(message),
            message_id=message,
            lane=None if lane is None else engine.explain_lane(lane),
            turned=None if turned is None else engine.explain_lane(turned),
            took=elapsed(),
        )

    def _waiting_message(self, provider: str | None) -> int | None:
        """A delivery that waits, at the provider that blocked if there is one; the first that was tried."""
        engine = self._wm.engine
        for where in (provider, None):
            for state in reversed(WAITING):
                if found := engine.queue_list(state=state, provider=where, limit=1):
                    return found[0].id
        return None


def _batches(mails: Iterator[Mail]) -> Iterator[list[Mail]]:
    while batch := list(islice(mails, BATCH)):
        yield batch
