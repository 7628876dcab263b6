"""When a deferred delivery is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Category, Outcome, Reaction, RetrySchedule, Scope, Verdict
from warmup.release.retry import AMBIGUOUS_WAIT, JITTER_SHARE, age, next_attempt_at, retry_wait
from warmup.timing import DAY, HOUR, MINUTE, SECOND, Chance

SCHEDULE = RetrySchedule()


def verdict(category: Category = Category.TRANSIENT_INFRASTRUCTURE, retry_after: int = 0) -> Verdict:
    return Verdict(
        outcome=Outcome.DEFERRED,
        category=category,
        scope=Scope.IP,
        reaction=Reaction.RETRY,
        retry_after=retry_after,
    )


def schedules() -> st.SearchStrategy[RetrySchedule]:
    spans = st.integers(SECOND, DAY)
    return st.builds(RetrySchedule, first=spans, factor=st.integers(1, 5), longest=spans, greylist=spans)


@given(
    schedule=schedules(),
    attempts=st.integers(1, 200),
    category=st.sampled_from(list(Category)),
    asked=st.integers(0, 2 * DAY),
    now=st.integers(0, 10**16),
    key=st.integers(),
)
def test_bounds(
    schedule: RetrySchedule, attempts: int, category: Category, asked: int, now: int, key: int
) -> None:
    """Never earlier than the provider asked, nor than the schedule; jitter adds a quarter at most."""
    given_verdict = verdict(category, asked)
    wait = retry_wait(attempts, given_verdict, schedule)
    at = next_attempt_at(now, attempts, given_verdict, schedule, Chance(1), key)

    assert wait >= asked
    assert wait <= max(asked, schedule.longest)
    assert now + wait <= at <= now + wait + wait // JITTER_SHARE
    assert at == next_attempt_at(now, attempts, given_verdict, schedule, Chance(1), key)
    assert retry_wait(attempts + 1, given_verdict, schedule) >= wait


def test_the_schedule_as_it_ships() -> None:
    """30 minutes, doubled up to 4 hours; 6 minutes after greylisting; 15 where nobody knows."""
    waits = [retry_wait(attempts, verdict(), SCHEDULE) for attempts in range(1, 6)]
    assert waits == [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR]
    greylisted = [retry_wait(attempts, verdict(Category.GREYLIST), SCHEDULE) for attempts in range(1, 5)]
    assert greylisted == [6 * MINUTE, 12 * MINUTE, 24 * MINUTE, 48 * MINUTE]
    assert retry_wait(1, verdict(retry_after=AMBIGUOUS_WAIT), SCHEDULE) == 30 * MINUTE
    assert AMBIGUOUS_WAIT == 15 * MINUTE


def test_retries_are_spread() -> None:
    """A thousand deliveries that were deferred together do not come back together."""
    instants = {
        next_attempt_at(0, 1, verdict(), SCHEDULE, Chance(1), number) // SECOND for number in range(1000)
    }
    assert len(instants) > 350  # of the 450 seconds of the jitter


@given(
    first=st.integers(0, 60),
    length=st.integers(0, 60),
    held=st.lists(st.tuples(st.integers(-10, 130), st.integers(-10, 130)), max_size=5),
)
def test_age_leaves_out_what_was_held(first: int, length: int, held: list[tuple[int, int]]) -> None:
    """Every instant counts unless one span at least holds it, however spans overlap or lie outside."""
    until = first + length
    spans = [(min(pair), max(pair)) for pair in held]
    counted = [at for at in range(first, until) if not any(start <= at < end for start, end in spans)]
    assert age(first, until, spans) == len(counted)
