"""The file of ``warmup state export``, read strictly: what it holds comes from another host.

One JSON object: ``format`` is ``warmup-state``, ``version`` is 1, and ``lanes`` lists objects. Instants are
ISO 8601 in UTC. ``learned`` is the engine's own memory; its instants are microseconds since the Unix
epoch, and keys of a later program are left aside. ``docs/reference/state.md`` has every key.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from warmup.errors import DataError, Problem
from warmup.model import Lane, LaneKey, Learned, Ledger, Standing, Watch, Window
from warmup.timing import DAY, Instant, from_datetime, to_datetime

__all__ = ["VERSION", "LaneState", "WindowState", "read_state", "write_learned", "write_time"]

VERSION = 1

LANES_MAX = 100_000
WINDOWS_MAX = 100
"""Days of one lane: more than any export writes."""
JOURNAL_MAX = 1_000
KINDS_MAX = 100
TEXT_MAX = 2_000
COUNT_MAX = 10**12
STEP_MAX = 1_000_000
PROBLEMS_MAX = 20
"""Problems that are listed; a file that is something else altogether would have thousands."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KIND = re.compile(r"[a-z0-9_]{1,64}")

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class WindowState:
    """A day of a lane, with its evidence by kind."""

    ledger: Ledger
    evidence: Mapping[str, int]
    closed: bool


@attrs.frozen(kw_only=True)
class LaneState:
    """A lane of the file.

    Attributes:
        lane: The lane under its old name; its id means nothing.
        volume: What its step was worth a day; None: nobody said.
        windows: Its days, the earliest first.
        journal: Lines of its story: instant, kind, text.
    """

    lane: Lane
    volume: int | None
    windows: tuple[WindowState, ...]
    journal: tuple[tuple[Instant, str, str], ...]

    @property
    def key(self) -> LaneKey:
        """Its name in the file."""
        return self.lane.key


def write_time(instant: Instant | None) -> str | None:
    """Write an instant as ISO 8601, exactly."""
    return None if instant is None else to_datetime(instant).isoformat().replace("+00:00", "Z")


def write_learned(learned: Learned) -> dict[str, Any]:
    """Write what a lane learned, with what was noticed in its open window."""
    return attrs.asdict(learned)


class _Reader:
    """Reads values and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, field: str, wrong: str, mend: str = "") -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(field, wrong, mend))

    def get(self, of: Mapping[str, Any], at: str, name: str, read: Callable[[Any], T], default: T) -> T:
        """Read one value; what is wrong with it is noted, and the default stands in its place."""
        try:
            return read(of.get(name))
        except ValueError as error:
            self.wrong(f"{at}.{name}", str(error))
            return default

    def rows(self, of: Mapping[str, Any], at: str, name: str, most: int) -> list[Mapping[str, Any]]:
        """Read a list of objects."""
        value = of.get(name)
        where = f"{at}.{name}" if at else name
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.wrong(where, "is no list of objects")
            return []
        if len(value) > most:
            self.wrong(where, f"has {len(value)} entries", f"{most:,} at most")
            return []
        return value


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r:.40} is no whole number from {low} to {high}")
        return value

    return read


def _maybe(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r:.40} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise ValueError(f"{value!r:.40} is no text of up to {TEXT_MAX} characters")
    # PostgreSQL refuses NUL, and no encoding takes a lone surrogate.
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _time(value: Any) -> Instant:
    try:
        read = datetime.fromisoformat(value)
        if read.tzinfo is None or not 1970 <= read.year <= 2999:
            raise ValueError
        return from_datetime(read.astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{value!r:.40} is no instant such as 2026-12-01T09:30:00Z") from None


def _date(value: Any) -> date:
    try:
        if len(value) != 10:
            raise ValueError
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r:.40} is no date such as 2026-12-01") from None


def _zone(value: Any) -> str:
    try:
        return ZoneInfo(_text(value)).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(f"{value!r:.40} is no time zone such as Europe/Berlin") from None


def _address(value: Any) -> str:
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r:.60} is no IP address") from None


def _provider(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{value!r:.40} is no provider's id")
    return value


def _standing(value: Any) -> Standing:
    try:
        return Standing(value)
    except ValueError:
        known = ", ".join(Standing)
        raise ValueError(f"{value!r:.40} is no standing: there are {known}") from None


def _evidence(value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > KINDS_MAX:
        raise ValueError("is no object of counts")
    count = _whole(0, COUNT_MAX)
    for kind in value:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r:.40} is no kind of evidence")
    return {kind: count(number) for kind, number in value.items()}


_MICROSECONDS = _whole(0, 2**62)


def _watch(value: Any) -> Watch:
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return Watch(**{name: _MICROSECONDS(value[name]) for name in attrs.fields_dict(Watch) if name in value})


def _slow(value: Any) -> tuple[int, ...]:
    share = _whole(-1000, 1000)
    if not isinstance(value, list | tuple) or len(value) not in (0, 7):
        raise ValueError("is no list of seven shares, Monday first")
    return tuple(map(share, value))


_LEARNED: dict[str, Callable[[Any], Any]] = {
    **{
        name: _text if isinstance(field.default, str) else _MICROSECONDS
        for name, field in attrs.fields_dict(Learned).items()
        if name not in ("watch", "wall", "slow")
    },
    "wall": _maybe(_whole(0, COUNT_MAX)),
    "slow": _slow,
    "watch": _watch,
}


def read_state(state: object) -> tuple[LaneState, ...]:
    """Read the file's JSON values.

    Raises:
        DataError: It is no such file, of another version, or something in it is wrong: every problem is
            listed, the first twenty at most.
    """
    if not isinstance(state, dict) or state.get("format") != "warmup-state":
        raise DataError.of("format", "this is no file of warmup state export", "give it one")
    if state.get("version") != VERSION or isinstance(state.get("version"), bool):
        raise DataError.of(
            "version",
            f"{state.get('version')!r:.20} is not known to this program, which reads {VERSION}",
            "export it with this program's version, or take the newer program",
        )
    reader = _Reader()
    found = [
        _lane(reader, one, f"lanes[{index}]")
        for index, one in enumerate(reader.rows(state, "", "lanes", LANES_MAX))
    ]
    seen: set[LaneKey] = set()
    for one in found:
        if one.key in seen:
            reader.wrong(str(one.key), "stands twice in the file")
        seen.add(one.key)
    if reader.problems:
        raise DataError(problems=reader.problems)
    return tuple(found)


def _lane(reader: _Reader, of: Mapping[str, Any], at: str) -> LaneState:
    count = _whole(0, COUNT_MAX)
    standing = reader.get(of, at, "standing", _standing, Standing.RAMPING)
    before = reader.get(of, at, "before_pause", _maybe(_standing), None)
    until = reader.get(of, at, "until", _maybe(_time), None)
    if Standing.SUSPENDED in (standing, before) and until is None:
        reader.wrong(f"{at}.until", "is missing: a suspension has an end")
    if (before is not None) != (standing is Standing.PAUSED) or before is Standing.PAUSED:
        reader.wrong(f"{at}.before_pause", "goes with the standing paused, and with no other")
    raw = of.get("learned")
    learned: dict[str, Any] = {}
    if isinstance(raw, dict):
        for name, read in _LEARNED.items():
            if name in raw:
                learned[name] = reader.get(raw, f"{at}.learned", name, read, getattr(Learned(), name))
    elif raw is not None:
        reader.wrong(f"{at}.learned", "is no object")
    lane = Lane(
        id=0,
        key=LaneKey(
            reader.get(of, at, "source", _address, "0.0.0.0"),
            reader.get(of, at, "provider", _provider, "other"),
        ),
        standing=standing,
        step=reader.get(of, at, "step", _whole(1, STEP_MAX), 1),
        cap_limit=reader.get(of, at, "cap_limit", _maybe(count), None),
        until=until,
        before_pause=before,
        backoff_until=reader.get(of, at, "backoff_until", _maybe(_time), None) or 0,
        backoff_reason=reader.get(of, at, "backoff_reason", _text, ""),
        last_used_at=reader.get(of, at, "last_used_at", _maybe(_time), None),
        note=reader.get(of, at, "note", _text, ""),
        learned=Learned(**learned),
    )
    windows = [
        _window(reader, one, f"{at}.windows[{index}]")
        for index, one in enumerate(reader.rows(of, at, "windows", WINDOWS_MAX))
    ]
    windows.sort(key=lambda one: one.ledger.window.starts_at)
    for earlier, later in pairwise(windows):
        if later.ledger.window.starts_at < earlier.ledger.window.ends_at:
            reader.wrong(
                f"{at}.windows", f"{earlier.ledger.window.date} and {later.ledger.window.date} overlap"
            )
        if not earlier.closed:
            reader.wrong(f"{at}.windows", f"{earlier.ledger.window.date} is open, but not the last")
    journal = tuple(
        (
            reader.get(one, f"{at}.journal[{index}]", "at", _time, 0),
            reader.get(one, f"{at}.journal[{index}]", "kind", _text, "")[:20],
            reader.get(one, f"{at}.journal[{index}]", "text", _text, ""),
        )
        for index, one in enumerate(reader.rows(of, at, "journal", JOURNAL_MAX))
    )
    volume = reader.get(of, at, "volume", _maybe(count), None)
    return LaneState(lane=lane, volume=volume, windows=tuple(windows), journal=journal)


def _window(reader: _Reader, of: Mapping[str, Any], at: str) -> WindowState:
    count = _whole(0, COUNT_MAX)
    starts = reader.get(of, at, "starts_at", _time, 0)
    ends = reader.get(of, at, "ends_at", _time, DAY)
    if not starts < ends <= starts + 3 * DAY:
        reader.wrong(f"{at}.ends_at", "is not within three days after starts_at")
    used = reader.get(of, at, "used", count, 0)
    accepted = reader.get(of, at, "accepted", count, 0)
    return WindowState(
        ledger=Ledger(
            id=0,
            window=Window(reader.get(of, at, "date", _date, date(1970, 1, 1)), starts, ends),
            zone=reader.get(of, at, "zone", _zone, "UTC"),
            step=reader.get(of, at, "step", _whole(1, STEP_MAX), 1),
            cap=reader.get(of, at, "cap", count, 0),
            used=used,
            accepted=accepted,
            partial=reader.get(of, at, "partial", _flag, False),
        ),
        evidence=reader.get(of, at, "evidence", _evidence, {}),
        closed=reader.get(of, at, "closed", _flag, True),
    )
