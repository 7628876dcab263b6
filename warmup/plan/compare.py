"""Curves side by side: where each begins, how soon it is where, and how steep it gets. Pure.

Relative curves are taken at a share; all others as they were published, without any share to stop
them. Every figure is of one source whose ramp moves one step a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs

from warmup.errors import PlanError
from warmup.plan.curves import CurveInfo, known_curves, parse_curve
from warmup.plan.formulas import STEP_MAX
from warmup.plan.mix import Mix, parse_mix, split

if TYPE_CHECKING:
    from warmup.contracts import Curve

__all__ = ["MARKS", "SHARE", "Figures", "compare", "figures", "info_of", "steps_of"]

SHARE = 50_000
"""Deliveries a day at which relative curves are compared unless said: where AWS's frame ends."""

UNLIMITED = 10**9
"""The share at which tables of absolute figures are compared: above every figure in them."""

MARKS = (10_000, 50_000, 1_000_000)
"""Volumes a day whose days are given."""

STEEP_FROM = 50
"""Steps between smaller caps look steep and matter to nobody."""


@attrs.frozen(kw_only=True)
class Figures:
    """What a curve does.

    Attributes:
        name: The curve.
        relative: Whether its caps are parts of the share.
        share: Deliveries a day it was taken at; None for absolute figures.
        day_1: The cap of the first step.
        reaches: For each of :data:`MARKS` the first step whose cap is that or more; None: never.
        final: The cap that it ends at; None: it grows until the share stops it.
        steps: The first step at which it is there; None likewise.
        steepest: The largest ratio between the caps of two steps that follow each other, of which
            the earlier is 50 or more; None where it does not grow from there.
        steepest_step: The later of those two.
        hourly: Whether it limits hours.
        by_provider: Whether each provider follows a row of its own.
    """

    name: str
    relative: bool
    share: int | None
    day_1: int
    reaches: Mapping[int, int | None]
    final: int | None
    steps: int | None
    steepest: Fraction | None
    steepest_step: int | None
    hourly: bool
    by_provider: bool

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "relative": self.relative,
            "share": self.share,
            "day_1": self.day_1,
            "reaches": {str(mark): step for mark, step in self.reaches.items()},
            "final": self.final,
            "steps": self.steps,
            "steepest": None if self.steepest is None else round(float(self.steepest), 4),
            "steepest_step": self.steepest_step,
            "hourly": self.hourly,
            "by_provider": self.by_provider,
        }


def steps_of(curve: Curve, share: int = SHARE, mix: Mix | None = None) -> list[int]:
    """Caps of a curve by step, up to the first that is final.

    Args:
        curve: Any curve.
        share: Deliveries a day at which a relative curve is taken, 1 or more.
        mix: Shares of the providers, for relative curves that have rows for some; us unless given.
    """
    relative = getattr(curve, "relative", True)
    taken = share if relative else UNLIMITED
    parts = split(taken, mix or parse_mix("us")) if relative and hasattr(curve, "lanes") else None

    def cap(step: int) -> int:
        if parts is not None:
            return sum(curve.lanes(step, parts).values())  # type: ignore[attr-defined]
        return min(taken, max(0, curve.cap(step, taken)))

    final = cap(STEP_MAX)
    caps = []
    for step in range(1, STEP_MAX + 1):
        caps.append(cap(step))
        if caps[-1] == final:
            break
    return caps


def figures(curve: Curve, share: int = SHARE, mix: Mix | None = None) -> Figures:
    """Return the figures of a curve; the arguments are those of :func:`steps_of`."""
    caps = steps_of(curve, share, mix)
    relative = getattr(curve, "relative", True)
    steepest, at = None, None
    for step, (before, after) in enumerate(pairwise(caps), 2):
        if before >= STEEP_FROM and after > before and (steepest is None or after > steepest * before):
            steepest, at = Fraction(after, before), step
    endless = not relative and caps[-1] >= UNLIMITED
    return Figures(
        name=curve.name,
        relative=relative,
        share=share if relative else None,
        day_1=caps[0],
        reaches={
            mark: next((step for step, cap in enumerate(caps, 1) if cap >= mark), None) for mark in MARKS
        },
        final=None if endless else caps[-1],
        steps=None if endless else len(caps),
        steepest=steepest,
        steepest_step=at,
        hourly=any(curve.hourly(step, share) is not None for step in (1, len(caps))),
        by_provider=hasattr(curve, "lanes"),
    )


def info_of(name: str) -> CurveInfo:
    """What is known of a curve by the name that a person gave it, parameters and all.

    Raises:
        PlanError: There is no such curve, or it cannot be used.
        DataError: It is a file that holds no curve.
    """
    curve = parse_curve(name)
    base = curve.name.partition(":")[0]
    known = {info.name: info for info in known_curves()}
    found = known.get(curve.name) or known.get(base)
    if found is None:
        found = CurveInfo(curve.name, "your own caps", "your file", kind="yours", grade="")
    return attrs.evolve(found, name=curve.name)


def compare(
    share: int = SHARE, mix: Mix | None = None, names: tuple[str, ...] = ()
) -> list[tuple[CurveInfo, Figures]]:
    """Compare curves: those named, or every one that has a name.

    Args:
        share: Deliveries a day at which relative curves are taken, 1 to 1,000,000,000.
        mix: Shares of the providers, for relative curves that have rows for some; us unless given.
        names: Curves to compare, as ``--curve`` takes them.

    Raises:
        PlanError: The share is out of range, or a curve cannot be used.
    """
    if not 1 <= share <= UNLIMITED:
        raise PlanError.of("target", f"{share:,} is out of range", f"use a number from 1 to {UNLIMITED:,}")
    if names:
        return [(info_of(name), figures(parse_curve(name), share, mix)) for name in names]
    found = []
    for info in known_curves():
        if info.kind != "yours":
            try:
                curve = parse_curve(info.name)
            except PlanError:  # a plugin that cannot be used says so when it is asked for
                continue
            found.append((info, figures(curve, share, mix)))
    return found
