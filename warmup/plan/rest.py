"""Days of rest: days on which nothing is sent, and which are no step of a ramp.

Holidays rest the whole plan. A pause rests the whole plan, a source, a provider, or one lane, from
one day to another. Weekdays without weight rest too; they are the weights' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs

from warmup.errors import DataError, PlanError
from warmup.plan.mix import ALIASES
from warmup.plan.sources import canonical_address
from warmup.plan.words import Complaints, nearest, read_date

__all__ = [
    "HOLIDAYS_MAX",
    "PAUSES_MAX",
    "Pause",
    "check_pauses",
    "parse_holidays",
    "parse_pauses",
    "sending_days",
]

HOLIDAYS_MAX = 5_000
PAUSES_MAX = 1_000
FILE_MAX_BYTES = 1 << 20

COUNTRY_YEARS = 11
"""A country's holidays are taken for the year of the plan's start and ten more: the longest plan."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ICAL = re.compile(r"DTSTART[^:]*:([0-9]{4})([0-9]{2})([0-9]{2})")
_COUNTRY = re.compile(r"country:([A-Za-z]{2,3})(?:-([A-Za-z0-9]{1,4}))?")
_ADDRESS = re.compile(r"ip-[0-9]+|[0-9.]+|.*:.*")
_KEYS = ("first", "last", "source", "provider")


@attrs.frozen(kw_only=True)
class Pause:
    """Rest from one day to another, both included.

    Attributes:
        first: The first day of rest, in the plan's zone.
        last: The last one.
        source: Whose rest it is; None: every source's.
        provider: For whom nothing is sent; None: for nobody.
    """

    first: date
    last: date
    source: str | None = None
    provider: str | None = None

    @property
    def name(self) -> str:
        """Its text form: ``2026-12-24..2027-01-02,192.0.2.1,google``."""
        days = f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"
        return ",".join(filter(None, (days, self.source, self.provider)))

    def holds(self, address: str, provider: str, on: date) -> bool:
        """Whether a lane rests on a day because of this pause."""
        return (
            self.first <= on <= self.last
            and self.source in (None, address)
            and self.provider in (None, provider)
        )


def sending_days(text: str) -> tuple[int, ...] | None:
    """Read ``mon-fri`` or ``mon,wed,fri`` as seven weights of 1 and 0, Monday first.

    Returns:
        None where the text is something else.
    """
    weights = [0] * 7
    for part in text.strip().lower().split(","):
        found = [_weekday(word) for word in part.split("-")]
        if len(found) > 2 or None in found:
            return None
        first, last = found[0], found[-1]
        assert first is not None
        assert last is not None
        for day in range(first, first + (last - first) % 7 + 1):
            weights[day % 7] = 1
    return tuple(weights)


def _weekday(word: str) -> int | None:
    """Number a weekday, from its first three letters on; Monday is 0."""
    word = word.strip()
    return next((at for at, day in enumerate(WEEKDAYS) if len(word) >= 3 and day.startswith(word)), None)


def parse_pauses(given: Iterable[str | Mapping[str, object] | Pause]) -> tuple[Pause, ...]:
    """Read pauses: ``2026-12-24..2027-01-02``, with ``,SOURCE`` and ``,PROVIDER`` where they are meant.

    Args:
        given: Texts, mappings with ``first``, ``last``, ``source`` and ``provider``, or pauses.

    Raises:
        PlanError: One of them cannot be read; all mistakes are listed.
    """
    complaints = Complaints()
    found = []
    values = [given] if isinstance(given, str | Mapping | Pause) else list(given)
    if len(values) > PAUSES_MAX:
        raise PlanError.of("pauses", f"{len(values):,} pauses", f"give at most {PAUSES_MAX:,}")
    for number, value in enumerate(values):
        pause = complaints.attempt(lambda value=value, number=number: _pause(value, f"pauses.{number}"), None)  # type: ignore[misc]
        if pause is not None:
            found.append(pause)
    complaints.settle()
    return tuple(found)


def _pause(value: object, field: str) -> Pause:
    if isinstance(value, Pause):
        value = attrs.asdict(value)
    if isinstance(value, str):
        value = _pause_text(value, field)
    if not isinstance(value, Mapping) or "first" not in value:
        raise PlanError.of(field, f"{value!r} is not a pause", "write it as 2026-12-24..2027-01-02")
    if unknown := [key for key in value if key not in _KEYS]:
        raise PlanError.of(field, f"has the unknown key {unknown[0]!r}", nearest(str(unknown[0]), _KEYS))
    complaints = Complaints()
    source, provider = value.get("source"), value.get("provider")
    first = complaints.attempt(lambda: read_date(field, value["first"]), date.max)
    last = first
    if value.get("last") is not None:
        last = complaints.attempt(lambda: read_date(field, value["last"]), date.max)
    if source is not None:
        source = complaints.attempt(lambda: canonical_address(field, str(source)), None)
    if last < first:
        complaints.add(field, f"ends on {last}, before it begins on {first}", "write the earlier day first")
    complaints.settle()
    name = None if provider is None else str(provider).strip().lower()
    return Pause(
        first=first,
        last=last,
        source=None if source is None else str(source),
        provider=None if name is None else ALIASES.get(name, name),
    )


def _pause_text(text: str, field: str) -> dict[str, object]:
    days, *others = (part.strip() for part in text.split(","))
    first, dots, last = days.partition("..")
    found: dict[str, object] = {"first": first.strip()}
    if dots:
        found["last"] = last.strip()
    for part in others:
        key = "source" if _ADDRESS.fullmatch(part) else "provider"
        if not part or key in found:
            raise PlanError.of(
                field,
                f"{text!r} names more than a source and a provider",
                "write it as 2026-12-24..2027-01-02,192.0.2.1,google",
            )
        found[key] = part
    return found


def check_pauses(
    complaints: Complaints, pauses: Iterable[Pause], addresses: Sequence[str], providers: Sequence[str]
) -> None:
    """Note pauses of sources and providers that the plan does not have."""
    for number, pause in enumerate(pauses):
        if pause.source is not None and pause.source not in addresses:
            complaints.add(
                f"pauses.{number}", f"{pause.source} is not in the plan", nearest(pause.source, addresses)
            )
        if pause.provider is not None and pause.provider not in providers:
            complaints.add(
                f"pauses.{number}",
                f"the mix has no provider {pause.provider!r}",
                nearest(pause.provider, providers),
            )


def parse_holidays(
    given: str | Iterable[str | date] | None, *, start: date, base: Path | None = None
) -> tuple[date, ...]:
    """Read holidays: dates, ``2026-12-24..2026-12-26``, ``country:DE``, ``country:DE-BY``, or a file.

    A file holds a date a line, with anything after it, ``#`` starting a comment; or it is an
    iCalendar file, of whose events the first days count.

    Args:
        given: Text joined by commas, or a list of texts and dates.
        start: First day of the plan: a country's holidays are taken for its year and ten more.
        base: Folder that a relative file name starts from.

    Returns:
        The days, sorted, each once.

    Raises:
        PlanError: A word cannot be read, a file or a country cannot be found.
        DataError: A file holds something else.
    """
    complaints = Complaints()
    days: set[date] = set()
    words = given.split(",") if isinstance(given, str) else list(given or ())
    for word in words:
        if isinstance(word, str) and not word.strip():
            continue
        days.update(complaints.attempt(lambda word=word: list(_holidays(word, start, base)), []))  # type: ignore[misc]
    if len(days) > HOLIDAYS_MAX:
        complaints.add("holidays", f"{len(days):,} days", f"give at most {HOLIDAYS_MAX:,}")
    complaints.settle()
    return tuple(sorted(days))


def _holidays(word: str | date, start: date, base: Path | None) -> Iterator[date]:
    if not isinstance(word, str):
        yield read_date("holidays", word)
        return
    word = word.strip()
    if word.startswith("country:"):
        yield from _country(word, start.year)
    elif _DATE.match(word):
        first, dots, last = word.partition("..")
        begin = read_date("holidays", first)
        end = read_date("holidays", last) if dots else begin
        if not begin <= end <= begin + timedelta(days=HOLIDAYS_MAX):
            raise PlanError.of("holidays", f"{word} is no range of days", "write the earlier day first")
        for number in range((end - begin).days + 1):
            yield begin + timedelta(days=number)
    else:
        yield from _from_file((base or Path()) / Path(word).expanduser(), word)


def _country(word: str, year: int) -> list[date]:
    """Public holidays by the package ``holidays``, which knows the rules of countries and regions."""
    match = _COUNTRY.fullmatch(word)
    if match is None:
        raise PlanError.of("holidays", f"{word!r} is no country", "write country:DE or country:DE-BY")
    from importlib import import_module

    try:
        rules: Any = import_module("holidays")
    except ImportError:
        raise PlanError.of(
            "holidays",
            f"{word} needs the package holidays",
            "pip install 'ip-warmup[holidays]', or list the dates",
        ) from None
    country, region = match[1].upper(), match[2] and match[2].upper()
    supported = rules.list_supported_countries()
    if country not in supported:
        raise PlanError.of(
            "holidays", f"no holidays are known of {country}", "write country:DE, or list the dates"
        )
    if region and region not in supported[country]:
        raise PlanError.of(
            "holidays", f"{country} has no region {region}", "known: " + ", ".join(supported[country])
        )
    return list(rules.country_holidays(country, subdiv=region, years=range(year, year + COUNTRY_YEARS)))


def _from_file(path: Path, name: str) -> Iterator[date]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise PlanError.of(
            "holidays",
            f"{name!r} is no date, and no file that can be read: {why}",
            "write 2026-12-25, country:DE or the name of a file",
        ) from None
    if len(raw) > FILE_MAX_BYTES:
        raise DataError.of(f"holidays {name}", "is larger than 1 MiB", "give one date a line")
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError.of(f"holidays {name}", "is not UTF-8 text", "save it as UTF-8") from None
    if lines and lines[0].strip().upper() == "BEGIN:VCALENDAR":
        for line in lines:
            if event := _ICAL.match(line):
                yield read_date(f"holidays {name}", "-".join(event.groups()))
        return
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if not _DATE.match(text) or text[10:11].isalnum():
            raise DataError.of(
                f"holidays {name}",
                f"line {number} holds {text[:40]!r}",
                "begin each line with a date: 2026-12-25",
            )
        yield read_date(f"holidays {name}, line {number}", text[:10])
