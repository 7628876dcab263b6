"""What a person should know before they follow a plan. Findings, not verdicts; few, and each one true.

Each rule is a small pure function that looks at a plan and yields what it found; they live in
``advice_volume``, ``advice_curve`` and ``advice_setting``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from warmup.plan.plan import Plan

__all__ = ["Advice", "advise", "listed"]


@attrs.frozen
class Advice:
    """One finding.

    Attributes:
        level: ``info`` explains; ``warning`` asks for a second thought.
        code: Stable, for scripts.
        message: A sentence or two.
        mend: What would help; empty where nothing is to be done.
    """

    level: Literal["info", "warning"]
    code: str
    message: str
    mend: str = ""


def advise(plan: Plan) -> tuple[Advice, ...]:
    """Return what is worth saying of a plan, warnings first."""
    from warmup.plan import advice_curve, advice_setting, advice_volume

    found = [
        item
        for rules in (advice_volume.RULES, advice_curve.RULES, advice_setting.RULES)
        for rule in rules
        for item in rule(plan)
    ]
    return tuple(sorted(found, key=lambda item: item.level != "warning"))


def listed(names: list[str], most: int = 6) -> str:
    """Join names for a sentence: ``a, b and c``, or ``a, b and 7 more``."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
