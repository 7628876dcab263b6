"""From a file to a :class:`Config`, with every mistake on its line."""

from __future__ import annotations

import os
import re
import tomllib
import typing
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import attrs

from warmup.config import checks
from warmup.config.document import Document, PlanTable, SourceTable, StreamTable
from warmup.config.places import find_lines, line_of
from warmup.config.rules import Mistake, nearest
from warmup.config.settings import ClockConfig, Config, DeliveryConfig
from warmup.config.storage import absolute, database_url, default_state_dir
from warmup.config.structure import Place, dotted, keys_of, rule_of, structure, within
from warmup.contracts import Curve
from warmup.demand.describing import describe
from warmup.errors import ConfigError, Problem, WarmupError
from warmup.model import Declaration, EgressSource, OnUnknown, RampClock, RetrySchedule, Stream
from warmup.plan.aim import Steadiness
from warmup.plan.build import plan
from warmup.plan.curves import parse_curve
from warmup.plan.growth import GrowthPolicy
from warmup.plan.mix import Mix
from warmup.plan.plan import Plan
from warmup.plan.sending import parse_hours

__all__ = ["find_config", "read_file", "read_tables"]

FILE_MAX = 1 << 20
"""Octets: a configuration of a thousand sources is a fifth of it."""

PLACES = (Path("warmup.toml"), Path("/etc/warmup/warmup.toml"))
"""Where a configuration is looked for when nobody names one."""

T = TypeVar("T")


def find_config(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Find the configuration: the one named, else ``$WARMUP_CONFIG``, else the usual places.

    Raises:
        ConfigError: There is none.
    """
    if explicit is not None:
        return Path(explicit)
    if named := os.environ.get("WARMUP_CONFIG"):
        return Path(named)
    for path in PLACES:
        if path.is_file():
            return path
    raise ConfigError.of(
        "configuration",
        f"there is none: looked for {' and '.join(map(str, PLACES))}",
        "run warmup init, name a file with --config, or set WARMUP_CONFIG",
    )


def read_file(path: Path) -> Config:
    """Read a TOML file; see :meth:`Config.from_file`."""
    text = _text_of(path)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: a number of 5,000 digits, arrays nested a thousand deep.
        raise ConfigError(problems=[_syntax(path, str(error))]) from None
    return _read(tables, base=path.absolute().parent, path=path, text=text)


def read_tables(tables: Mapping[str, Any], *, base: Path) -> Config:
    """Read parsed tables; see :meth:`Config.from_dict`."""
    return _read(tables, base=base.absolute(), path=None, text="")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_MAX + 1)
    except FileNotFoundError:
        raise ConfigError.of(str(path), "there is no such file", "warmup init writes one") from None
    except OSError as error:
        raise ConfigError.of(str(path), f"cannot be read: {error.strerror or error}") from None
    if len(octets) > FILE_MAX:
        raise ConfigError.of(str(path), "is larger than 1 MiB", "this is hardly a configuration")
    try:
        # tomllib knows neither the mark that some editors put first nor a lone CR.
        return octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        wrong = f"octet {octets[error.start]:#04x} is not UTF-8"
        raise ConfigError(problems=[Problem("", wrong, "save the file as UTF-8", f"{path}:{line}")]) from None


def _syntax(path: Path, message: str) -> Problem:
    position = re.search(r"\(at (?:line (\d+), column (\d+)|end of document)\)", message)
    wrong = message[: position.start()].strip() if position else message
    place = f"{path}:{position[1]}:{position[2]}" if position and position[1] else str(path)
    return Problem("", f"not TOML: {wrong}", "text stands in double quotes, tables in [brackets]", place)


class _Reader:
    """Collects what can be read and everything that cannot.

    Attributes:
        written: By section and canonical key: the key as it is written, on whose line it stands.
        pools: Of all sources, also of those that cannot be read.
        raw: So many problems, the first ones, are placed by keys as written; the others by canonical keys.
    """

    def __init__(self, base: Path, tables: Mapping[str, Any]) -> None:
        self.base = base
        sources = tables.get("sources")
        inner = (
            [t for t in sources.values() if isinstance(t, Mapping)] if isinstance(sources, Mapping) else []
        )
        self.pools = {str(table.get("pool", "default")) for table in inner}
        self.found: list[tuple[Place, Problem]] = []
        self.sections: dict[str, Any] = {
            field.name: field.type
            for field in attrs.fields(attrs.resolve_types(Document, include_extras=True))
        }
        self.raw = 0
        self.written: dict[tuple[str, str], str] = {}
        self.homes: dict[str, tuple[str, ...]] = {}
        for section, annotation in self.sections.items():
            for key in keys_of(_table_of(annotation)):
                self.homes[key] = (*self.homes.get(key, ()), section)

    def wrong(self, place: Place, wrong: str, mend: str = "") -> None:
        self.found.append((place, Problem("", wrong, mend)))

    def table(self, raw: Any, table: type[T], place: Place) -> T | None:
        value, found = structure(raw, table, place, self.homes)
        self.found.extend(found)
        return value

    def section(self, tables: Mapping[str, Any], name: str) -> Any:
        """A table, or None; or a dict of the tables that could be read, by canonical key."""
        annotation = self.sections[name]
        if get_origin(annotation) is list:
            return self.array(tables.get(name, []), _table_of(annotation), name)
        raw = tables.get(name, {})
        if get_origin(annotation) is not dict:
            return self.table(raw, annotation, (name,))
        if not isinstance(raw, Mapping):
            self.wrong((name,), "must be a table of tables", f"write [{name}.NAME]")
            return {}
        key_rule = rule_of(get_args(annotation)[0])
        assert key_rule is not None
        read: dict[str, Any] = {}
        for key, inner in raw.items():
            place: Place = (name, key)
            try:
                canonical = key_rule.read(key)
            except Mistake as mistake:
                self.wrong(place, mistake.wrong, mistake.mend)
                # A dotted address left without quotes: its pieces are no tables of ours.
                if isinstance(inner, Mapping) and not key.isdecimal():
                    self.table(inner, _table_of(annotation), place)
                continue
            table = self.table(inner, _table_of(annotation), place)
            first = self.written.setdefault((name, canonical), key)
            if first != key:
                self.wrong(place, f"is the same as {dotted((name, first))}", "give each once")
            elif table is not None:
                read[canonical] = table
        return read

    def array(self, raw: Any, table: type[T], name: str) -> list[T] | None:
        """The tables of an array; None where one of them cannot be read."""
        if not isinstance(raw, list | tuple):
            self.wrong((name,), "must be an array of tables", f"write [[{name}]]")
            return None
        read = [self.table(inner, table, (name, index)) for index, inner in enumerate(raw)]
        return None if None in read else [inner for inner in read if inner is not None]

    def attempt(self, place: Place, make: typing.Callable[[], T]) -> T | None:
        """What ``make`` returns, or None and a note of what it said."""
        try:
            return make()
        except Mistake as mistake:
            self.wrong(place, mistake.wrong, mistake.mend)
        except WarmupError as error:
            for problem in error.problems or (Problem("", str(error)),):
                self.found.append(within(place, problem))
        return None

    def folder(self, place: Place, name: str | None) -> Path | None:
        """A folder named in the file; relative to the file's own."""
        if name is None:
            return None
        return self.attempt(place, lambda: absolute(name, self.base))


def _table_of(annotation: Any) -> type[Any]:
    origin = get_origin(annotation)
    table = annotation if origin not in (dict, list) else get_args(annotation)[-1]
    assert isinstance(table, type)
    return table


def _read(tables: Mapping[str, Any], *, base: Path, path: Path | None, text: str) -> Config:
    reader = _Reader(base, tables)
    for name in tables:
        if name not in reader.sections:
            mend = nearest(name, reader.sections)
            if homes := reader.homes.get(name):
                mend = f"it belongs in [{homes[0]}]"
            reader.wrong((name,), "is no table of this file", mend)
    read = {name: reader.section(tables, name) for name in reader.sections}
    reader.raw = len(reader.found)
    parts = _parts(reader, read, _curve(reader, tables.get("plan")))
    if reader.found or parts is None:
        raise ConfigError(problems=_placed(reader, path, text))
    return Config(**parts, path=path)


def _placed(reader: _Reader, path: Path | None, text: str) -> list[Problem]:
    """Problems with their path and line, in the order of the file, each once."""
    lines = find_lines(text)
    placed: dict[Problem, int] = {}
    for index, (place, problem) in enumerate(reader.found):
        section, key, *rest = (*place, "", "")
        written = None if index < reader.raw else reader.written.get((str(section), str(key)))
        line = line_of(lines, place if written is None else (section, written, *rest))
        where = "" if path is None else f"{path}:{line}" if line else str(path)
        placed.setdefault(attrs.evolve(problem, field=dotted(place), place=where), line or 0)
    return sorted(placed, key=lambda problem: placed[problem])


def _curve(reader: _Reader, plan: Any) -> Curve | None:
    """The curve, even where the rest of its table is of no use: a table in a file has mistakes of its own."""
    name = plan.get("curve", "ses") if isinstance(plan, Mapping) else "ses"
    if any(place == ("plan", "curve") for place, _ in reader.found):
        return None
    return reader.attempt(("plan", "curve"), lambda: parse_curve(name, base=reader.base))


def _parts(reader: _Reader, read: dict[str, Any], curve: Curve | None) -> dict[str, Any] | None:
    """The arguments of Config; None where a table could not be read."""
    sources = tuple(
        EgressSource(address=address, ehlo=table.ehlo, pool=table.pool)
        for address, table in read["sources"].items()
    )
    declarations = {
        address: Declaration(warm=table.warm, step=table.step, volume=table.volume)
        for address, table in read["sources"].items()
        if table.warm or table.step or table.volume
    }
    zone = getattr(read.get("plan"), "timezone", "UTC")
    streams = {name: _stream(reader, name, table, zone) for name, table in read["streams"].items()}
    broken = {place[0] for place, _ in reader.found}
    if "sources" not in broken:
        reader.found.extend(checks.check_sources(sources, declarations))
    else:
        for address, said in declarations.items():
            reader.found.extend(checks.check_declaration(("sources", address), said))
    reader.found.extend(checks.check_streams(streams))
    reader.found.extend(checks.check_pools(streams, reader.pools))

    parts: dict[str, Any] = {"sources": sources, "declarations": declarations, "streams": streams}
    providers = {
        name: attrs.asdict(table, filter=lambda _, value: value not in (None, ()))
        for name, table in read["providers"].items()
    }
    parts["providers"] = providers
    reader.found.extend(checks.check_providers(providers))
    if (replies := read["replies"]) is not None:
        parts["replies"] = tuple(
            attrs.asdict(table, filter=lambda _, value: value is not None) for table in replies
        )
        reader.found.extend(checks.check_replies(parts["replies"], providers))
    if (retry := read["retry"]) is not None:
        parts["retry"] = RetrySchedule(**attrs.asdict(retry))
        reader.found.extend(checks.check_retry(parts["retry"]))
    if (clock := read["clock"]) is not None:
        parts["clock"] = ClockConfig(**attrs.asdict(clock))
        reader.found.extend(checks.check_clock(parts["clock"]))
    if (delivery := read["delivery"]) is not None:
        folder = reader.folder(("delivery", "folder"), delivery.folder)
        parts["delivery"] = DeliveryConfig(**attrs.asdict(delivery) | {"folder": folder})
        reader.found.extend(checks.check_delivery(parts["delivery"]))
    _add_installation(reader, read["warmup"], parts)
    if (planning := read["plan"]) is not None:
        parts["ramp"] = RampClock(planning.ramp)
        factor = planning.growth
        parts["growth"] = None if factor is None else GrowthPolicy(factor=Fraction(str(factor)))
        if planning.smooth:
            parts["steadiness"] = Steadiness(keep_warm=planning.keep_warm, patience=planning.patience)
        parts["demand"] = planning.demand or ""
        if isinstance(planning.mix, Mix):  # text is the name of a profile, whose providers we know
            reader.found.extend(checks.check_mix(planning.mix.providers, providers))
        if "sources" not in broken and curve is not None:
            parts["plan"] = made = _plan(reader, planning, curve, read["sources"])
            if made is not None and planning.demand:
                text = planning.demand
                reader.attempt(
                    ("plan", "demand"), lambda: describe(text, start=made.start, days=1, mix=made.mix)
                )
    return parts if parts.get("plan") is not None else None


def _add_installation(reader: _Reader, table: Any, parts: dict[str, Any]) -> None:
    if table is None:
        return
    parts["state_dir"] = reader.folder(("warmup", "state_dir"), table.state_dir) or default_state_dir()
    parts["seed"] = table.seed
    if table.node is not None:
        parts["node"] = table.node
    database = reader.attempt(("warmup", "database"), lambda: database_url(table.database, reader.base))
    if database is not None:
        parts["database"] = database
        reader.found.extend(checks.check_storage(database, parts["state_dir"]))


def _stream(reader: _Reader, name: str, table: StreamTable, zone: str) -> Stream:
    hours = None
    if table.hours is not None:
        text, own = table.hours, table.timezone or zone
        hours = reader.attempt(("streams", name, "hours"), lambda: parse_hours(text, own))
    return Stream(
        hours=hours,
        name=name,
        priority=table.priority,
        pool=table.pool,
        deadline=table.deadline,
        on_unknown=OnUnknown(table.on_unknown),
        long_lines=table.long_lines,
    )


def _plan(reader: _Reader, table: PlanTable, curve: Curve, sources: Mapping[str, SourceTable]) -> Plan | None:
    try:
        return plan(
            table.target,
            start=table.start,
            curve=curve,
            ips=[(address, source.start or table.start) for address, source in sources.items()],
            days=table.days,
            mix=table.mix,
            timezone=table.timezone,
            pattern=table.pattern,
            weekdays=table.weekdays,
            holidays=table.holidays,
            pauses=table.pauses,
            base=reader.base,
            shares={address: source.share for address, source in sources.items() if source.share},
        )
    except WarmupError as error:
        homes = {"ips": "start", "shares": "share"}
        for problem in error.problems:
            key, _, address = problem.field.partition(".")
            key = key.partition(" ")[0]  # "holidays FILE" is a problem of holidays
            inner = ("sources", address, homes[key]) if key in homes and address else ("plan", key)
            reader.found.append((inner, problem))
        return None
