"""Rates over days against their thresholds: how far has it come, and in which words.

Each rate is judged by a detector (:mod:`warmup.reputation.sequential`): at a rate of exactly its
threshold a false alarm comes once in a thousand days on average, at lower ones hardly ever. So one
complaint among 80 messages is not yet evidence against 0.1 %, two among 80 are, and nothing is
forgotten in between.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import lru_cache

import attrs

from warmup.model import WindowEvidence
from warmup.reputation.evidence import Rate, counts, representative, tally
from warmup.reputation.policy import Policy, Thresholds
from warmup.reputation.sequential import Detector, interval

__all__ = ["Severity", "Verdict", "judge_rates", "sentence"]

TRIALS_SHOWN = 1_000
"""A reason speaks of the latest windows that hold so many trials, as Amazon's "representative volume"."""


class Severity(enum.IntEnum):
    """What a rate calls for."""

    NONE = 0
    HOLD = 1
    BACK = 2
    SUSPEND = 3


@attrs.frozen
class Verdict:
    """What the rates call for, and why.

    Attributes:
        rate: The rate that calls loudest; None where none calls.
        reason: A sentence with its figures.
    """

    severity: Severity = Severity.NONE
    rate: Rate | None = None
    reason: str = ""


@lru_cache(maxsize=64)
def _detector(p0: float, days: int) -> Detector:
    return Detector(p0, days)


def _thresholds(policy: Policy) -> tuple[tuple[Rate, Thresholds], ...]:
    return (
        (Rate.COMPLAINTS, policy.complaints),
        (Rate.BOUNCES, policy.bounces),
        (Rate.DEFERRALS, policy.deferrals),
        (Rate.BLOCKS, policy.blocks),
        (Rate.SPAM, policy.spam),
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %" if rate < 0.1 else f"{100 * rate:.0f} %"


def sentence(seen: Sequence[WindowEvidence], rate: Rate, threshold: float) -> str:
    """The figures of a rate in words: counts, rate, interval, threshold."""
    shown = representative(seen, rate, TRIALS_SHOWN)
    n, k = tally(shown).pair(rate)
    low, high = interval(n, k)
    days = f"{len(shown)} days" if len(shown) != 1 else "1 day"
    share = _percent(k / n) if n else "none"
    return (
        f"{k} {rate} of {n} {rate.of} in {days}: {share}, surely between {_percent(low)} and "
        f"{_percent(high)}, against a threshold of {_percent(threshold)}"
    )


def judge_rates(seen: Sequence[WindowEvidence], policy: Policy, usual: float = 0.0) -> Verdict:
    """What the rates of some windows call for; the severest, and of equals the first in order.

    Args:
        seen: Windows, oldest first, from the last change that was made because of them.
        policy: The thresholds.
        usual: Share of attempts that the provider defers at any volume: its deferrals are judged by
            what lies above that.
    """
    worst = Verdict()
    for rate, thresholds in _thresholds(policy):
        pairs = counts(seen, rate)
        if not pairs:
            continue
        steps = (
            (Severity.HOLD, thresholds.hold),
            (Severity.BACK, thresholds.back),
            (Severity.SUSPEND, thresholds.suspend),
        )
        above = round(usual, 3) if rate is Rate.DEFERRALS else 0.0
        found: tuple[Severity, float] | None = None
        for severity, plain in steps:
            if plain is None or not _detector(plain + above, policy.false_alarm_days).alarms(pairs):
                break
            found = severity, plain + above
        if found is not None and found[0] > worst.severity:
            worst = Verdict(found[0], rate, sentence(seen, rate, found[1]))
    return worst
