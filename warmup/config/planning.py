"""How the values of ``[plan]`` are read. The planner knows the rules; this hands its words on."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from warmup.config.rules import Mistake, Rule, kind, shown, text
from warmup.plan.build import parse_weekdays
from warmup.plan.calendar import zone_of
from warmup.plan.mix import parse_mix
from warmup.plan.patterns import parse_pattern

__all__ = ["mix", "pattern", "weekdays", "zone"]

_NUMBER = {"type": "number", "minimum": 0}


def _zone(value: Any) -> str:
    word = str(text.read(value))
    zone_of(word)
    return word


zone = Rule(_zone, {"type": "string"})


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


def _mix(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return parse_mix(str(text.read(value)))
    for provider, share in value.items():
        if isinstance(share, str):
            raise Mistake(
                f"the share of {shown(provider)} is text: {shown(share)}", "write it without quotes"
            )
    return parse_mix(value)


mix = Rule(_mix, {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": _NUMBER}]})


def _weekdays(value: Any) -> tuple[Fraction, ...]:
    if not isinstance(value, list | tuple):
        raise Mistake(f"must be an array, not {kind(value)}: {shown(value)}", "write seven weights")
    if any(isinstance(weight, str) for weight in value):
        raise Mistake("holds text", "write the weights without quotes")
    return parse_weekdays(value)


weekdays = Rule(_weekdays, {"type": "array", "items": _NUMBER, "minItems": 7, "maxItems": 7})
