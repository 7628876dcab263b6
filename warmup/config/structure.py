"""TOML's tables into attrs classes: strict, and with every mistake at once.

cattrs walks the classes; each leaf is an ``Annotated`` type whose :class:`Rule` reads the value, so
that none of cattrs' own lax conversions (``3`` to ``"3"``, ``"7"`` to ``7``) is ever asked. What it
raises is a tree of exception groups with the place of each in notes; here the tree becomes a list.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from warmup.config.rules import Mistake, Rule, kind, nearest, shown
from warmup.errors import Problem, WarmupError

__all__ = ["Place", "dotted", "keys_of", "rule_of", "structure", "within"]

T = TypeVar("T")
Place = tuple[str | int, ...]


def dotted(place: Place) -> str:
    """Write a place as TOML would: ``sources."192.0.2.1".ehlo``, ``plan.weekdays[2]``."""
    written = ""
    for part in place:
        if isinstance(part, int):
            written += f"[{part}]"
            continue
        bare = part.replace("-", "").replace("_", "")
        escaped = part.replace("\\", "\\\\").replace('"', '\\"')
        key = part if bare.isalnum() and bare.isascii() else f'"{escaped}"'
        written += f".{key}" if written else key
    return written


def rule_of(annotation: Any) -> Rule | None:
    """The rule of an ``Annotated`` type."""
    if get_origin(annotation) is Annotated:
        return next((item for item in get_args(annotation)[1:] if isinstance(item, Rule)), None)
    return None


def keys_of(table: type[Any]) -> tuple[str, ...]:
    """The keys a table of the file may have."""
    return tuple(field.name for field in attrs.fields(table))


def structure(
    raw: Any, table: type[T], place: Place, homes: Mapping[str, tuple[str, ...]]
) -> tuple[T | None, list[tuple[Place, Problem]]]:
    """Read one table of the file.

    Args:
        raw: What the parser gave.
        table: The attrs class that it should become.
        place: Where it stands, for the problems.
        homes: For each key that some table has, the tables that have it: an unknown key that is
            at home elsewhere is sent there.

    Returns:
        The table, or None, and the problems with their places.
    """
    try:
        return _CONVERTER.structure(raw, table), []
    except Exception as error:
        return None, list(_problems(error, place, homes))


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)

    @converter.register_structure_hook_factory(attrs.has)
    def tables(cls: type[Any]) -> Callable[[Any, Any], Any]:
        inner = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
        return lambda value, _: inner(_table(value), cls)

    @converter.register_structure_hook_factory(lambda cls: rule_of(cls) is not None)
    def leaves(cls: Any) -> Callable[[Any, Any], Any]:
        rule = rule_of(cls)
        assert rule is not None
        return lambda value, _: rule.read(value)

    return converter


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Mistake(f"must be a table, not {kind(value)}: {shown(value)}", "put its keys below a [header]")
    return value


_CONVERTER = _make_converter()


def _problems(
    error: Exception, place: Place, homes: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[Place, Problem]]:
    if isinstance(error, ClassValidationError):
        for inner in error.exceptions:
            yield from _problems(inner, (*place, *_step(inner)), homes)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = keys_of(error.cl)
        for key in sorted(error.extra_fields):
            yield (*place, key), Problem("", "is not a key of this table", _rename(key, known, place, homes))
    elif isinstance(error, Mistake):
        yield place, Problem("", error.wrong, error.mend)
    elif isinstance(error, KeyError):
        yield place, Problem("", "is missing", f"add it to [{dotted(place[:-1])}]")
    elif isinstance(error, WarmupError) and error.problems:
        for problem in error.problems:
            yield within(place, problem)
    else:
        yield place, Problem("", str(error) or type(error).__name__)


def within(place: Place, problem: Problem) -> tuple[Place, Problem]:
    """Place a problem that another room named: its ``mix.google`` is our ``plan.mix.google``."""
    _, _, inner = problem.field.partition(".")
    return ((*place, inner) if inner else place), Problem("", problem.wrong, problem.mend)


def _step(error: BaseException) -> Place:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name,)
    return ()


def _rename(key: str, known: tuple[str, ...], place: Place, homes: Mapping[str, tuple[str, ...]]) -> str:
    if difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6):
        return nearest(key, known)
    if elsewhere := [home for home in homes.get(key, ()) if home != dotted(place[:1])]:
        return f"it belongs in [{elsewhere[0]}]"
    return f"the keys of [{dotted(place)}] are {', '.join(known)}"
