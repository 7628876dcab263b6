"""Where worlds are found: shipped, brought by another package, or named as ``module:object``.

Worlds of others run inside a guard, see :mod:`warmup.forecast.guard`: what is wrong with one is said in
its name. Shipped names are taken; an entry point of the same name is not reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from warmup.contracts import World
from warmup.errors import UsageError
from warmup.forecast.guard import Guarded, place_of
from warmup.forecast.worlds import WORLDS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Facts", "facts", "world_of", "worlds"]

GROUP = "warmup.worlds"
"""Entry points: a :class:`~warmup.contracts.World`, or a class that makes one without arguments."""

MEND = "implement warmup.contracts.World; warmup.testing.check_world says what is missing"


@attrs.frozen
class Facts:
    """What can be said of a world before anybody meets it.

    Attributes:
        name: What ``--world`` takes.
        summary: What it is, in a sentence; empty where it does not say.
        ranges: Between which bounds its parameters are drawn, by parameter; empty where it does not say.
        origin: ``shipped``, or the entry point.
        broken: Whether it cannot be loaded; the summary says why.
    """

    name: str
    summary: str
    ranges: Mapping[str, str]
    origin: str
    broken: bool = False


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {found.name: found for found in entry_points(group=GROUP) if found.name not in WORLDS}


def worlds() -> tuple[str, ...]:
    """Names of the worlds that are there: the shipped ones, then those of other packages."""
    return (*WORLDS, *sorted(_plugins()))


def facts() -> tuple[Facts, ...]:
    """What there is; of a plugin that cannot be loaded the summary says why."""
    found = [Facts(kind.name, kind.summary, kind.ranges, "shipped") for kind in WORLDS.values()]
    for name, point in sorted(_plugins().items()):
        origin = f"{GROUP}: {point.value}"
        try:
            world = _plugin(name, point)
        except UsageError as error:
            found.append(Facts(name, error.problems[0].wrong, {}, origin, broken=True))
        else:
            found.append(Facts(name, world.summary, world.ranges, origin))
    return tuple(found)


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
    if name in plugins:
        return _plugin(name, plugins[name])
    from difflib import get_close_matches

    near = get_close_matches(name, worlds(), n=1)
    mend = f"did you mean {near[0]}?" if near else f"there are {', '.join(worlds())}; or module:object"
    raise UsageError.of("--world", f"there is no world {name!r}", mend)


def _plugin(name: str, point: EntryPoint) -> Guarded:
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # somebody else's module may raise anything
        brought = f" of the package {point.dist.name}" if point.dist is not None else ""
        raise UsageError.of(
            "--world",
            f"the plugin {name}{brought} cannot be loaded from {point.value}: {_said(error)}",
            "update or remove that package",
        ) from error
    return _checked(name, found)


def _load(name: str) -> Any:
    import importlib

    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        raise UsageError.of(
            "--world",
            f"{name} cannot be loaded: {_said(error)}",
            "write module:object, and see that Python finds the module (PYTHONPATH)",
        ) from error
    return found


def _checked(name: str, found: Any) -> Guarded:
    try:
        if isinstance(found, type):
            found = found()
        missing = [part for part in ("name", "begin") if not hasattr(found, part)]
        called = None if missing else found.name
        begins = not missing and callable(found.begin)
    except (Exception, SystemExit) as error:
        raise UsageError.of("--world", f"{name} cannot be made: {_said(error)}", MEND) from error
    if missing:
        parts = " and no ".join({"name": "name", "begin": "begin()"}[part] for part in missing)
        raise UsageError.of("--world", f"{name} is no world: it has no {parts}", MEND)
    if not begins:
        raise UsageError.of("--world", f"{name} is no world: its begin is no method", MEND)
    if not isinstance(called, str) or not called.strip() or not called.isprintable():
        raise UsageError.of("--world", f"{name} is no world: its name is {called!r:.60}", "name it in a word")
    return Guarded(name, called, found)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}{place_of(error)}"
