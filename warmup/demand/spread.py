"""A row of days split among providers so that small days do not always round the same one away."""

from __future__ import annotations

from collections.abc import Sequence

from warmup.plan.mix import Mix, seats

__all__ = ["spread", "spread_by_weights"]


def spread(totals: Sequence[int], mix: Mix) -> dict[str, tuple[int, ...]]:
    """Split each day's total by a mix.

    The running total is split, and each day gets the difference to the day before: parts sum to
    the day, none is negative because the split is house-monotone, and over any stretch of days a
    provider's sum is its share within a message or two. Ten messages a day for a provider with 4 % are
    not none for ever but one every two or three days.

    Args:
        totals: Deliveries a day, 0 or more each.
        mix: Shares of the providers.
    """
    return dict(zip(mix.providers, spread_by_weights(totals, mix.weights), strict=True))


def spread_by_weights(totals: Sequence[int], weights: Sequence[int]) -> list[tuple[int, ...]]:
    """Split each day's total by whole weights; the rows come in the order of the weights."""
    rows: list[list[int]] = [[] for _ in weights]
    running = 0
    before = [0] * len(weights)
    for total in totals:
        running += total
        parts = seats(running, weights)
        for row, part, earlier in zip(rows, parts, before, strict=True):
            row.append(part - earlier)
        before = parts
    return [tuple(row) for row in rows]
