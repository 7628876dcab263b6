"""Making a plan from what a person gives: read everything, report every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from warmup.errors import PlanError
from warmup.plan.calendar import zone_of
from warmup.plan.curves import parse_curve
from warmup.plan.formulas import STEP_MAX, Ses
from warmup.plan.mix import Mix, parse_mix
from warmup.plan.patterns import FLAT, Pattern, parse_pattern
from warmup.plan.plan import EVERY_DAY, Plan
from warmup.plan.sources import Given, PlannedSource, parse_ips, share_out
from warmup.plan.words import YEAR_MIN, Complaints, exact, read_date

if TYPE_CHECKING:
    from warmup.contracts import Curve
    from warmup.plan.rest import Pause

__all__ = ["DAYS", "TARGET_MAX", "parse_weekdays", "plan"]

TARGET_MAX = 10**9
DAYS = 45
"""Days of a preview unless said: as long as the curve that is the default takes."""


def parse_weekdays(weights: str | Sequence[object]) -> tuple[Fraction, ...]:
    """Scale the weights of Monday to Sunday so that the largest is 1: no day exceeds the curve.

    Args:
        weights: Seven, Monday first, as numbers or as text joined by commas; or the days on which
            something is sent: ``mon-fri``, ``mon,wed,fri``.

    Raises:
        PlanError: There are not seven, or none is above 0; or a word is no weekday.
    """
    if isinstance(weights, str):
        from warmup.plan.rest import sending_days

        days = sending_days(weights)
        if days is None and any(letter.isalpha() for letter in weights):
            raise PlanError.of("weekdays", f"{weights!r} names no days", "write mon-fri, or seven weights")
        weights = weights.split(",") if days is None else days
    if len(weights) != 7:
        raise PlanError.of(
            "weekdays", f"{weights!r} is not seven weights", "give one for each day, Monday first"
        )
    complaints = Complaints()
    numbers = [
        complaints.attempt(lambda index=index, weight=weight: exact(f"weekdays.{index}", weight), Fraction(1))  # type: ignore[misc]
        for index, weight in enumerate(weights)
    ]
    complaints.settle()
    largest = max(numbers)
    if not largest:
        raise PlanError.of("weekdays", "no day has any weight", "give at least one day a weight above 0")
    return tuple(number / largest for number in numbers)


def plan(
    target: int,
    *,
    start: date | str | None = None,
    curve: str | Path | Sequence[int] | Curve = "ses",
    ips: Given = 1,
    days: int = DAYS,
    mix: str | Mapping[str, object] | Mix = "us",
    timezone: str = "UTC",
    pattern: str | Sequence[int] | Pattern = "waking",
    weekdays: str | Sequence[object] | None = None,
    holidays: str | Iterable[str | date] | None = None,
    pauses: Iterable[str | Mapping[str, object] | Pause] = (),
    shares: Mapping[str, int] | None = None,
    base: Path | None = None,
) -> Plan:
    """Plan a warm-up. Pure: the same arguments give the same plan, bit for bit.

    Args:
        target: Deliveries a day that all sources together shall carry once warm, 1 to 1,000,000,000.
        start: The first day. May be left out where every IP has a date of its own.
        curve: Cap of one source by step; see :func:`warmup.plan.parse_curve`.
        ips: How many sources, or their addresses; ``A@2026-12-01,B@2026-12-08`` staggers them.
        days: Days of the preview, 1 to 3,650.
        mix: Shares of the providers: a profile (us, uk, de, fr, pl, b2b), text or a mapping.
        timezone: IANA zone whose calendar days are the windows.
        pattern: Shape of a day: flat, office, waking, or 24 weights.
        weekdays: Seven weights, Monday first, or ``mon-fri``; all the same unless given.
        holidays: Days of rest: dates, ``country:DE``, or a file; see
            :func:`warmup.plan.rest.parse_holidays`.
        pauses: Rest from day to day, of the whole plan, a source, a provider or a lane:
            ``2026-12-24..2027-01-02,192.0.2.1,google``.
        shares: What single sources shall carry; the others share the rest of the target evenly.
        base: Folder that a curve's relative file name starts from.

    Raises:
        PlanError: Something is wrong; every problem found is listed.
        DataError: The curve's file holds something else than a curve.
    """
    complaints = Complaints()
    fallback: Curve = Ses()
    nobody: list[tuple[str, date | None]] = []
    _check_whole(complaints, "target", target, TARGET_MAX)
    _check_whole(complaints, "days", days, STEP_MAX)
    first = None if start is None else complaints.attempt(lambda: read_date("start", start), None)
    found_curve = complaints.attempt(lambda: parse_curve(curve, base=base), fallback)
    addresses = complaints.attempt(lambda: parse_ips(ips), nobody)
    found_mix = complaints.attempt(lambda: parse_mix(mix), None)
    complaints.attempt(lambda: zone_of(timezone), None)
    found_pattern = complaints.attempt(lambda: parse_pattern(pattern), FLAT)
    found_weekdays = complaints.attempt(
        lambda: parse_weekdays(EVERY_DAY if weekdays is None else weekdays), EVERY_DAY
    )
    if start is None:
        if addresses and all(when for _, when in addresses):
            first = min(when for _, when in addresses if when)
        elif addresses:  # else the sources are wrong themselves
            complaints.add("start", "missing", "give the first day, such as 2026-12-01")
    rest: tuple[date, ...] = ()
    found_pauses: tuple[Pause, ...] = ()
    if holidays is not None or pauses:
        from warmup.plan.rest import check_pauses, parse_holidays, parse_pauses

        since = first or date(YEAR_MIN, 1, 1)
        rest = complaints.attempt(lambda: parse_holidays(holidays, start=since, base=base), rest)
        found_pauses = complaints.attempt(lambda: parse_pauses(pauses), found_pauses)
        if addresses and found_mix is not None:
            named = [address for address, _ in addresses]
            check_pauses(complaints, found_pauses, named, found_mix.providers)
    for address, when in addresses:
        if first and when and when < first:
            complaints.add(
                f"ips.{address}",
                f"starts on {when}, before the plan does on {first}",
                "let the plan start earlier",
            )
    complaints.settle()
    assert first is not None and found_mix is not None
    given = share_out(target, [address for address, _ in addresses], shares or {})
    return Plan(
        curve=found_curve,
        target=target,
        days=days,
        start=first,
        zone=timezone,
        pattern=found_pattern,
        weekdays=found_weekdays,
        mix=found_mix,
        sources=tuple(
            PlannedSource(address, when or first, share)
            for (address, when), share in zip(addresses, given, strict=True)
        ),
        holidays=rest,
        pauses=found_pauses,
    )


def _check_whole(complaints: Complaints, field: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        complaints.add(field, f"{value!r} is not a whole number", "write it as 50000")
    elif not 1 <= value <= most:
        complaints.add(field, f"{value:,} is out of range", f"use a number from 1 to {most:,}")
