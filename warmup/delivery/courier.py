"""The courier: takes grants from the engine, hands them to the transport, and reports back.

It decides nothing. The engine says what may go; the courier asks again when something happened
that could let more go: a conversation ended, an instant was reached, somebody said ``wake``.
Begins and outcomes that come together share a commit. A database server is asked in a thread of
its own; SQLite, whose commits are local and short, in the event loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from warmup.contracts import BeginMail, Resolver, Route, Transport, Unroutable
from warmup.delivery import SourceUnavailable
from warmup.delivery.batch import AtOnce, Batcher
from warmup.engine import Engine
from warmup.errors import UnavailableError, WarmupError
from warmup.model import Attempt, Grant, LaneKey, LaneLimits, Outcome, Reply, Stage
from warmup.timing import Instant

__all__ = ["Courier"]

T = TypeVar("T")

log = logging.getLogger("warmup.courier")

RELEASE_MAX = 256
"""Grants asked for at once."""

RESOLVE_MAX = 32
"""Domains that DNS is asked about at the same time."""

BEGIN_LINGER = 3
RECORD_LINGER = 30
"""Turns of the event loop for which a commit waits for company. A connection waits for begins; nobody
waits for a record, so those may gather longer."""

GRACE_S = 30.0
"""Real seconds that conversations under way get to finish when the courier stops."""

Settled = Callable[[Grant, Attempt], None]


class Courier:
    """Drives one engine's mail through one transport.

    Args:
        engine: What may go.
        transport: How it goes.
        resolver: Where it goes.
        limits: Connection limits of a lane.
        connections: Conversations at once over all lanes.
        on_settled: Told of every attempt, for progress bars and tests.
    """

    def __init__(
        self,
        engine: Engine,
        transport: Transport,
        resolver: Resolver,
        *,
        limits: Callable[[LaneKey], LaneLimits],
        connections: int = 20,
        on_settled: Settled | None = None,
    ) -> None:
        self._engine = engine
        self._clock = engine.context.clock
        self._transport = transport
        self._resolver = resolver
        self._limits = limits
        self._connections = connections
        self._on_settled = on_settled
        self._in_flight: Counter[LaneKey] = Counter()
        self._total = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolving: set[str] = set()
        self._low_water: dict[LaneKey, int] = {}
        self._talking = asyncio.Semaphore(connections)
        self._ready = asyncio.Semaphore(connections)
        self._proven: set[LaneKey] = set()
        self._failure: BaseException | None = None
        self._wake: asyncio.Event | None = None
        local = engine.context.database.is_sqlite
        self._store: Executor = AtOnce() if local else ThreadPoolExecutor(1, "warmup-store")
        self._begin = Batcher(self._begin_batch, self._store, self._clock, BEGIN_LINGER)
        self._record = Batcher(self._record_batch, self._store, self._clock, RECORD_LINGER)

    # Work in the store

    async def in_store(self, work: Callable[[], T]) -> T:
        """Run database work where the store's is done; engine time stands still meanwhile."""
        with self._clock.busy():
            return await asyncio.get_running_loop().run_in_executor(self._store, work)

    def _begin_batch(self, grants: Sequence[Grant]) -> list[bytes | None]:
        contents = self._engine.begin(grants)
        return [contents[grant] for grant in grants]

    def _record_batch(self, settled: Sequence[tuple[Grant, Attempt]]) -> list[None]:
        self._engine.record(settled)
        return [None] * len(settled)

    # The loop

    def wake(self) -> None:
        """Ask the engine again now. Call it in the courier's own event loop."""
        if self._wake is not None:
            self._wake.set()

    def room(self, lane: LaneKey) -> int:
        """Conversations that a lane could take now."""
        # Asked from another thread where the store has one: one look at each number.
        free = self._connections - self._total
        mine = self._in_flight.get(lane, 0)
        # Every lane may have one under way: stock of fast lanes, which only waits, shuts nobody out.
        return min(self._limits(lane).connections - mine, max(free, 1 - mine))

    async def run(
        self,
        stop: asyncio.Event,
        *,
        until_empty: bool = False,
        once: bool = False,
    ) -> None:
        """Release and deliver until told to stop.

        Args:
            stop: Set it to stop: conversations under way may finish.
            until_empty: Stop when nothing waits in the queue any more.
            once: Stop when everything that may go now has been tried.

        Raises:
            StoreError: What happened could not be written down; nothing more was sent.
        """
        self._wake = asyncio.Event()
        stopping = asyncio.create_task(self._stop_on(stop))
        loop = asyncio.get_running_loop()

        def listener() -> None:
            loop.call_soon_threadsafe(self.wake)

        self._engine.context.listeners.append(listener)
        try:
            while not stop.is_set() and self._failure is None:
                self._wake.clear()
                wake_at = await self._step()
                if self._wake.is_set():
                    continue
                if once or until_empty:
                    idle = not self._tasks and not self._resolving
                    if idle and (once or not await self.in_store(self._engine.pending)):
                        break
                await self._clock.sleep_until(wake_at, self._wake)
        finally:
            self._engine.context.listeners.remove(listener)
            stopping.cancel()
            await self._finish()
        if self._failure is not None:
            raise self._failure

    async def _stop_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.wake()

    async def _step(self) -> Instant:
        """Resolve and release once; when to come back if nothing happens before."""
        later = await self._resolve_some()
        released = await self.in_store(lambda: self._engine.release(RELEASE_MAX, self.room))
        for grant in released.grants:
            self._start(self._deliver(grant))
            self._in_flight[grant.lane] += 1
            self._total += 1
        for lane in {grant.lane for grant in released.grants}:
            self._low_water[lane] = self._in_flight[lane] // 2
        return released.wake_at if later is None else min(released.wake_at, later)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._failure is None:
            self._failure = error
            self.wake()

    async def _finish(self) -> None:
        """Let conversations end; what has not begun is given back."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._transport.close()

    def close(self) -> None:
        """End the store's thread, where it has one."""
        self._store.shutdown()

    # Where mail goes

    async def _resolve_some(self) -> Instant | None:
        free = RESOLVE_MAX - len(self._resolving)
        if free <= 0:
            return None
        names, later = await self.in_store(
            lambda: self._engine.unresolved(RESOLVE_MAX + len(self._resolving))
        )
        fresh = [name for name in names if name not in self._resolving][:free]
        for name in fresh:
            self._resolving.add(name)
            self._start(self._resolve(name))
        return later

    async def _resolve(self, name: str) -> None:
        try:
            with self._clock.busy():
                try:
                    route = await self._resolver.resolve(name)
                except Unroutable as error:
                    reply, permanent = Reply(error.code, error.enhanced, str(error)), error.permanent
                    await self.in_store(lambda: self._engine.unroutable(name, reply, permanent=permanent))
                else:
                    await self.in_store(lambda: self._engine.resolved(name, route.mx))
        finally:
            self._resolving.discard(name)
            self.wake()

    # One delivery

    async def _deliver(self, grant: Grant) -> None:
        begun = given_back = False

        async def begin() -> bytes | None:
            nonlocal begun, given_back
            content = await self._begin(grant)
            begun, given_back = content is not None, content is None
            return content

        try:
            await self._clock.sleep_until(grant.not_before)
            with self._clock.busy():
                try:
                    route = await self._route(grant)
                    attempt = await self._converse(grant, route, begin)
                except Unroutable as error:
                    attempt = self._unattempted(
                        Stage.RESOLVE,
                        Reply(error.code, error.enhanced, str(error)),
                        Outcome.REJECTED if error.permanent else Outcome.DEFERRED,
                    )
                if attempt is not None and not given_back:
                    await self._record((grant, attempt))
                    if self._on_settled is not None:
                        self._on_settled(grant, attempt)
        except SourceUnavailable as error:
            log.warning("%s", error)
            reason = error.reason
            await self.in_store(lambda: self._engine.hold_source(grant.lane.source, reason))
            await self._return(grant, str(error), begun=begun)
        except UnavailableError as error:
            # The configuration cannot be carried out as it stands: stop, but lose nothing.
            await self._return(grant, str(error), begun=begun)
            raise
        except asyncio.CancelledError:
            # Stopping. What was begun is settled at the next start; what was not costs nothing.
            if not begun and not given_back:
                with contextlib.suppress(WarmupError):
                    await self.in_store(lambda: self._engine.give_back([grant]))
            raise
        finally:
            self._in_flight[grant.lane] -= 1
            self._total -= 1
            # A release that was under way may have found no room a moment ago.
            self._engine.context.nudge({(grant.pool, grant.lane.provider)})
            # Asking for one at a time would cost a transaction each: half a lane's worth is worth it.
            if self._in_flight[grant.lane] <= self._low_water.get(grant.lane, 0):
                self.wake()

    async def _converse(self, grant: Grant, route: Route, begin: BeginMail) -> Attempt | None:
        """Wait for a free conversation and have it; None where the grant was given back meanwhile.

        Where all are taken, and the lane is known to be answered, the time in line is used to mark
        the delivery: those in line share a commit, and a connection that becomes free goes on at once.
        """
        marked: bytes | None = None

        async def ready() -> bytes | None:
            return marked

        if self._talking.locked() and grant.lane in self._proven and not self._ready.locked():
            async with self._ready:
                marked = await begin()
                if marked is None:
                    return None
                await self._talking.acquire()
        else:
            await self._talking.acquire()
        try:
            attempt = await self._transport.deliver(grant, route, begin if marked is None else ready)
        finally:
            self._talking.release()
        if attempt.mail_written:
            self._proven.add(grant.lane)
        else:
            self._proven.discard(grant.lane)
        return attempt

    async def _return(self, grant: Grant, why: str, *, begun: bool) -> None:
        """Undo a grant whose MAIL was surely not written: its unit goes back."""
        if begun:
            attempt = self._unattempted(Stage.CONNECT, Reply(0, "", why), Outcome.DEFERRED)
            await self._record((grant, attempt))
        else:
            await self.in_store(lambda: self._engine.give_back([grant]))

    async def _route(self, grant: Grant) -> Route:
        route = await self._resolver.resolve(grant.domain)
        context = self._engine.context
        provider, site = context.directory.by_mx(route.mx) if route.mx else None, None
        if route.mx:
            site = context.directory.site(grant.domain, route.mx)
            seen = context.recall(grant.domain)
            known = seen is not None and (seen.provider, seen.site) == (provider or "", site)
            moved = context.label(provider) != grant.lane.provider or site != grant.site
            if moved and not known:
                # Its mail moves to the other lane at the next window; this one keeps its unit.
                await self.in_store(lambda: self._engine.resolved(grant.domain, route.mx))
        return route

    def _unattempted(self, stage: Stage, reply: Reply, outcome: Outcome) -> Attempt:
        now = self._clock.now()
        return Attempt(
            stage=stage, reply=reply, outcome=outcome, mail_written=False, started_at=now, ended_at=now
        )
