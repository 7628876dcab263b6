"""A mix that was measured: shares of the providers, and how far each can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import sqrt

import attrs

from warmup.demand.history import refused
from warmup.model import OTHER
from warmup.plan.mix import PROVIDERS_MAX, Mix, parse_mix, seats

__all__ = ["THRESHOLD", "MeasuredMix", "MeasuredShare", "measure_mix", "wilson"]

THRESHOLD = Fraction(1, 200)
"""A provider with a smaller share than this one is part of ``other`` unless said."""

UNITS = 1_000_000
"""Shares are whole millionths, so that a mix can be written down and read back as it is."""

Z95 = 1.959964
"""The normal quantile of a two-sided 95 % interval."""


@attrs.frozen(kw_only=True)
class MeasuredShare:
    """The share of one provider.

    Attributes:
        provider: Its id; ``other`` holds those nobody knows and those that are too small.
        count: Recipients or deliveries that were counted for it.
        share: Part of the mix, in whole millionths.
        low, high: Ends of the 95 % interval (Wilson 1927), 0 to 1, taking the sample for a random one.
    """

    provider: str
    count: int
    share: Fraction
    low: float
    high: float


@attrs.frozen(kw_only=True)
class MeasuredMix:
    """A mix, and what it was measured from.

    Attributes:
        mix: Ready for a plan.
        sample: How many were counted.
        shares: The largest first, ``other`` last.
        folded: Providers that are part of ``other`` because their share is below the threshold.
    """

    mix: Mix
    sample: int
    shares: tuple[MeasuredShare, ...]
    folded: Mapping[str, int]


def wilson(count: int, sample: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson: it holds for small samples, and for 0 of n.

    Args:
        count: From 0 to ``sample``.
        sample: At least 1.
    """
    share, square = count / sample, Z95 * Z95
    middle = share + square / (2 * sample)
    reach = Z95 * sqrt(share * (1 - share) / sample + square / (4 * sample * sample))
    whole = 1 + square / sample
    low = 0.0 if count == 0 else max(0.0, (middle - reach) / whole)
    high = 1.0 if count == sample else min(1.0, (middle + reach) / whole)
    return low, high


def measure_mix(
    counts: Mapping[str, int], *, threshold: Fraction = THRESHOLD, name: str = "mix"
) -> MeasuredMix:
    """Make a mix from counts by provider.

    Args:
        counts: Recipients or deliveries, 0 or more each.
        threshold: A provider with a smaller share goes to ``other``; 0 keeps all.
        name: What the counts come from, for the error.

    Raises:
        DataError: Nothing was counted.
    """
    sample = sum(counts.values())
    if sample <= 0:
        raise refused(name, "has no recipients to measure a mix from", "name a file with addresses")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = {
        provider: count
        for provider, count in ranked
        if provider != OTHER and count and count >= threshold * sample and count * UNITS >= sample
    }
    kept = dict(list(kept.items())[: PROVIDERS_MAX - 1])
    rest = sample - sum(kept.values())
    if rest:
        kept[OTHER] = rest
    parts = dict(zip(kept, seats(UNITS, list(kept.values())), strict=True))
    shares = {provider: Fraction(part, UNITS) for provider, part in parts.items() if part}
    return MeasuredMix(
        mix=parse_mix(shares),
        sample=sample,
        shares=tuple(
            MeasuredShare(
                provider=provider,
                count=kept[provider],
                share=share,
                low=wilson(kept[provider], sample)[0],
                high=wilson(kept[provider], sample)[1],
            )
            for provider, share in shares.items()
        ),
        folded={
            provider: count
            for provider, count in ranked
            if provider != OTHER and provider not in kept and count
        },
    )
