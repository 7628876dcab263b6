"""When retries have lasted long enough, not counting the time in which a person had something to mend.

A delivery that was refused for authentication waits for the sender's own house and not for the
provider: its lifetime stands still from such a refusal until it is tried again, and while its provider
refuses its sender's mail for that reason at all. A deadline of the stream goes on.
"""

from __future__ import annotations

from warmup.engine.context import Context
from warmup.model import OTHER, Category
from warmup.release.retry import age
from warmup.store import Connection, findings, journal, queue
from warmup.store.queue import Claim
from warmup.timing import DAY, Instant, Span

__all__ = ["SEEN_LAST", "outlived"]

SEEN_LAST: Span = DAY
"""How long trouble counts after it was seen last: twice the longest silence between two tries of a
lane. What nobody has seen since holds nothing up any more."""


def outlived(context: Context, connection: Connection, row: Claim, until: Instant) -> bool:
    """Whether a delivery's retries would have lasted longer by then than they may."""
    first, lifetime = row.first_attempt_at, context.retry.lifetime
    if first is None or until - first <= lifetime:
        return False
    return age(first, until, _held(connection, row.id, until)) > lifetime


def _held(connection: Connection, delivery: int, until: Instant) -> list[tuple[Instant, Instant]]:
    """Spans in which what had to be mended kept a delivery from going; they may overlap."""
    tries = journal.attempts_of(connection, delivery)
    ends = [*(one.started_at for one in tries[1:]), until]
    spans = [
        (one.ended_at, end)
        for one, end in zip(tries, ends, strict=False)
        if one.category == Category.AUTH_FAILURE.value
    ]
    facts = queue.load(connection, [delivery])[delivery]
    if facts.provider == OTHER:
        return spans  # a finding there is one site's, and the others go on
    domain = facts.sender.rpartition("@")[2].lower()
    troubles = findings.findings_of(connection, facts.provider, {"", domain}, "auth-")
    spans += [(one.first_at, one.ended_at or one.last_at + SEEN_LAST) for one in troubles]
    return spans
