"""The worlds that come with the library, and how to find others.

Each world is one thing that providers do, with its parameters drawn at random over the range that is
stated beside it. None of them is a measurement of anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from warmup.contracts import Receiver, Setting, World
from warmup.errors import Problem, UsageError
from warmup.forecast.world import Provider, Traits
from warmup.timing import MINUTE, Chance

__all__ = ["WORLDS", "Kind", "world_of", "worlds"]

GROUP = "warmup.worlds"
"""Entry points: an object that is a :class:`~warmup.contracts.World`."""


@attrs.frozen(kw_only=True)
class Draw:
    """Numbers drawn at random for one provider."""

    chance: Chance
    setting: Setting

    def between(self, name: str, low: float, high: float) -> float:
        """Evenly between two numbers."""
        return low + (high - low) * self.chance.draw(name) / Chance.RESOLUTION

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high."""
        return low + self.chance.below(high - low + 1, name)

    def magnitude(self, name: str, low: float, high: float) -> float:
        """Between two numbers so that each doubling is as likely as any other."""
        share = self.chance.draw(name) / Chance.RESOLUTION
        return float(low * (high / low) ** share)

    def of_target(self, name: str, low: float, high: float) -> int:
        """A part of the target, at least 1."""
        return max(1, int(self.setting.target * self.between(name, low, high)))


@attrs.frozen(kw_only=True)
class Kind:
    """A shipped world.

    Attributes:
        name: What it is called.
        summary: What the provider does, in a line.
        ranges: What is drawn, and between which bounds, for people.
        traits: Draws a provider of this kind.
    """

    name: str
    summary: str
    ranges: Mapping[str, str]
    traits: Callable[[Draw], Traits]

    def begin(self, setting: Setting, chance: Chance) -> Receiver:
        """A provider of this kind."""
        return Provider(self.traits(Draw(chance=chance, setting=setting)), setting, chance)


def _common(draw: Draw) -> dict[str, Any]:
    """What every provider has: some addresses are gone, some readers complain."""
    return {
        "invalid": draw.between("invalid", 0.001, 0.008),
        "complain": draw.between("complain", 0.000_1, 0.000_5),
    }


def _lenient(draw: Draw) -> Traits:
    return Traits(
        first=draw.whole("first", 150, 1_000), growth=draw.between("growth", 2.2, 5.0), **_common(draw)
    )


def _strict(draw: Draw) -> Traits:
    return Traits(
        first=draw.whole("first", 40, 150),
        growth=draw.magnitude("growth", 1.2, 1.8),
        lenience=draw.between("lenience", 0.02, 0.05),
        stall=True,
        fall=draw.between("fall", 0.6, 0.9),
        block_over=draw.between("block_over", 1.5, 3.0),
        **_common(draw),
    )


def _hourly(draw: Draw) -> Traits:
    return Traits(
        first=draw.whole("first", 150, 400),
        growth=draw.between("growth", 1.5, 3.0),
        hour_share=draw.between("hour_share", 0.05, 0.12),
        **_common(draw),
    )


def _greylisting(draw: Draw) -> Traits:
    return Traits(
        first=draw.whole("first", 100, 600),
        growth=draw.between("growth", 1.5, 3.0),
        greylist=draw.whole("greylist", 1, 60) * MINUTE,
        **_common(draw),
    )


def _ceiling(draw: Draw) -> Traits:
    return Traits(
        first=draw.whole("first", 80, 400),
        growth=draw.between("growth", 1.5, 3.0),
        most=draw.of_target("most", 0.3, 0.8),
        lenience=draw.between("lenience", 0.02, 0.05),
        stall=True,
        **_common(draw),
    )


def _changing(draw: Draw) -> Traits:
    day = draw.whole("day", 20, max(20, draw.setting.days * 2 // 3))
    return Traits(
        first=draw.whole("first", 100, 400),
        growth=draw.between("growth", 1.6, 3.0),
        moods=((day, day + draw.whole("lasts", 4, 14), draw.between("mood", 0.2, 0.6)),),
        **_common(draw),
    )


def _complaining(draw: Draw) -> Traits:
    return Traits(
        **_common(draw)
        | {
            "first": draw.whole("first", 100, 400),
            "growth": draw.between("growth", 1.5, 3.0),
            "engaged": draw.of_target("engaged", 0.4, 0.8),
            "complain_others": draw.magnitude("complain_others", 0.002, 0.006),
        }
    )


def _idle(draw: Draw) -> Traits:
    day = draw.whole("day", 20, max(20, draw.setting.days - 55))
    return Traits(
        first=draw.whole("first", 80, 300),
        growth=draw.between("growth", 1.6, 3.0),
        keep=draw.between("keep", 0.9, 0.97),
        silent=(day, day + 30),
        **_common(draw),
    )


WORLDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="lenient",
            summary="takes more than twice what it is used to",
            ranges={"first day": "150-1,000", "of the habit": "2.2-5 times"},
            traits=_lenient,
        ),
        Kind(
            name="strict",
            summary="takes a little more each day; a day of pushing adds nothing, an assault is blocked",
            ranges={
                "first day": "40-150",
                "of the habit": "1.2-1.8 times",
                "deferrals borne": "2-5 %",
                "after pushing": "0.6-0.9 of the habit",
                "blocks from": "1.5-3 times its limit",
            },
            traits=_strict,
        ),
        Kind(
            name="hourly",
            summary="limits each hour as well as the day",
            ranges={
                "first day": "150-400",
                "of the habit": "1.5-3 times",
                "an hour": "5-12 % of the day's limit",
            },
            traits=_hourly,
        ),
        Kind(
            name="greylisting",
            summary="turns every first try away for a while",
            ranges={
                "first day": "100-600",
                "of the habit": "1.5-3 times",
                "waits": "1-60 min",
            },
            traits=_greylisting,
        ),
        Kind(
            name="ceiling",
            summary="never takes more than a part of the target",
            ranges={
                "first day": "80-400",
                "of the habit": "1.5-3 times",
                "ceiling": "0.3-0.8 of the target",
                "deferrals borne": "2-5 %",
            },
            traits=_ceiling,
        ),
        Kind(
            name="changing",
            summary="takes much less for some days in the midst, and recovers",
            ranges={
                "first day": "100-400",
                "of the habit": "1.6-3 times",
                "changes on day": "20-60",
                "to": "0.2-0.6 of its limit",
                "for": "4-14 days",
            },
            traits=_changing,
        ),
        Kind(
            name="complaining",
            summary="readers complain once mail goes beyond the engaged ones",
            ranges={
                "first day": "100-400",
                "of the habit": "1.5-3 times",
                "engaged": "0.4-0.8 of the target",
                "others complain": "0.2-0.6 %",
            },
            traits=_complaining,
        ),
        Kind(
            name="idle",
            summary="no traffic for 30 days in the midst",
            ranges={
                "first day": "80-300",
                "of the habit": "1.6-3 times",
                "habit kept a day": "0.9-0.97",
                "stops on day": "20-35",
            },
            traits=_idle,
        ),
    )
}
"""By name. All of them: addresses that do not exist 0.1-0.8 %, complaints of engaged readers 0.01-0.05 %."""


def _plugins() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {found.name: found for found in entry_points(group=GROUP) if found.name not in WORLDS}


def worlds() -> tuple[str, ...]:
    """Names of the worlds that are there: the shipped ones, then those of other packages."""
    return (*WORLDS, *sorted(_plugins()))


def world_of(name: str) -> World:
    """Find a world by its name, or as ``module:object``.

    Raises:
        UsageError: There is none, or it cannot be loaded, or it is no world.
    """
    if name in WORLDS:
        return WORLDS[name]
    if ":" in name:
        return _checked(name, _load(name))
    plugins = _plugins()
    if name not in plugins:
        from difflib import get_close_matches

        near = get_close_matches(name, worlds(), n=1)
        mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(worlds())}; or module:object"
        raise UsageError.of("--world", f"there is no world {name!r}", mend)
    try:
        found = plugins[name].load()
    except Exception as error:
        raise UsageError.of(
            "--world", f"the plugin {name} cannot be loaded: {error}", "reinstall it"
        ) from error
    return _checked(name, found)


def _load(name: str) -> Any:
    import importlib

    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:  # somebody else's module may raise anything
        raise UsageError(
            problems=[
                Problem(
                    "--world",
                    f"{name} cannot be loaded: {type(error).__name__}: {error}",
                    "write module:object, and see that Python finds the module (PYTHONPATH)",
                )
            ]
        ) from error
    return found


def _checked(name: str, found: Any) -> World:
    if isinstance(found, type):
        found = found()
    if not isinstance(found, World):
        raise UsageError.of(
            "--world",
            f"{name} is no world: it has no name or no begin()",
            "implement warmup.contracts.World; warmup.testing.worlds checks it",
        )
    return found
