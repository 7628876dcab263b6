"""Statistics of small rates that stay valid when they are looked at every day.

Theory of operation. Rates of complaints, bounces and deferrals are judged from counts: ``k`` bad
ones of ``n``. A plain percentage is no judge (one complaint among 80 messages is 1.25 %), and a
plain test is none either when it is asked every day: sooner or later it says yes to anything.

*e-values.* For the hypothesis "the rate is at most p0", the likelihood of what was seen under a
higher rate p1, divided by that under p0, has a mean of at most 1 as long as the hypothesis is
true, however long one looks (Ville's inequality: it ever reaches x with a chance of at most 1/x).
The mean over a few p1 is such a value as well, so nobody has to guess how bad a bad lane will be.

*Detectors.* A lane that was well for months and turns bad today must not be shielded by its past.
A detector therefore starts a fresh e-value every day and adds them up (Shiryaev and Roberts'
procedure as an e-detector; Shin, Ramdas and Rinaldo, "E-detectors", 2022): ``sum = (sum + 1) x
ratio of the day``. While the hypothesis holds, the mean time until the sum first reaches x is at
least x days, whatever happened before and however often one looks.

*Intervals.* The rates at which what was seen would not yet be surprising form an interval that
covers the true rate at every look at once, with the stated confidence (Robbins' mixture).

Everything is a function of counts, takes constant time for each pair of them, and draws no chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs

__all__ = ["Detector", "interval"]

LOG_MOST = 600.0
"""Where sums are cut off, as a logarithm: e to the 600 is evidence enough, and finite."""


def _log_ratio(n: int, k: int, rate: float, against: float) -> float:
    """Logarithm of the likelihood of k of n under one rate over that under another."""
    good = (n - k) * (math.log1p(-rate) - math.log1p(-against))
    return good + (k * (math.log(rate) - math.log(against)) if k else 0.0)


def _grid(p0: float) -> tuple[float, ...]:
    """Rates worse than p0 that a detector looks for: twice as bad and up, to one half."""
    found = []
    factor = 2.0
    while p0 * factor < 0.5 and factor <= 64:
        found.append(p0 * factor)
        factor *= 2
    return (*found, max(0.5, p0 + (1 - p0) / 2))


def _checked(n: int, k: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no count")


@attrs.frozen
class Detector:
    """Notices that a rate rose above a threshold, whenever that happened.

    Attributes:
        p0: The threshold, 0 to 1, both excluded.
        days: Mean number of looks, one for each pair of counts, until a false alarm at a rate of
            exactly p0 is at least this; at lower rates it is longer by far.
    """

    p0: float
    days: int
    _rates: tuple[tuple[float, float], ...] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.p0 < 1:
            raise ValueError(f"a threshold lies between 0 and 1, got {self.p0}")
        # For each rate looked for: what a bad one adds to the logarithm, and what a good one takes.
        pairs = tuple(
            (_log_ratio(1, 1, rate, self.p0), _log_ratio(1, 0, rate, self.p0)) for rate in _grid(self.p0)
        )
        object.__setattr__(self, "_rates", pairs)

    def evidence(self, counts: Iterable[tuple[int, int]]) -> float:
        """The detector's sum after a sequence of pairs (n, k), oldest first; 0 where there are none.

        Compare it with ``days``: at or above, the alarm sounds.
        """
        most = math.exp(LOG_MOST)
        sums = [0.0] * len(self._rates)
        for n, k in counts:
            if n <= 0:
                continue
            for index, (bad, good) in enumerate(self._rates):
                step = min(LOG_MOST, k * bad + (n - k) * good)
                sums[index] = min(most, (sums[index] + 1.0) * math.exp(step))
        return sum(sums) / len(sums)

    def alarms(self, counts: Sequence[tuple[int, int]]) -> bool:
        """Whether the alarm sounds after a sequence of pairs (n, k), oldest first."""
        # The quick answer of nearly every day: while no stretch up to now speaks for even the mildest
        # of the rates looked for, each day's e-value is at most 1, and their sum at most their number.
        bad, good = self._rates[0]
        most = 0.0
        for n, k in counts:
            most = max(0.0, most + k * bad + (n - k) * good)
        if most <= 0.0 and len(counts) < self.days:
            return False
        return self.evidence(counts) >= self.days


def interval(n: int, k: int, alpha: float = 0.05) -> tuple[float, float]:
    """An interval for the rate behind k of n that holds at every look at once.

    Args:
        n: Trials, 0 or more.
        k: Bad ones among them.
        alpha: Chance that it ever misses the true rate, over all looks together.

    Returns:
        Lower and upper end, 0 to 1; (0, 1) where nothing was seen.
    """
    _checked(n, k)
    if n == 0:
        return 0.0, 1.0
    # Mixture of all rates by the Beta(1/2, 1/2) law, which is Jeffreys' prior.
    mixture = math.lgamma(k + 0.5) + math.lgamma(n - k + 0.5) - math.lgamma(n + 1) - math.log(math.pi)
    limit = mixture + math.log(alpha)

    def inside(rate: float) -> bool:
        return (k * math.log(rate) if k else 0.0) + ((n - k) * math.log1p(-rate) if n > k else 0.0) >= limit

    def edge(inner: float, outer: float) -> float:
        for _ in range(60):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if inside(middle) else (inner, middle)
        return outer

    centre = min(max(k / n, 1e-12), 1 - 1e-12)
    return (0.0 if k == 0 else edge(centre, 0.0)), (1.0 if k == n else edge(centre, 1.0))
