"""A plan's milestones as an iCalendar (RFC 5545), for people who live in their calendar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from warmup.timing import Instant, to_datetime

if TYPE_CHECKING:
    from warmup.forecast.outlook import Outlook
    from warmup.plan import Plan

__all__ = ["calendar"]

ROUND = (1_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000)
"""Daily volumes of all IPs together that are worth a line."""

PARTS = ((1, 4), (1, 2), (3, 4), (1, 1))
LINE_MAX_OCTETS = 75
_DAY = timedelta(days=1)


def calendar(plan: Plan, now: Instant, seen: Outlook | None = None, *, live: bool = False) -> Iterator[str]:
    """Lines of the calendar, CRLF at each end; the events are whole days, in the plan's time zone.

    An event's UID stays the same while the plan is edited, as long as its first IP does.

    Args:
        plan: The plan.
        now: When it is written.
        seen: What becomes of a demand, where there is one.
        live: Whether ``seen`` goes on from lanes as they stand. What the plan would do from its first step
            on is left out then.
    """
    stamp = to_datetime(now).strftime("%Y%m%dT%H%M%SZ")
    for line in ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//warmup//plan//EN", "CALSCALE:GREGORIAN"):
        yield line + "\r\n"
    for on, what, text in sorted(_milestones(plan, seen, live)):
        # A milestone that moves keeps its name, so that a calendar moves it instead of having it twice.
        name = hashlib.sha256(f"{plan.sources[0].address} {what}".encode()).hexdigest()[:24]
        for line in (
            "BEGIN:VEVENT",
            f"UID:{name}@warmup.invalid",
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{on:%Y%m%d}",
            f"DTEND;VALUE=DATE:{on + _DAY:%Y%m%d}",
            f"SUMMARY:{_escaped(text)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ):
            yield from _folded(line)
    yield "END:VCALENDAR\r\n"


def _milestones(plan: Plan, seen: Outlook | None, live: bool) -> Iterator[tuple[date, str, str]]:
    """Day, what it is the milestone of, and the sentence."""
    totals: dict[date, int] = {}
    by_source: dict[str, list[tuple[date, int]]] = {}
    past: date | None = None
    if seen is not None and live:
        past = seen.forecast.start
        for at, day in enumerate(zip(*(one.caps for one in seen.forecast.providers), strict=True)):
            totals[seen.forecast.date_of(at)] = sum(day)
    else:
        for _, on, source, caps in plan.grid():
            totals[on] = totals.get(on, 0) + sum(caps)
            by_source.setdefault(source.address, []).append((on, sum(caps)))
    for source in plan.sources:
        if past is None or source.start >= past:
            yield source.start, f"start {source.address}", f"{source.address} starts"
        for above, below in PARTS:
            for on, cap in by_source.get(source.address, []):
                if cap * below >= source.share * above:
                    yield (
                        on,
                        f"part {source.address} {above}/{below}",
                        f"{source.address} may send {100 * above // below} % of its {source.share:,} a day",
                    )
                    break
    for volume in ROUND:
        reached = next((on for on, total in totals.items() if total >= volume), None)
        if reached is not None and reached != past and volume <= plan.target:
            yield reached, f"volume {volume}", f"{volume:,} a day may go"
    for on in plan.holidays:
        if on in totals:
            yield on, f"holiday {on}", "a holiday: nothing is sent"
    for pause in plan.pauses:
        if past is not None and pause.last < past:
            continue
        whom = " ".join(name for name in (pause.source, pause.provider) if name) or "everything"
        yield pause.first, f"pause {pause.name}", f"{whom} pauses until {pause.last}"
    if seen is not None:
        found = seen.forecast
        for end in found.ends:
            if end.warm_on is not None and end.warm_on != past:
                yield end.warm_on, f"warm {end.key}", f"{end.key} is warm"
        for miss in found.misses:
            what = f"late {miss.on} {miss.stream} {miss.provider}"
            yield miss.on, what, f"{miss.count:,} of {miss.stream} to {miss.provider} miss their deadline"


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """A line of at most 75 octets and its continuations, which begin with a space (section 3.1)."""
    held, size = "", 0
    for sign in line:
        octets = len(sign.encode())
        if size + octets > LINE_MAX_OCTETS:
            yield held + "\r\n"
            held, size = " ", 1
        held += sign
        size += octets
    yield held + "\r\n"
