"""Evidence as judgement reads it: the counts of a window under the names of what they speak of."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from warmup.model import OTHER, Category, Lane, Ledger, ReportKind, Scope, Verdict, WindowEvidence
from warmup.store import Connection, history
from warmup.timing import DAY, Instant, Span

__all__ = ["DOMAIN_BLOCK", "HISTORY", "KINDS", "Past", "fresh_in", "histories", "kind_of", "seen_in"]

HISTORY: Span = 37 * DAY
"""How far back judgement and growth look: 30 days that may have ended 7 days ago."""

KINDS = {
    ReportKind.COMPLAINT: "complained",
    ReportKind.NOT_SPAM: "not_spam",
    ReportKind.BOUNCE: "late_bounce",
    ReportKind.INBOX: "placed_inbox",
    ReportKind.SPAM: "placed_spam",
}
"""Under which name each kind of report stands in the evidence."""

BLOCKS = (Category.IP_REPUTATION_BLOCK.value, Category.BLOCKLISTED.value)

DOMAIN_BLOCK = "domain_block"
"""Refusals for what the sender's domain is: they say nothing of the IP, and move no lane."""

_LATE_BOUNCE, _COMPLAINT, _NOT_SPAM, _INBOX, _SPAM = (
    KINDS[kind]
    for kind in (
        ReportKind.BOUNCE,
        ReportKind.COMPLAINT,
        ReportKind.NOT_SPAM,
        ReportKind.INBOX,
        ReportKind.SPAM,
    )
)


def kind_of(verdict: Verdict) -> str:
    """Under which name an attempt is counted."""
    if verdict.category.value in BLOCKS and verdict.scope is Scope.DOMAIN:
        return DOMAIN_BLOCK
    return verdict.category.value


def seen_in(lane: Lane, ledger: Ledger, counts: Mapping[str, int]) -> WindowEvidence:
    """The evidence of a window.

    Deferrals and blocks in ``other`` are about sites, and act there: the lane is not judged by them.
    """
    by_site = lane.key.provider == OTHER
    spam = counts.get(_SPAM, 0)
    return WindowEvidence(
        window=ledger.window,
        step=ledger.step,
        cap=ledger.cap,
        partial=ledger.partial,
        attempted=counts.get("attempted", 0),
        accepted=max(ledger.accepted, counts.get(Category.ACCEPTED.value, 0)),
        deferred=0 if by_site else counts.get(Category.VOLUME_LIMITED.value, 0),
        blocked=0 if by_site else sum(counts.get(kind, 0) for kind in BLOCKS),
        invalid=counts.get(Category.INVALID_RECIPIENT.value, 0) + counts.get(_LATE_BOUNCE, 0),
        complained=max(0, counts.get(_COMPLAINT, 0) - counts.get(_NOT_SPAM, 0)),
        placed=counts.get(_INBOX, 0) + spam,
        spam=spam,
    )


def fresh_in(seen: WindowEvidence, told: Mapping[str, int]) -> WindowEvidence:
    """A window with nothing against it but what was reported of it of late.

    Args:
        seen: The window.
        told: Counts by kind of report.
    """
    spam = told.get(ReportKind.SPAM, 0)
    return attrs.evolve(
        seen,
        deferred=0,
        blocked=0,
        invalid=told.get(ReportKind.BOUNCE, 0),
        complained=max(0, told.get(ReportKind.COMPLAINT, 0) - told.get(ReportKind.NOT_SPAM, 0)),
        placed=told.get(ReportKind.INBOX, 0) + spam,
        spam=spam,
    )


Past = list[tuple[Ledger, WindowEvidence]]
"""A lane's windows of late with what they saw, oldest first."""


def histories(connection: Connection, lanes: list[Lane], since: Instant) -> dict[int, Past]:
    """What the windows saw that ended after an instant, oldest first, the open one last; by lane id."""
    by_id = {lane.id: lane for lane in lanes}
    return {
        lane: [(ledger, seen_in(by_id[lane], ledger, counts)) for ledger, _, counts in past]
        for lane, past in history.pasts_of(connection, by_id, since).items()
    }
