"""How the values of ``[plan]`` are read. The planner knows the rules; this hands its words on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from warmup.config.rules import Mistake, Rule, kind, shown, text
from warmup.plan.build import parse_weekdays
from warmup.plan.calendar import zone_of
from warmup.plan.mix import parse_mix
from warmup.plan.patterns import parse_pattern
from warmup.plan.rest import Pause, parse_pauses, sending_days

__all__ = ["growth", "holidays", "mix", "pattern", "pauses", "weekdays", "zone"]

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


def _growth(value: Any) -> Fraction | None:
    if value == "off":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f'must be a number or "off", not {kind(value)}: {shown(value)}', "write 1.3")
    if not 1 <= value <= 100:
        raise Mistake(f"{value} is out of range", "from 1 (no growth) to 100, such as 1.3")
    return Fraction(str(value))


growth = Rule(_growth, {"anyOf": [{"type": "number", "minimum": 1, "maximum": 100}, {"const": "off"}]})


def _weekdays(value: Any) -> tuple[Fraction, ...]:
    if isinstance(value, str) and sending_days(value) is not None:
        return parse_weekdays(value)
    if not isinstance(value, list | tuple):
        mend = "write seven weights, or days such as mon-fri"
        raise Mistake(f"must be an array, not {kind(value)}: {shown(value)}", mend)
    if any(isinstance(weight, str) for weight in value):
        raise Mistake("holds text", "write the weights without quotes")
    return parse_weekdays(value)


weekdays = Rule(
    _weekdays,
    {"anyOf": [{"type": "string"}, {"type": "array", "items": _NUMBER, "minItems": 7, "maxItems": 7}]},
)


def _holidays(value: Any) -> str | tuple[str | date, ...]:
    # What the words mean depends on the plan's start: the plan reads them.
    if isinstance(value, str):
        return str(text.read(value))
    if not isinstance(value, list | tuple):
        raise Mistake(f"must be text or an array, not {kind(value)}: {shown(value)}", "write [2026-12-25]")
    for day in value:
        if not isinstance(day, str | date) or isinstance(day, datetime):
            raise Mistake(f"holds {kind(day)}: {shown(day)}", "write dates such as 2026-12-25")
    return tuple(value)


_DAYS = {"type": "string", "examples": ["2026-12-25", "2026-12-24..2026-12-26", "country:DE"]}
holidays = Rule(_holidays, {"anyOf": [_DAYS, {"type": "array", "items": _DAYS}]})


def _pauses(value: Any) -> tuple[Pause, ...]:
    if not isinstance(value, list | tuple):
        mend = 'write ["2026-12-24..2027-01-02"]'
        raise Mistake(f"must be an array, not {kind(value)}: {shown(value)}", mend)
    return parse_pauses(value)


_DAY = {"type": "string", "format": "date"}
_PAUSE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "first": _DAY,
        "last": _DAY,
        "source": {"type": "string"},
        "provider": {"type": "string"},
    },
    "required": ["first"],
}
pauses = Rule(_pauses, {"type": "array", "items": {"anyOf": [{"type": "string"}, _PAUSE]}})
