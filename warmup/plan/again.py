"""A plan made again from what was written down of it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from warmup.errors import DataError, WarmupError
from warmup.plan.build import plan
from warmup.plan.plan import Plan

__all__ = ["made_again"]

PARTS_MAX = 10_000
"""A weekday's weight was written as a number with a point: this is the largest denominator it stood for."""


def made_again(head: Mapping[str, Any], fingerprint: str | None = None) -> Plan:
    """Make a plan from its :meth:`~warmup.plan.Plan.head`.

    Args:
        head: What it was made from; every name in it is one that can be read back.
        fingerprint: That of the plan, where it is known: what was made is held against it.

    Raises:
        DataError: It cannot be made again, or has become another one: the file of its curve is
            not where it was, or holds other figures.
    """
    try:
        made = plan(
            head["target"],
            start=head["start"],
            curve=head["curve"],
            ips=[(row["ip"], row["start"]) for row in head["sources"]],
            shares={row["ip"]: row["share"] for row in head["sources"]},
            days=head["days"],
            mix=head["mix"],
            timezone=head["timezone"],
            pattern=head["pattern"],
            weekdays=[Fraction(weight).limit_denominator(PARTS_MAX) for weight in head["weekdays"]],
            holidays=head.get("holidays", []),
            pauses=head.get("pauses", []),
        )
    except WarmupError as error:
        raise DataError.of("plan", f"cannot be made again: {error.problems[0]}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError.of("plan", f"was written down otherwise: {error!r}") from None
    if fingerprint is not None and made.fingerprint != fingerprint:
        wrong = f"has become another one: {head['curve']} or what it was measured from holds other figures"
        raise DataError.of("plan", wrong)
    return made
