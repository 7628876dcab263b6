"""A message as it enters the queue, and the states of its deliveries."""

from __future__ import annotations

import enum

import attrs

from warmup.timing import Instant

__all__ = ["DeliveryState", "Envelope", "Submission"]


class DeliveryState(enum.StrEnum):
    """Where one message to one recipient stands. The arrows are in ``warmup.release.machine``."""

    QUEUED = "queued"
    HELD = "held"
    LEASED = "leased"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class Envelope:
    """Checked content with its addresses, ready to be queued.

    Attributes:
        sender: Reverse-path; empty for the null path.
        recipients: Forward-paths, each once, in the order given.
        content: Wire bytes: CRLF line ends, ending in CRLF, Bcc removed, Message-ID and Date present,
            not dot-stuffed.
        message_id: The Message-ID with its angle brackets.
        subject: For people who look at the queue; at most 200 characters.
        utf8: An address or a header is not ASCII: SMTPUTF8 is needed.
        eight_bit: The body holds octets above 127: 8BITMIME is needed.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str
    subject: str = ""
    utf8: bool = False
    eight_bit: bool = False


@attrs.frozen(kw_only=True)
class Submission:
    """An envelope with what its sender wants of the queue.

    Attributes:
        stream: Name of the stream.
        key: Idempotency key: the same key again gives the same ids and queues nothing.
        engagement: 0 to 100, how likely the recipient is to react well; the most engaged go first
            while a lane is ramping.
        deadline: Instant after which the message is worthless and expires unsent; None: never.
    """

    envelope: Envelope
    stream: str = "default"
    key: str | None = None
    engagement: int = 0
    deadline: Instant | None = None
