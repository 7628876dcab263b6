"""How much on which day: curves, mixes, calendars, and the plan made of them. Pure.

``warmup.plan`` is this package and can be called like the function :func:`warmup.plan.plan` in it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from warmup.plan.advice import Advice
from warmup.plan.build import parse_weekdays, plan
from warmup.plan.calendar import shape, window_at, window_of, zone_of
from warmup.plan.curves import CurveInfo, known_curves, parse_curve
from warmup.plan.mix import PROFILES, Mix, parse_mix, split
from warmup.plan.patterns import PATTERNS, Pattern, parse_pattern
from warmup.plan.plan import Plan, PlanRow
from warmup.plan.sources import PlannedSource, canonical_address

__all__ = [
    "PATTERNS",
    "PROFILES",
    "Advice",
    "CurveInfo",
    "Mix",
    "Pattern",
    "Plan",
    "PlanRow",
    "PlannedSource",
    "canonical_address",
    "known_curves",
    "parse_curve",
    "parse_mix",
    "parse_pattern",
    "parse_weekdays",
    "plan",
    "shape",
    "split",
    "window_at",
    "window_of",
    "zone_of",
]


class _CallablePackage(ModuleType):
    """Lets ``warmup.plan(target=50_000, ...)`` work although ``warmup.plan`` is a package."""

    def __call__(self, *args: Any, **kwargs: Any) -> Plan:
        return plan(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
