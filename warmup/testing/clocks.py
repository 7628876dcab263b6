"""The clocks, and a short way to write an instant."""

from __future__ import annotations

from datetime import UTC, datetime

from warmup.timing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Chance,
    Clock,
    Instant,
    ScaledClock,
    SimulatedClock,
    SystemClock,
    from_datetime,
)

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "Chance",
    "Clock",
    "ScaledClock",
    "SimulatedClock",
    "SystemClock",
    "at",
]


def at(text: str) -> Instant:
    """Read an instant: ``2026-12-01``, ``2026-12-01 09:30`` or with a zone, ``...T09:30+01:00``.

    Without a zone it is UTC: that is what a test means, and what user input never may.
    """
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
