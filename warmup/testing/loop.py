"""An event loop that lives by a simulated clock: when everything is idle, time jumps to the next timer.

Theory of operation. asyncio's loop asks its selector to wait for sockets until the next timer is
due. This loop's selector never waits for a timer: it moves the clock by as much and returns at once.
A week of sleeping takes as long as the work that is done between the sleeps.

The trap is work that the loop cannot see. A thread that runs a query, or a reply on its way through
the loopback interface, looks exactly like idleness, and a loop that jumps then loses days: time limits
fire before a reply could arrive. So the clock is told: inside ``with clock.busy():`` it stands still,
and the selector waits for the machine, like any other. Work given to threads by ``run_in_executor`` or
``asyncio.to_thread`` is counted by the loop itself.

Time limits of sockets also run on the simulated clock, which stands still meanwhile: under this loop
they never fire while the clock is busy. A wait that cannot end is found instead by its silence.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

from warmup.timing import SECOND, SimulatedClock

__all__ = ["SimulatedLoop", "Stuck", "run"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

SLICE_S = 0.05
"""Real seconds between two looks at whether the clock is still busy."""

PATIENCE_S = 30.0
"""Real seconds of silence while the clock is busy, after which nothing is thought to come any more."""

GRACE_S = 1.0
"""Real seconds of silence when there is nothing to wait for, before the loop says so."""


class Stuck(RuntimeError):
    """Nothing that the loop could wait for will ever happen."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that moves a clock instead of waiting."""

    def __init__(self, clock: SimulatedClock, patience_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._patience_s = patience_s
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._clock.is_busy or self.threads:
            return self._wait()
        if timeout is None:
            return self._last_chance()
        self._clock.advance(max(1, round(timeout * SECOND)))
        return []

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        for _ in range(round(self._patience_s / SLICE_S)):
            ready = super().select(SLICE_S)
            if ready or not (self._clock.is_busy or self.threads):
                return ready
        doing = "a thread is at work" if self.threads else "the clock is busy"
        raise Stuck(
            f"{doing}, and nothing happened for {self._patience_s:g} s of real time: something inside "
            "`with clock.busy():` waits for a timer, which cannot come while the clock stands still, or "
            "for a reply that nobody will send"
        )

    def _last_chance(self) -> list[tuple[selectors.SelectorKey, int]]:
        # Not busy, no timer: only a socket or a thread that nobody told the clock about can wake us.
        ready = super().select(GRACE_S)
        if not ready and not self._clock.is_busy and not self.threads:
            raise Stuck(
                "deadlock: no timer is set, nothing is in flight, and the program still waits (look for "
                "an event that nobody sets, or for work outside of `with clock.busy():`)"
            )
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the elapsed time of a simulated clock.

    Args:
        clock: The clock; the loop moves it when all is idle. Others may move it, too.
        patience_s: Real seconds of silence after which a busy clock is thought to be stuck.
    """

    def __init__(self, clock: SimulatedClock, *, patience_s: float = PATIENCE_S) -> None:
        self._jumping = _JumpingSelector(clock, patience_s)
        self._simulated = clock
        super().__init__(self._jumping)
        # Timers compare floats made of whole microseconds: half of one is finer than any of them,
        # and coarser than the rounding error of the sums.
        self._clock_resolution = 0.5 / SECOND

    def time(self) -> float:
        """Elapsed time of the clock, seconds."""
        return self._simulated.elapsed() / SECOND

    def run_in_executor(self, executor: Any, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Run in a thread; time stands still until the result has arrived."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._returned)
        return future

    def _returned(self, future: asyncio.Future[Any]) -> None:
        self._jumping.threads -= 1


def run(main: Coroutine[Any, Any, _T], clock: SimulatedClock, *, patience_s: float = PATIENCE_S) -> _T:
    """Run a coroutine to its end in simulated time, as ``asyncio.run`` does in real time.

    Args:
        main: What to run.
        clock: The clock that it lives by, and that jumps.
        patience_s: Real seconds of silence after which a busy clock is thought to be stuck.

    Raises:
        Stuck: It waits for something that will never happen.
    """
    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(clock, patience_s=patience_s)) as runner:
        return runner.run(main)
