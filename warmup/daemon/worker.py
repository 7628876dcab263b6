"""The worker: the courier, and the chores beside it, for as long as a node's name is held."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from warmup.delivery.courier import Courier
from warmup.engine import Engine
from warmup.store import Witness

__all__ = ["Worker"]

log = logging.getLogger("warmup.worker")

POLL_S = 1.0
"""Seconds between looks at what other processes did to the database."""

CHORES_S = 30.0
"""Seconds between sweeps, and between notes to the witness. Chores are about dead workers and the
disk, so these are seconds of the event loop: real ones under a system or a scaled clock."""

SAME_SIGNAL_S = 1.0
"""Seconds within which a second signal is an echo of the first."""

SIMULATED_CHORES_S = 3600.0
"""In a simulation seconds cost nothing but chores do, and nobody else works on its database."""


class Worker:
    """Runs a courier together with its chores."""

    def __init__(self, engine: Engine, courier: Courier, witness: Witness | None) -> None:
        self._engine = engine
        self._courier = courier
        self._witness = witness

    async def run(self, stop: asyncio.Event, *, until_empty: bool = False, once: bool = False) -> None:
        """Work until told to stop; see :meth:`warmup.delivery.courier.Courier.run`."""
        await self._sweep_all()
        simulated = self._engine.context.clock.kind == "simulated"
        timers = [(SIMULATED_CHORES_S if simulated else CHORES_S, self._chores)]
        if not simulated:
            timers.append((POLL_S, self._poll))
        chores = [asyncio.create_task(self._every(seconds, chore, stop)) for seconds, chore in timers]
        try:
            await self._courier.run(stop, until_empty=until_empty, once=once)
        finally:
            for chore in chores:
                chore.cancel()
            ended = await asyncio.gather(*chores, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        if self._witness is not None:
            await self._courier.in_store(self._witness.follow)

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await chore()
            except Exception:
                # What cannot be recorded is not sent: a store that fails its chores would fail the
                # next commit, and that ends the courier in order.
                log.exception("a chore failed")
                stop.set()
                raise

    async def _sweep_all(self) -> None:
        while await self._courier.in_store(self._engine.sweep):
            pass

    async def _poll(self) -> None:
        if self._witness is not None:
            await self._courier.in_store(self._witness.check)
        if await self._courier.in_store(self._engine.changed_elsewhere):
            self._courier.wake()

    async def _chores(self) -> None:
        await self._courier.in_store(self._engine.sweep)
        # Another process may have deferred mail, or given some back: nothing tells us of that.
        self._engine.context.nudge()
        self._courier.wake()
        if self._witness is not None:
            await self._courier.in_store(self._witness.follow)


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[list[signal.Signals]]:
    """Set ``stop`` on SIGINT and SIGTERM; a second one ends the process at once.

    One that follows within a second counts as the same: supervisors and ``timeout`` send to the
    process and to its group.

    Yields:
        A list into which the signal is put when it comes.
    """
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    got: list[signal.Signals] = []

    def handle(number: signal.Signals) -> None:
        got.append(number)
        if not stop.is_set():
            stop.set()
            loop.call_later(SAME_SIGNAL_S, heed)

    def heed() -> None:
        for each in signals:
            loop.remove_signal_handler(each)

    for number in signals:
        loop.add_signal_handler(number, handle, number)
    try:
        yield got
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
