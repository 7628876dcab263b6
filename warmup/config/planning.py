"""How the values of ``[plan]`` are read. The planner knows the rules; this hands its words on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from warmup.config.rules import Mistake, Rule, kind, shown, text
from warmup.plan.calendar import zone_of
from warmup.plan.curves import parse_curve
from warmup.plan.mix import parse_mix
from warmup.plan.patterns import parse_pattern
from warmup.plan.words import exact

__all__ = ["curve", "mix", "pattern", "weekdays", "zone"]

_NUMBER = {"type": "number", "minimum": 0}


def _zone(value: Any) -> str:
    word = str(text.read(value))
    zone_of(word)
    return word


zone = Rule(_zone, {"type": "string"})


def _curve(value: Any) -> Any:
    return parse_curve(str(text.read(value)))


curve = Rule(_curve, {"type": "string"})


def _pattern(value: Any) -> Any:
    return parse_pattern(value if isinstance(value, list | tuple) else str(text.read(value)))


pattern = Rule(
    _pattern,
    {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 24, "maxItems": 24},
        ]
    },
)


def _exact(field: str, value: Any) -> Fraction:
    """A number as it was written: 0.1 is a tenth, not the float nearest to it."""
    if isinstance(value, str):
        raise Mistake(f"{field} must be a number, not text: {shown(value)}", "write it without quotes")
    return exact(field, value)


def _mix(value: Any) -> Any:
    if isinstance(value, Mapping):
        return parse_mix({name: _exact(f"the share of {shown(name)}", share) for name, share in value.items()})
    return parse_mix(str(text.read(value)))


mix = Rule(_mix, {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": _NUMBER}]})


def _weekdays(value: Any) -> tuple[Fraction, ...]:
    if not isinstance(value, list | tuple):
        raise Mistake(f"must be an array, not {kind(value)}: {shown(value)}", "write seven weights")
    weights = tuple(_exact("a weight", weight) for weight in value)
    if len(weights) != 7:
        raise Mistake(f"has {len(weights)} weights", "write seven, Monday first")
    if max(weights) == 0:
        raise Mistake("has no weight above 0", "write 1 for a full day, 0 for none")
    return tuple(weight / max(weights) for weight in weights)


weekdays = Rule(_weekdays, {"type": "array", "items": _NUMBER, "minItems": 7, "maxItems": 7})
