"""Streams that keep hours: mail waits outside them, whatever the lanes would take."""

from __future__ import annotations

from warmup.model import Limit, Stream, WaitReason
from warmup.plan.sending import opens_at
from warmup.timing import Instant

__all__ = ["stream_limits"]


def stream_limits(stream: Stream, now: Instant) -> tuple[Limit, ...]:
    """What a stream's hours hold back now; empty where it keeps none, or is open."""
    if stream.hours is None or (opening := opens_at(stream.hours, now)) is None:
        return ()
    text = f"stream {stream.name} sends {stream.hours.text} in {stream.hours.zone}"
    return (Limit(WaitReason.HOURS, opening, text),)
