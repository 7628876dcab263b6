"""What an operator wants: streams, how a ramp's clock moves, how many connections a lane may hold."""

from __future__ import annotations

import enum

import attrs

from warmup.timing import DAY, HOUR, MINUTE, Span

__all__ = ["Declaration", "LaneLimits", "OnUnknown", "RampClock", "RetrySchedule", "SendingHours", "Stream"]


class RampClock(enum.StrEnum):
    """What moves a lane to its next step when a window closes."""

    CALENDAR = "calendar"
    SENDING_DAY = "sending-day"
    EARNED = "earned"
    HEALTH = "health"


@attrs.frozen(kw_only=True)
class SendingHours:
    """When a stream's mail may leave.

    Attributes:
        text: As it was written, for people.
        zone: IANA zone of the clock it speaks of.
        spans: For Monday to Sunday, half-open spans of minutes of the day (0 to 1440), ascending.
    """

    text: str
    zone: str
    spans: tuple[tuple[tuple[int, int], ...], ...]


class OnUnknown(enum.StrEnum):
    """What to do with a delivery whose outcome nobody knows: the answer to the final dot never came."""

    RETRY = "retry"
    HOLD = "hold"


@attrs.frozen(kw_only=True)
class Stream:
    """A class of mail.

    Attributes:
        priority: 0 (first) to 9 (last).
        pool: The pool of sources it may leave from.
        deadline: Time after submission at which it becomes worthless and expires; None: never.
        on_unknown: ``retry`` may send a message twice, ``hold`` leaves the decision to a person.
        hours: When it may leave; None: at any time.
        long_lines: Whether lines over 998 octets (RFC 5322 section 2.1.1) are taken as they are.
    """

    name: str
    priority: int = 5
    pool: str = "default"
    deadline: Span | None = None
    on_unknown: OnUnknown = OnUnknown.RETRY
    hours: SendingHours | None = None
    long_lines: bool = False


@attrs.frozen(kw_only=True)
class Declaration:
    """What an operator says of a source that is in use already. At most one of the three is given.

    Attributes:
        warm: It carries its whole share.
        step: It stands at this step of its curve.
        volume: It is used to this many deliveries a day: the last step whose cap does not exceed it.
    """

    warm: bool = False
    step: int | None = None
    volume: int | None = None


@attrs.frozen(kw_only=True)
class LaneLimits:
    """Limits of the transport, apart from the cap.

    Attributes:
        connections: At most so many at once.
        messages_per_connection: After so many the connection is closed politely.
    """

    connections: int = 4
    messages_per_connection: int = 50


@attrs.frozen(kw_only=True)
class RetrySchedule:
    """When a deferred delivery is tried again. Jitter is added on top and never taken off.

    Attributes:
        first: Wait after the first deferral.
        factor: Each further wait is so many times the one before.
        longest: No wait exceeds this.
        lifetime: Time from the first attempt after which the delivery is given up (RFC 5321 section
            4.5.4.1 asks for at least 4 to 5 days). Time spent waiting for a cap does not count.
        greylist: Wait after greylisting; RFC 6647 expects a retry after minutes.
        pin: How long a greylisted delivery stays on its source.
    """

    first: Span = 30 * MINUTE
    factor: int = 2
    longest: Span = 4 * HOUR
    lifetime: Span = 5 * DAY
    greylist: Span = 6 * MINUTE
    pin: Span = DAY
