"""Time and chance, as arguments.

Instants are integer microseconds since the Unix epoch, UTC; spans are integer
microseconds. They convert by integers and never by float. This module alone
reads the system's clocks; everything else is handed a :class:`Clock`, so that
the same engine runs under the system clock, a scaled one and a simulated one.

Three times are told apart:

``now``
    wall time of the engine: what promises kept on disk are made of.
``elapsed``
    how much time the same clock saw pass since it was made. Wall time that
    leaves elapsed time means that somebody moved the clock.
``real``
    the machine's own time. Leases run on it, because a worker that died is dead
    in real time whatever the engine's clock says.

A scaled or simulated clock stands still inside ``with clock.busy():``, so that a
store call or an SMTP transaction takes no engine time at all.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "DAY",
    "HOUR",
    "MICROSECOND",
    "MILLISECOND",
    "MINUTE",
    "SECOND",
    "Chance",
    "Clock",
    "ClockKind",
    "Instant",
    "ScaledClock",
    "SimulatedClock",
    "Span",
    "SystemClock",
    "format_instant",
    "format_span",
    "from_datetime",
    "to_datetime",
]

Instant: TypeAlias = int
Span: TypeAlias = int
ClockKind: TypeAlias = Literal["system", "scaled", "simulated"]

MICROSECOND: Span = 1
MILLISECOND: Span = 1_000
SECOND: Span = 1_000_000
MINUTE: Span = 60 * SECOND
HOUR: Span = 60 * MINUTE
DAY: Span = 24 * HOUR

SLEEP_MAX: Span = 60 * SECOND
"""The longest single real sleep: a clock that was moved is noticed within it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> Instant:
    """Convert an aware datetime to an instant, exactly.

    Raises:
        ValueError: The datetime carries no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: name one, warmup never guesses")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def to_datetime(instant: Instant) -> datetime:
    """Convert an instant to an aware datetime in UTC, exactly."""
    seconds, microseconds = divmod(instant, SECOND)
    days, seconds = divmod(seconds, 86_400)
    return datetime.fromordinal(_EPOCH.toordinal() + days).replace(
        hour=seconds // 3600,
        minute=seconds // 60 % 60,
        second=seconds % 60,
        microsecond=microseconds,
        tzinfo=UTC,
    )


def format_instant(instant: Instant) -> str:
    """Write an instant for people: ``2026-12-01 09:30:05 UTC``."""
    return to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S UTC")


def format_span(span: Span) -> str:
    """Write a span for people, in its two largest units: ``3 h 20 min``."""
    if span < 0:
        return "-" + format_span(-span)
    parts = []
    for name, size in (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND)):
        count, span = divmod(span, size)
        if count:
            parts.append(f"{count} {name}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


class Clock(Protocol):
    """What the engine asks of time."""

    @property
    def kind(self) -> ClockKind:
        """Which kind of clock this is; a database remembers the kind it was made with."""
        ...

    def now(self) -> Instant:
        """Wall time, microseconds since the Unix epoch, UTC."""
        ...

    def elapsed(self) -> Span:
        """Time that this clock saw pass since it was made; never goes back."""
        ...

    def real(self) -> Instant:
        """The machine's own time: what leases run on."""
        ...

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Work is in flight: a clock that is not the system's stands still meanwhile."""
        ...

    async def sleep_until(self, instant: Instant, wake: asyncio.Event | None = None) -> None:
        """Return at ``instant``, or earlier when ``wake`` is set."""
        ...


async def _sleep(seconds: float, wake: asyncio.Event | None) -> None:
    import asyncio

    if wake is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass


class SystemClock:
    """The machine's clock."""

    kind: ClockKind = "system"

    def __init__(self) -> None:
        self._origin = self._boot_time()

    @staticmethod
    def _boot_time() -> Span:
        # CLOCK_BOOTTIME goes on while the machine is suspended; CLOCK_MONOTONIC does not,
        # and a laptop that slept would look like a clock that was moved.
        source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.clock_gettime_ns(source) // 1_000

    def now(self) -> Instant:
        return time.time_ns() // 1_000

    def elapsed(self) -> Span:
        return self._boot_time() - self._origin

    def real(self) -> Instant:
        return self.now()

    @contextmanager
    def busy(self) -> Iterator[None]:
        yield

    async def sleep_until(self, instant: Instant, wake: asyncio.Event | None = None) -> None:
        while (left := instant - self.now()) > 0 and not (wake is not None and wake.is_set()):
            await _sleep(min(left, SLEEP_MAX) / SECOND, wake)


class ScaledClock:
    """A clock that runs ``speed`` times as fast as the machine's, and stands still while busy."""

    kind: ClockKind = "scaled"

    def __init__(self, start: Instant, speed: int) -> None:
        if speed < 1:
            raise ValueError(f"speed must be at least 1, got {speed}")
        self.speed = speed
        self._start = start
        self._lock = threading.Lock()
        self._busy = 0
        self._passed_ns = 0  # real nanoseconds that counted, up to _resumed_ns
        self._resumed_ns = time.monotonic_ns()

    def _counted_ns(self) -> int:
        running = 0 if self._busy else time.monotonic_ns() - self._resumed_ns
        return self._passed_ns + running

    def elapsed(self) -> Span:
        with self._lock:
            return self._counted_ns() * self.speed // 1_000

    def now(self) -> Instant:
        return self._start + self.elapsed()

    def real(self) -> Instant:
        return time.time_ns() // 1_000

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self._lock:
            self._passed_ns = self._counted_ns()
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                self._resumed_ns = time.monotonic_ns()

    async def sleep_until(self, instant: Instant, wake: asyncio.Event | None = None) -> None:
        while (left := instant - self.now()) > 0 and not (wake is not None and wake.is_set()):
            # At least a millisecond: the event loop's timers are no finer, and a busy clock
            # makes no progress however often it is asked.
            await _sleep(max(0.001, min(left / self.speed, SLEEP_MAX) / SECOND), wake)


class SimulatedClock:
    """A clock that moves only when it is told to.

    Under the loop of :mod:`warmup.testing` it is told to whenever everything is idle.
    """

    kind: ClockKind = "simulated"

    def __init__(self, start: Instant) -> None:
        self._now = start
        self._elapsed = 0
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether something is in flight; nobody may move the clock then."""
        return self._busy > 0

    def now(self) -> Instant:
        return self._now

    def elapsed(self) -> Span:
        return self._elapsed

    def real(self) -> Instant:
        return self._now

    def advance(self, span: Span) -> None:
        """Let time pass."""
        if span < 0:
            raise ValueError("time does not pass backwards; use jump() to move the wall clock")
        with self._lock:
            self._now += span
            self._elapsed += span

    def advance_to(self, instant: Instant) -> None:
        """Let time pass until ``instant``."""
        self.advance(max(0, instant - self._now))

    def jump(self, span: Span) -> None:
        """Move the wall clock without time passing, as a wrong NTP server does."""
        with self._lock:
            self._now += span

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    async def sleep_until(self, instant: Instant, wake: asyncio.Event | None = None) -> None:
        while (left := instant - self.now()) > 0 and not (wake is not None and wake.is_set()):
            await _sleep(left / SECOND, wake)


class Chance:
    """Seeded chance without a state: the same seed and the same question, the same answer.

    A draw is named by what it is for, so that decisions do not depend on the order in
    which they are taken, and a wait computed twice is the same wait.
    """

    RESOLUTION = 1 << 53

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = str(seed)
        self._key = hashlib.blake2b(self.seed.encode(), digest_size=16).digest()

    def draw(self, *question: object) -> int:
        """A number from 0 to ``RESOLUTION`` - 1."""
        text = "\x1f".join(map(str, question)).encode()
        digest = hashlib.blake2b(text, key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 11

    def below(self, limit: int, *question: object) -> int:
        """A number from 0 to ``limit`` - 1; 0 where ``limit`` is 0 or less."""
        return self.draw(*question) * limit // self.RESOLUTION if limit > 0 else 0
