"""What others report of mail that was accepted: complaints, late bounces, the folder it lay in."""

from __future__ import annotations

import enum

import attrs

from warmup.model.lane import LaneKey
from warmup.timing import Instant

__all__ = ["Report", "ReportKind", "Taken"]


class ReportKind(enum.StrEnum):
    """What is reported."""

    COMPLAINT = "complaint"
    NOT_SPAM = "not_spam"
    BOUNCE = "bounce"
    INBOX = "inbox"
    SPAM = "spam"


class Taken(enum.StrEnum):
    """What became of a report."""

    COUNTED = "counted"
    KNOWN = "known"
    NOBODYS = "nobody's"


@attrs.frozen(kw_only=True)
class Report:
    """One event, or several of a kind on one day.

    Attributes:
        id: The reporter's own name of the event; what is reported twice counts once.
        kind: ``complaint`` (RFC 5965 *abuse*), ``not_spam`` (it takes a complaint back), ``bounce`` (a
            mailbox that turned out not to exist, RFC 3464), ``inbox`` or ``spam`` (where a copy lay).
        occurred_at: When the mail it speaks of was sent; without a delivery, the day it is counted in.
        delivery: The delivery it is about, where that is known.
        lane: Else the lane.
        count: How many, 1 to 1,000,000.
    """

    id: str
    kind: ReportKind
    occurred_at: Instant
    delivery: int | None = None
    lane: LaneKey | None = None
    count: int = 1
