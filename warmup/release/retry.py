"""When a deferred delivery is tried again."""

from __future__ import annotations

from collections.abc import Iterable

from warmup.model import Category, RetrySchedule, Verdict
from warmup.timing import MINUTE, Chance, Instant, Span

__all__ = ["AMBIGUOUS_WAIT", "age", "next_attempt_at", "retry_wait"]

AMBIGUOUS_WAIT: Span = 15 * MINUTE
"""Wait after an attempt whose outcome is unknown: longer than the 10 minutes for which RFC 5321
section 4.5.3.2.6 lets a server think after the final dot."""

JITTER_SHARE = 4
"""Jitter is at most a quarter of the wait: a provider that came back is not met by everybody at once."""


def retry_wait(attempts: int, verdict: Verdict, schedule: RetrySchedule) -> Span:
    """Shortest wait after ``attempts`` tries (at least 1), without jitter, in microseconds."""
    # A greylisting server looks at the age of the first try, so waits grow from a short one.
    wait: Span = schedule.greylist if verdict.category is Category.GREYLIST else schedule.first
    for _ in range(attempts - 1):
        if wait >= schedule.longest:
            break
        wait *= schedule.factor
    wait = min(wait, schedule.longest)
    return max(wait, verdict.retry_after)


def next_attempt_at(
    now: Instant, attempts: int, verdict: Verdict, schedule: RetrySchedule, chance: Chance, key: object
) -> Instant:
    """The instant of the next try: the schedule's wait, never less than the provider asked, and jitter."""
    wait = retry_wait(attempts, verdict, schedule)
    return now + wait + chance.below(wait // JITTER_SHARE, "retry", key, attempts)


def age(first: Instant, until: Instant, held: Iterable[tuple[Instant, Instant]]) -> Span:
    """How long retries have lasted by then, without the spans in which they could not get anywhere.

    Args:
        first: The first attempt.
        until: Up to when it is counted.
        held: Spans, in any order, that do not count; where they overlap they are left out once.
    """
    counted, reached = 0, first
    for start, end in sorted(held):
        counted += max(0, min(start, until) - reached)
        reached = max(reached, min(end, until))
    return counted + max(0, until - reached)
