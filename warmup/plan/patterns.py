"""The shape of a day: how much weight each local hour has."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from warmup.errors import PlanError
from warmup.plan.words import nearest

__all__ = ["FLAT", "PATTERNS", "Pattern", "parse_pattern"]

WEIGHT_MAX = 1_000_000


@attrs.frozen
class Pattern:
    """Weights of the 24 local hours of a day; only their proportions matter.

    Attributes:
        name: ``flat``, ``office``, ``waking``, or the 24 weights joined by commas.
        weights: 24 integers from 0 to 1,000,000, at least one of them above 0.
    """

    name: str
    weights: tuple[int, ...]

    def __attrs_post_init__(self) -> None:
        weights = self.weights
        if len(weights) != 24:
            raise PlanError.of(
                "pattern", f"{len(weights)} weights", "give 24 weights, one for each hour from 0 to 23"
            )
        for hour, weight in enumerate(weights):
            if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= WEIGHT_MAX:
                raise PlanError.of(
                    "pattern",
                    f"hour {hour} has the weight {weight!r}",
                    f"use whole numbers from 0 to {WEIGHT_MAX:,}",
                )
        if not any(weights):
            raise PlanError.of("pattern", "no hour has any weight", "give at least one hour a weight above 0")


def _named(name: str, *runs: tuple[int, int]) -> Pattern:
    """Build a pattern from (hours, weight) runs."""
    return Pattern(name, tuple(weight for hours, weight in runs for _ in range(hours)))


FLAT = _named("flat", (24, 1))
OFFICE = _named("office", (7, 0), (1, 2), (1, 6), (3, 10), (1, 6), (4, 10), (1, 6), (1, 2), (5, 0))
WAKING = _named("waking", (6, 1), (1, 3), (1, 6), (12, 8), (2, 6), (1, 4), (1, 2))

PATTERNS = {pattern.name: pattern for pattern in (FLAT, OFFICE, WAKING)}
"""The patterns with a name. They are our models of a sender's day, not anybody's measurement."""


def parse_pattern(value: str | Sequence[int] | Pattern) -> Pattern:
    """Read a pattern: its name, 24 weights, or 24 weights as text joined by commas.

    Raises:
        PlanError: No such name, or weights that cannot be used.
    """
    if isinstance(value, Pattern):
        return value
    weights: tuple[int, ...]
    if isinstance(value, str):
        text = value.strip()
        if "," not in text:
            if text not in PATTERNS:
                raise PlanError.of("pattern", f"there is no pattern {text!r}", nearest(text, PATTERNS))
            return PATTERNS[text]
        try:
            weights = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise PlanError.of(
                "pattern", f"{text!r} holds more than whole numbers", "write 24 of them"
            ) from None
    else:
        weights = tuple(value)
    return Pattern(",".join(map(str, weights)), weights)
