"""What the engine answers when asked whether a delivery may go: Grant or Wait."""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from warmup.model.lane import LaneKey
from warmup.timing import Instant, format_instant

__all__ = ["Decision", "Divert", "Grant", "Limit", "Wait", "WaitReason"]


class WaitReason(enum.StrEnum):
    """Why something may not go yet. The order is the order in which a person would want to know."""

    PAUSED = "paused"
    SUSPENDED = "suspended"
    CLOCK = "clock"
    NOT_STARTED = "not_started"
    SOURCE_DOWN = "source_down"
    BACKOFF = "backoff"
    CAP = "cap"
    STEADY = "steady"
    PATTERN = "pattern"
    PACE = "pace"
    HOURS = "hours"
    RETRY = "retry"
    RESOLVING = "resolving"
    NO_SOURCE = "no_source"
    WINDOW_END = "window_end"


@attrs.frozen
class Limit:
    """A limit that said no, in the operator's own units.

    Attributes:
        reason: Which kind of limit.
        not_before: The earliest instant at which it can be gone; None where only an operator can lift it.
        text: The limit in words: ``cap 120 a day (step 7 of curve ses), 120 used``.
        lane: The lane it belongs to, where it belongs to one.
    """

    reason: WaitReason
    not_before: Instant | None
    text: str
    lane: LaneKey | None = None


@attrs.frozen
class Wait:
    """Not now. Of several limits, ``limit`` is the one that lasts longest; ``others`` are the rest.

    ``not_before`` is tight: one microsecond earlier the same reason still holds.
    """

    limit: Limit
    others: tuple[Limit, ...] = ()

    @property
    def reason(self) -> WaitReason:
        """Why."""
        return self.limit.reason

    @property
    def not_before(self) -> Instant | None:
        """Until when at least; None: until an operator acts."""
        return self.limit.not_before

    def __str__(self) -> str:
        until = (
            "until an operator acts"
            if self.not_before is None
            else f"until {format_instant(self.not_before)}"
        )
        return f"waits {until}: {self.limit.text}"


@attrs.frozen(kw_only=True)
class Grant:
    """Go now, from this source.

    Attributes:
        id: The delivery's id in our own queue; for a relay that keeps its queue, the id of the admission.
        lease: Fencing number: an answer that comes with an older one is journalled, not applied.
        lane: The lane whose cap holds a unit for it.
        not_before: MAIL is not written earlier: the unit's place in the day. A fast lane's grants are
            given a little ahead of it.
        window_ends_at: MAIL has to be written 2 s before this instant, or the unit is given back.
        pool, ehlo: Of the source.
        domain, site: Where it goes; the site is the sorted MX set, or the domain while DNS is silent.
        sender: Reverse-path; empty for bounces (RFC 5321 section 4.5.5).
        recipient: Forward-path, as submitted.
        message: The stored message's id, 0 for a relay's own.
        size: Octets of the content.
        utf8: Whether the envelope or the headers need SMTPUTF8 (RFC 6531).
        eight_bit: Whether the body needs 8BITMIME (RFC 6152).
    """

    id: int
    lease: int
    lane: LaneKey
    window_ends_at: Instant
    not_before: Instant = 0
    pool: str = "default"
    ehlo: str = ""
    domain: str = ""
    site: str = ""
    sender: str = ""
    recipient: str = ""
    message: int = 0
    size: int = 0
    utf8: bool = False
    eight_bit: bool = False


@attrs.frozen
class Divert:
    """Leave by this other route. Given only where a stream has an overflow chain."""

    route: str
    reason: WaitReason


Decision: TypeAlias = Grant | Wait | Divert
