"""A plan as a table for people: a row a day, a picture, and what is worth knowing, at 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from warmup.cli.charts import text_chart
from warmup.cli.output import is_ascii
from warmup.plan.advice_volume import KEPT_WARM, TRACKED
from warmup.plan.reach import reach

if TYPE_CHECKING:
    from warmup.cli.plan_reading import Reading
    from warmup.plan import Plan

__all__ = ["HEADING_MAX", "advice", "heading", "table"]

HEADING_MAX = 12
IPS_LISTED_MAX = 8
REACH_MAX = 20

_SHORT = {"microsoft_consumer": "microsoft"}
"""Headings for ids that are long; ``--mix`` takes the short names too."""


def table(plan: Plan, by: str, out: Any, reading: Reading) -> Iterator[str]:
    """A table for people: a row a day, or a day and an IP; then a picture, and what is worth knowing."""
    ascii_only = is_ascii(out)
    count = len(plan.sources)
    ips = plan.sources[0].address if count == 1 else f"{count:,} IPs"
    yield f"{plan.target:,} deliveries a day from {ips}, curve {plan.curve.name}\n"
    yield f"{plan.zone}, pattern {plan.pattern.name}, mix {plan.mix.name}\n"
    rest = sum(plan.rests_everywhere(plan.start + timedelta(days=at)) for at in range(plan.days))
    if rest or plan.pauses:
        pauses = f", pauses {'; '.join(pause.name for pause in plan.pauses)}" if plan.pauses else ""
        yield textwrap.fill(f"{rest} days of rest in these {plan.days}{pauses}", 80) + "\n"
    yield "\n"
    rows, dates, totals = _rows(plan, by)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = 3 if by == "ip" else 2
    for row in rows:
        cells = [
            cell.ljust(width) if 0 < at < texts else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip() + "\n"
    yield "\n"
    for line in text_chart(totals, labels=[dates[0], dates[-1]], width=80, ascii_only=ascii_only):
        yield line + "\n"
    if count > 1:
        yield "\n"
        for source in plan.sources[:IPS_LISTED_MAX]:
            yield f"{source.address} from {source.start}: {source.share:,} a day once warm\n"
        if count > IPS_LISTED_MAX:
            yield f"and {count - IPS_LISTED_MAX:,} more\n"
    if measured := "".join(reading.table()):
        yield f"\n{measured}"
    yield from advice(plan, ascii_only=ascii_only)


def advice(plan: Plan, *, ascii_only: bool = False) -> Iterator[str]:
    """What a person should know before they follow a plan, at 80 columns."""
    found = plan.advice()
    if any(item.code == "below-tracking" for item in found):
        yield from _reach(plan, ascii_only)
    for item in found:
        yield "\n" + textwrap.fill(f"{item.level}: {item.message}", 80, subsequent_indent="  ") + "\n"
        if item.mend:
            arrow = "->" if ascii_only else "→"
            yield textwrap.fill(item.mend, 80, initial_indent=f"  {arrow} ", subsequent_indent="    ") + "\n"


def _reach(plan: Plan, ascii_only: bool) -> Iterator[str]:
    """What the volume means at each provider."""
    words = {
        "warm": "stays warm",
        "known": "tracked",
        "too little": "not tracked",
        "shared": "many hosts",
    }
    yield "\nWhat an IP sends to each provider on a full day once it is warm, and what that\n"
    yield f"means there: several hundred are tracked ({TRACKED} taken here), and about {KEPT_WARM:,}\n"
    yield "keep an IP warm, says AWS.\n"
    found = reach(plan)[:REACH_MAX]
    width = max(len(heading(item.provider)) for item in found)
    digits = max(len(f"{item.volume:,}") for item in found)
    for item in found:
        room = 80 - 2 - width - 2 - digits - 2 - 13
        note = item.note if len(item.note) <= room else ""
        line = f"  {heading(item.provider):<{width}}  {item.volume:>{digits},}  {words[item.level]:<13}{note}"
        yield line.rstrip() + "\n"


def _rows(plan: Plan, by: str) -> tuple[list[list[str]], list[str], list[int]]:
    """Cells of the table with its headings; the dates; the total of each."""
    dates: list[str] = []
    totals: list[int] = []
    numbers: list[tuple[list[str], list[int]]] = []
    for day, on, source, caps in plan.grid():
        if day > len(dates):
            dates.append(on.isoformat())
            totals.append(0)
            if by == "day":
                numbers.append(([str(day), dates[-1]], [0] * len(caps)))
        totals[-1] += sum(caps)
        if by == "ip":
            numbers.append(([str(day), dates[-1], source.address], caps))
        else:
            numbers[-1] = (numbers[-1][0], [a + b for a, b in zip(numbers[-1][1], caps, strict=True)])
    shown = _columns(plan, 13 + (16 if by == "ip" else 0) + len(str(plan.days)))
    places = [plan.providers.index(provider) for provider in shown]
    rest = len(shown) < len(plan.providers)
    names = [heading(provider) for provider in shown] + (["rest"] if rest else [])
    table = [["day", "date", *(["ip"] if by == "ip" else []), "total", *names]]
    for texts, caps in numbers:
        total = sum(caps)
        kept = [caps[place] for place in places]
        cells = [total, *kept, total - sum(kept)] if rest else [total, *kept]
        table.append([*texts, *(f"{cell:,}" for cell in cells)])
    return table, dates, totals


def _columns(plan: Plan, used: int) -> list[str]:
    """The providers that fit beside what is used of 80 columns, the largest first and ``other`` last."""
    order = sorted(plan.mix.shares, key=lambda item: (item[0] == "other", -item[1]))
    widest = len(f"{plan.target:,}")
    room = 80 - used - 2 - widest
    shown: list[str] = []
    for at, (provider, share) in enumerate(order):
        need = 2 + max(len(heading(provider)), len(f"{int(plan.target * share) + 1:,}"))
        reserve = 2 + widest if at < len(order) - 1 else 0
        if need + reserve > room:
            break
        room -= need
        shown.append(provider)
    return shown or [order[0][0]]


def heading(provider: str, room: int = HEADING_MAX) -> str:
    """A provider as the heading of a column: a short name where its id is too long, cut if that is too."""
    name = provider if len(provider) <= room else _SHORT.get(provider, provider)
    return name if len(name) <= room else name[: room - 1] + "~"
