"""The worlds that come with the library.

Each world is one thing that providers do, with its parameters drawn at random over the range that is
stated beside it. None of them is a measurement of anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from warmup.contracts import Receiver, Setting
from warmup.forecast.world import Provider, Traits
from warmup.timing import MINUTE, Chance

__all__ = ["WORLDS", "Kind", "Range"]


@attrs.frozen
class Range:
    """Bounds between which a parameter is drawn, and how.

    Attributes:
        low, high: The bounds; both may be drawn.
        says: The range for people, ``{}`` being the bounds: ``takes {} on the first day``.
        form: How a bound is written.
        by: ``even``; ``whole`` numbers; ``magnitude``, where each doubling is as likely as any other.
        top: The higher bound of a run of so many days, where it depends on that.
    """

    low: float
    high: float
    says: str
    form: str = "g"
    by: str = "even"
    top: Callable[[int], int] | None = None

    def draw(self, chance: Chance, name: str, days: int) -> Any:
        """Draw the parameter of a run."""
        low = self.low
        high = self.high if self.top is None else max(low, self.top(days))
        if self.by == "whole":
            return int(low) + chance.below(int(high) - int(low) + 1, name)
        share = chance.draw(name) / Chance.RESOLUTION
        return low * (high / low) ** share if self.by == "magnitude" else low + (high - low) * share

    def __str__(self) -> str:
        low, high = format(self.low, self.form), format(self.high, self.form)
        if self.form.endswith("%"):
            low, high = (
                (text[:-1].rstrip("0").rstrip(".") if "." in text else text[:-1]) for text in (low, high)
            )
            high += " %"
        return self.says.format(f"{low} to {high}")


def _whole(low: int, high: int, says: str, top: Callable[[int], int] | None = None) -> Range:
    return Range(low, high, says, ",", "whole", top)


def _part(low: float, high: float, says: str, by: str = "even") -> Range:
    return Range(low, high, says, ".2%", by)


def _first(low: int, high: int) -> dict[str, Range]:
    return {"first": _whole(low, high, "takes {} on the first day")}


def _growth(low: float, high: float, by: str = "even") -> dict[str, Range]:
    return {"growth": Range(low, high, "then {} times what it is used to", by=by)}


LENIENCE = {"lenience": _part(0.02, 0.05, "bears {} of a day's attempts beyond its limit")}

COMMON: Mapping[str, Range] = {
    "invalid": _part(0.001, 0.008, "{} of addresses do not exist"),
    "complain": _part(0.000_1, 0.000_5, "{} of readers complain"),
}
"""What every provider has: some addresses are gone, some readers complain."""


@attrs.frozen(kw_only=True)
class Kind:
    """A shipped world.

    Attributes:
        name: What it is called.
        summary: What it is, in a sentence.
        drawn: What is drawn, by parameter; :data:`COMMON` is drawn besides.
        traits: Makes traits of what was drawn, and of the run.
    """

    name: str
    summary: str
    drawn: Mapping[str, Range]
    traits: Callable[[dict[str, Any], Setting], dict[str, Any]] = lambda drawn, setting: drawn

    @property
    def ranges(self) -> Mapping[str, str]:
        """What is drawn, and between which bounds, for people."""
        return {name: str(bounds) for name, bounds in self.drawn.items()}

    def begin(self, setting: Setting, chance: Chance) -> Receiver:
        """A provider of this kind."""
        drawn = {
            name: bounds.draw(chance, name, setting.days) for name, bounds in {**self.drawn, **COMMON}.items()
        }
        return Provider(Traits(**self.traits(drawn, setting)), setting, chance)


def _of_target(name: str) -> Callable[[dict[str, Any], Setting], dict[str, Any]]:
    """Turn a part of the target into messages, at least 1."""
    return lambda drawn, setting: drawn | {name: max(1, int(setting.target * drawn[name]))}


def _strict(drawn: dict[str, Any], setting: Setting) -> dict[str, Any]:
    return drawn | {"stall": True}


def _greylisting(drawn: dict[str, Any], setting: Setting) -> dict[str, Any]:
    return drawn | {"greylist": drawn["greylist"] * MINUTE}


def _ceiling(drawn: dict[str, Any], setting: Setting) -> dict[str, Any]:
    return _strict(_of_target("most")(drawn, setting), setting)


def _changing(drawn: dict[str, Any], setting: Setting) -> dict[str, Any]:
    day, lasts, factor = (drawn.pop(name) for name in ("day", "lasts", "mood"))
    return drawn | {"moods": ((day, day + lasts, factor),)}


def _idle(drawn: dict[str, Any], setting: Setting) -> dict[str, Any]:
    day = drawn.pop("day")
    return drawn | {"silent": (day, day + 30)}


LENIENT = Kind(
    name="lenient",
    summary="the provider takes more than twice what it is used to, and minds little",
    drawn=_first(150, 1_000) | _growth(2.2, 5.0),
)

STRICT = Kind(
    name="strict",
    summary="the provider takes a little more each day; a day of pushing adds nothing, an assault is blocked",
    drawn={
        **_first(40, 150),
        **_growth(1.2, 1.8, "magnitude"),
        **LENIENCE,
        "fall": Range(0.6, 0.9, "keeps {} of its habit after a day of pushing"),
        "block_over": Range(1.5, 3.0, "blocks from {} times its limit on"),
    },
    traits=_strict,
)

HOURLY = Kind(
    name="hourly",
    summary="the provider limits each hour as well as the day",
    drawn={
        **_first(150, 400),
        **_growth(1.5, 3.0),
        "hour_share": _part(0.05, 0.12, "takes {} of the day's limit in an hour"),
    },
)

GREYLISTING = Kind(
    name="greylisting",
    summary="the provider turns every first try away for a while",
    drawn={
        **_first(100, 600),
        **_growth(1.5, 3.0),
        "greylist": _whole(1, 60, "lets in what was first tried {} minutes ago"),
    },
    traits=_greylisting,
)

CEILING = Kind(
    name="ceiling",
    summary="the provider never takes more than a part of the target",
    drawn={
        **_first(80, 400),
        **_growth(1.5, 3.0),
        "most": Range(0.3, 0.8, "never takes more than {} of the target"),
        **LENIENCE,
    },
    traits=_ceiling,
)

CHANGING = Kind(
    name="changing",
    summary="the provider takes much less for some days in the midst, and recovers",
    drawn={
        **_first(100, 400),
        **_growth(1.6, 3.0),
        "day": _whole(20, 60, "changes its mind on day {}, in a run of 90", lambda days: days * 2 // 3),
        "lasts": _whole(4, 14, "stays so for {} days"),
        "mood": Range(0.2, 0.6, "takes {} of its limit meanwhile"),
    },
    traits=_changing,
)

COMPLAINING = Kind(
    name="complaining",
    summary="readers complain once mail goes beyond the engaged ones",
    drawn={
        **_first(100, 400),
        **_growth(1.5, 3.0),
        "engaged": Range(0.4, 0.8, "engaged readers are {} of the target"),
        "complain_others": _part(0.002, 0.006, "{} of the others complain", "magnitude"),
    },
    traits=_of_target("engaged"),
)

IDLE = Kind(
    name="idle",
    summary="there is no traffic for 30 days in the midst",
    drawn={
        **_first(80, 300),
        **_growth(1.6, 3.0),
        "keep": Range(0.9, 0.97, "keeps {} of its habit on a day without mail"),
        "day": _whole(20, 35, "traffic stops on day {}, in a run of 90", lambda days: days - 55),
    },
    traits=_idle,
)

WORLDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (LENIENT, STRICT, HOURLY, GREYLISTING, CEILING, CHANGING, COMPLAINING, IDLE)
}
"""By name. Days count from 0, as everywhere in a world."""
