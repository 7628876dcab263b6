"""What a person names as demand, mix or pattern: a file, standard input or a description, read.

A SPEC is the name of a file (packed or not; ``mail.log*`` names several), ``-`` for standard input, either
with ``from:`` before it or without, or the description itself: ``2,000 a day on weekdays``. What a file is
shows in its first lines; ``csv:``, ``postfix:``, ``exim:``, ``list:`` or ``text:`` before the name says it
instead.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import attrs

from warmup.cli.lines import lines_of, opened, refused
from warmup.errors import DataError, PlanError, WarmupError

if TYPE_CHECKING:
    from warmup.demand import History, LearnedPattern, LearnedWeek, ListReader, MeasuredMix
    from warmup.plan import Mix
    from warmup.plan.demand import Demand
    from warmup.providers import Directory

__all__ = [
    "DemandRead",
    "Inputs",
    "MixRead",
    "read_demand",
    "read_history",
    "read_mix",
    "read_mx_file",
    "read_pattern",
    "read_weekdays",
]

KINDS = ("csv", "postfix", "exim", "list", "text")
TOLERATED = {"csv": 0, "postfix": 10, "exim": 10, "list": 10}
"""Lines in a thousand that may be mistakes. A table of counts is right or wrong; a long list of addresses
or a log that was cut off in the middle of a line has a few that nobody can read."""

FILES_MAX = 1_000
NOTES_MAX = 5
"""Phrases of a description of which it is said that they change nothing."""

SHOWN_FROM = 32 << 20
"""Octets from which on a file's progress is shown."""
MX_BYTES_MAX = 256 << 20
DESCRIPTION_BYTES_MAX = 64 << 10

_CSV = "date,domain,count"
_FILE_NAME = re.compile(
    r"(?!.*\d\s*[km]?\s*/\s*day(?![\w.]))"  # 2,000/day is a description
    r"(?:[^\s,;]+|.*[/\\].*|.*\.(?:csv|log|txt|gz|bz2|xz)(?:\.\w+)?)",
    re.IGNORECASE,
)

_DAY = timedelta(days=1)

Use = Literal["auto", "forecast", "as-is"]


@attrs.define(kw_only=True)
class Inputs:
    """What all files of one command are read with; each is read once, however often it is named.

    Attributes:
        zone: The plan's IANA zone.
        written: The zone of times that name none, as the log's host keeps it; the plan's unless given.
        today: The day it is, in the plan's zone.
        directory: The providers that are told apart.
        mx: MX names by domain, see :func:`read_mx_file`.
        stdin: Read where a SPEC is ``-``.
    """

    zone: str = "UTC"
    written: str | None = None
    today: date = attrs.field()
    directory: Directory = attrs.field()
    mx: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    stdin: BinaryIO = attrs.field(factory=lambda: sys.stdin.buffer)
    _read: dict[str, _Read] = attrs.field(init=False, factory=dict)

    @property
    def kinds(self) -> set[str]:
        """The kinds of the files that were read so far."""
        return {kind for kind, _ in self._read.values()}

    @today.default
    def _today(self) -> date:
        from warmup.plan.calendar import local_date
        from warmup.timing import SystemClock

        return local_date(self.zone, SystemClock().now())

    @directory.default
    def _directory(self) -> Directory:
        from warmup.providers import Directory

        return Directory.default()


@attrs.frozen(kw_only=True)
class DemandRead:
    """A demand and where it comes from.

    Attributes:
        demand: Ready for a plan.
        kind: ``csv``, ``postfix``, ``exim`` or ``text``.
        history: What was sent, where the demand comes from that.
        forecast: Whether the demand was made from the past, and is not a file's figures as they stand.
        notes: Sentences for people: what was read, what was left out, what was made of it.
    """

    demand: Demand
    kind: str
    history: History | None
    forecast: bool = False
    notes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class MixRead:
    """A mix that was measured, the kind of file it comes from, and sentences about it."""

    measured: MeasuredMix
    kind: str
    notes: tuple[str, ...]


_Read = tuple[str, "History | ListReader | str"]


def read_demand(
    spec: str,
    inputs: Inputs,
    *,
    start: date,
    days: int,
    mix: Mix,
    growth: str | None = None,
    weeks: int = 8,
    method: Literal["median", "mean"] = "median",
    season: bool = False,
    use: Use = "auto",
) -> DemandRead:
    """Read a demand over ``days`` days from ``start``.

    A description is taken as it is. Of past sends a forecast is made. A CSV file or log with figures
    for a week or more from ``start`` on, or a CSV file with figures later than today, is a schedule:
    its figures from ``start`` on are taken as they stand.

    Args:
        spec: File, ``-`` or description.
        inputs: What it is read with.
        start: First day of the plan.
        days: How many days it has.
        mix: Whom a description's mail is for.
        growth: Of a forecast, such as ``10% a month``; see :func:`warmup.demand.project`.
        weeks: Weeks that a forecast is made from.
        method: Whether it takes their median or their mean.
        season: Whether the day 52 weeks earlier speaks.
        use: What is made of figures of the past: by the rule above, a forecast, or what they are.

    Raises:
        UsageError: The description or an option cannot be used.
        DataError: A file cannot be.
    """
    with _said_of("demand"):
        return _demand(spec, inputs, start, days, mix, growth, weeks, method, season, use)


def _demand(
    spec: str,
    inputs: Inputs,
    start: date,
    days: int,
    mix: Mix,
    growth: str | None,
    weeks: int,
    method: Literal["median", "mean"],
    season: bool,
    use: Use,
) -> DemandRead:
    from warmup.demand import Growth, History, describe, parse_growth, project, unheard

    kind, found = _found(spec, inputs, described=True)
    if isinstance(found, str):
        try:
            demand = describe(found, start=start, days=days, mix=mix)
        except PlanError as error:
            if _is_file(spec):
                raise DataError(
                    problems=[attrs.evolve(problem, place=spec) for problem in error.problems]
                ) from None
            raise
        lost = tuple(unheard(found, start=start, days=days)[:NOTES_MAX])
        return DemandRead(demand=demand, kind=kind, history=None, notes=lost)
    if not isinstance(found, History):
        raise refused(spec, "is a list of recipients: it has no dates", f"give CSV with {_CSV}, or a log")
    first, last = found.span
    planned = (last - start).days >= 6 or (kind == "csv" and last >= start and last > inputs.today)
    forecast = use == "forecast" or (use == "auto" and not planned)
    if not forecast:
        notes: tuple[str, ...] = (
            f"the figures from {start} on are taken as they stand; the last is of {last}",
        )
        made = found.demand(start, days)
    else:
        past = found.before(start)
        if not past.counts:
            wrong = f"has nothing before {start}; it begins on {first}"
            raise refused(spec, wrong, "start the plan later, or take it as it is: --demand-as figures")
        rate = Growth(Fraction(0)) if growth is None else parse_growth(growth)
        made = project(past, start, days, growth=rate, weeks=weeks, method=method, season=season)
        notes = _made_from(past, start, days, growth, weeks, method, season)
    return DemandRead(
        demand=made,
        kind=kind,
        history=found,
        forecast=forecast,
        notes=notes + found.report.sentences(),
    )


def _made_from(
    past: History, start: date, days: int, growth: str | None, weeks: int, method: str, season: bool
) -> tuple[str, ...]:
    """Say what a forecast was made from."""
    from warmup.demand.project import YEAR

    first, last = past.whole
    count = min(weeks, ((last - first).days + 1) // 7)
    of = f"the {method} of {count} week{'' if count == 1 else 's'}"
    more = "" if growth is None else f", growth {' '.join(growth.split())}"
    notes = [f"forecast from what was sent from {first} to {last}: {of}{more}"]
    if season:
        known = sum(first <= start + (at * _DAY) - YEAR <= last for at in range(days))
        rest = "" if known == days else ", the others the level of those weeks"
        notes.append(f"season: {known:,} of {days:,} days follow the day 52 weeks before{rest}")
    return tuple(notes)


def read_history(spec: str, inputs: Inputs) -> History:
    """Read past sends from a CSV file or a log.

    Raises:
        DataError: It cannot be read, or is something else.
    """
    from warmup.demand import History

    with _said_of("history"):
        kind, found = _found(spec, inputs)
        if not isinstance(found, History):
            wrong = "is a list of recipients" if kind == "list" else "is a description"
            raise refused(spec, f"{wrong}: it has no dates", f"give CSV with {_CSV}, or a log")
        return found


def read_mix(spec: str, inputs: Inputs, *, threshold: Fraction = Fraction(1, 200)) -> MixRead:
    """Measure a mix from a list of recipients, past sends or a log.

    Raises:
        DataError: It cannot be read, or has no recipients.
    """
    from warmup.demand import History, measure_mix

    with _said_of("mix"):
        kind, found = _found(spec, inputs)
        if isinstance(found, str):
            raise refused(spec, "is a description: it names no recipients", "give addresses, or a log")
        counts = found.providers if isinstance(found, History) else found.counts
        measured = measure_mix(counts, threshold=threshold, name=spec)
    return MixRead(measured=measured, kind=kind, notes=found.report.sentences())


def read_pattern(spec: str, inputs: Inputs) -> LearnedPattern:
    """Learn a pattern from a log, or from a CSV file whose dates have times.

    Raises:
        DataError: It cannot be read, or shows too little.
    """
    from warmup.demand import learn_pattern

    with _said_of("pattern"):
        return learn_pattern(read_history(spec, inputs))


def read_weekdays(spec: str, inputs: Inputs) -> LearnedWeek:
    """Learn weights of the weekdays from past sends or a log.

    Raises:
        DataError: It cannot be read, or shows too little.
    """
    from warmup.demand import learn_weekdays

    with _said_of("weekdays"):
        return learn_weekdays(read_history(spec, inputs))


def read_mx_file(name: str) -> dict[str, tuple[str, ...]]:
    """Read a file with MX names by domain, such as ``example.com aspmx.l.google.com``.

    Raises:
        DataError: It cannot be read, or a line of it cannot be used.
    """
    from warmup.demand import read_mx

    with _said_of("mx"), opened(Path(name)) as file:
        return read_mx(lines_of(file, name, bytes_max=MX_BYTES_MAX), name)


@contextmanager
def _said_of(option: str) -> Iterator[None]:
    """Say what is wrong with a file as a whole under the name of what it was read for."""
    try:
        yield
    except DataError as error:
        unnamed = ("", "history")
        raise DataError(
            problems=[
                attrs.evolve(problem, field=option) if problem.field in unnamed else problem
                for problem in error.problems
            ]
        ) from error


def _is_file(spec: str) -> bool:
    return bool(_paths(_stripped(spec)[1])) or _stripped(spec)[1] == "-"


def _stripped(spec: str) -> tuple[str | None, str]:
    """The kind that a SPEC names, if any, and the rest of it."""
    rest = spec.strip().removeprefix("from:")
    kind, colon, name = rest.partition(":")
    return (kind, name.strip()) if colon and kind in KINDS else (None, rest)


def _found(spec: str, inputs: Inputs, *, described: bool = False) -> _Read:
    """What a SPEC stands for, read once: a history, a list that was counted, or a description's text."""
    kind, name = _stripped(spec)
    key = f"{kind}:{name}"
    if key not in inputs._read:
        paths = [] if name == "-" else _paths(name)
        if name == "-" or paths:
            inputs._read[key] = _from_files(paths, name, kind, inputs)
        elif described and (kind == "text" or (kind is None and not _FILE_NAME.fullmatch(name))):
            return "text", name
        else:
            mend = (
                "check the name, or write a description: 2,000 a day on weekdays"
                if described
                else "check the name"
            )
            raise refused(name[:200] or spec, "there is no such file", mend)
    return inputs._read[key]


def _paths(name: str) -> list[Path]:
    """The files that a name stands for, the oldest first."""
    if not name or "\0" in name or len(name) > 4_096:
        return []
    try:
        if Path(name).exists():
            return [Path(name)]
        pattern = Path(name)
        if not set("*?[") & set(pattern.name):
            return []
        found = list(islice(pattern.parent.glob(pattern.name), FILES_MAX + 1))
        if len(found) > FILES_MAX:
            raise refused(name, f"names more than {FILES_MAX:,} files", "name fewer")
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, str(path)))
    except OSError:
        return []


def _from_files(paths: list[Path], name: str, kind: str | None, inputs: Inputs) -> _Read:
    reader: _Reader | None = None
    known = kind
    sources: list[Path | None] = [*paths] or [None]
    for path in sources:
        label = "stdin" if path is None else str(path)
        with _shown(path, inputs) as (file, done):
            lines = lines_of(file, label, done)
            head = list(islice(lines, _lines_to_sniff()))
            here = kind or _kind_of(head, label)
            if known is not None and here != known:
                wrong = f"is {here}, and the file before it {known}"
                raise refused(label, wrong, "read one kind of file at a time")
            known = here
            if here == "text":
                return "text", _description(chain(head, lines), label)
            if reader is None:
                reader = _reader(here, "stdin" if path is None else name, inputs)
            today = inputs.today if path is None else _last_day(path, inputs)
            reader.feed(chain(head, lines), label, today)
    assert reader is not None and known is not None
    found = reader.result()
    found.report.settle(TOLERATED[known])
    return known, found


def _lines_to_sniff() -> int:
    from warmup.demand.sniff import LINES

    return LINES


def _kind_of(head: list[str], label: str) -> str:
    from warmup.demand import sniff

    if not any(line.strip() for line in head):
        raise refused(label, "is empty", f"give CSV with {_CSV}, a log, or a list of addresses")
    kind = sniff(head)
    if kind is None:
        mend = f"give CSV with {_CSV}, a Postfix or Exim log, or addresses; or say csv: or postfix: ..."
        raise refused(label, f"is of no kind that is known here; it begins {head[0][:60]!r}", mend)
    return kind


def _description(lines: Iterable[str], label: str) -> str:
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > DESCRIPTION_BYTES_MAX:
            raise refused(label, "is too long for a description", f"give CSV with {_CSV}")
        if not line.lstrip().startswith("#"):
            kept.append(line)
    return "\n".join(kept).lstrip("\ufeff")


def _last_day(path: Path, inputs: Inputs) -> date:
    """The day on which a file was last written, at most today: no line without a year is later."""
    from warmup.plan.calendar import local_date

    try:
        written = local_date(inputs.written or inputs.zone, path.stat().st_mtime_ns // 1_000)
    except (OSError, WarmupError, OverflowError, ValueError):
        return inputs.today
    return min(written, inputs.today)


@attrs.frozen
class _Reader:
    feed: Callable[[Iterable[str], str, date], None]
    result: Callable[[], History | ListReader]


def _reader(kind: str, name: str, inputs: Inputs) -> _Reader:
    from warmup.demand import EximReader, ListReader, PostfixReader, SendsReader

    mx = inputs.mx
    if kind == "list":
        addresses = ListReader(inputs.directory, mx=mx, name=name)
        return _Reader(lambda lines, label, _: addresses.feed(lines, name=label), lambda: addresses)
    if kind == "csv":
        sends = SendsReader(inputs.directory, inputs.zone, mx=mx, name=name)
        return _Reader(lambda lines, label, _: sends.feed(lines, name=label), sends.history)
    make = PostfixReader if kind == "postfix" else EximReader
    log = make(inputs.directory, inputs.zone, written=inputs.written, today=inputs.today, mx=mx, name=name)
    return _Reader(lambda lines, label, today: log.feed(lines, name=label, today=today), log.history)


@contextmanager
def _shown(path: Path | None, inputs: Inputs) -> Iterator[tuple[BinaryIO, Callable[[int], None]]]:
    """An open file, and the function that shows how far its reading has come."""
    if path is None:
        yield inputs.stdin, lambda _octets: None
        return
    with opened(path) as file:
        size = path.stat().st_size
        if size < SHOWN_FROM:
            yield file, lambda _octets: None
            return
        from warmup.cli.output import progress

        with progress(path.name, size) as done:
            yield file, done
