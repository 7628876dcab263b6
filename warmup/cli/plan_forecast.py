"""What a plan makes of a demand, for people and for machines: the words and pictures of a forecast."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from warmup.cli.charts import Series, svg_chart, text_chart
from warmup.cli.output import is_ascii
from warmup.cli.plan_page import html_table
from warmup.cli.plan_table import HEADING_MAX, heading

if TYPE_CHECKING:
    from warmup.forecast.outlook import Outlook
    from warmup.forecast.result import Forecast, ProviderForecast

__all__ = ["csv", "page", "picture", "table"]

FOLDED_FROM = 46
"""Days from which a table shows weeks."""

WIDTH = 80
"""Columns of a table."""

WEEK = 7
PROVIDER_HEADINGS = ("provider", "arrives", "goes", "late", "waits", "half", "95 %", "worst", "warm from")
TITLE_MAX = 80
FIGURES = ("arrived", "caps", "released", "waiting", "overflow")


def table(seen: Outlook, notes: Sequence[str], out: Any) -> Iterator[str]:
    """The forecast at 80 columns: days or weeks, providers, lanes that are not warm, scores."""
    found = seen.forecast
    width = WEEK if found.days >= FOLDED_FROM else 1
    yield textwrap.fill(
        f"{found.plan.target:,} a day once warm, curve {found.plan.curve.name}: {found.demand}", 80
    )
    yield "\n"
    for note in notes:
        yield textwrap.fill(note, 80, subsequent_indent="  ") + "\n"
    yield "\n"
    for sentence in found.summary():
        yield textwrap.fill(sentence, 80, subsequent_indent="  ") + "\n"
    yield "\n"
    yield from _aligned(_days(found, width))
    yield "\n"
    drawn = _sums(found)["released"]
    labels = [found.start.isoformat(), found.date_of(found.days - 1).isoformat()]
    for line in text_chart(drawn, labels=labels, width=80, ascii_only=is_ascii(out)):
        yield line + "\n"
    yield "\n"
    yield from _aligned(*_fitted([list(PROVIDER_HEADINGS), *_providers(found)]))
    yield "Half, 95 % and all (worst) of what goes: days from its arrival.\n\n"
    yield from _scores(seen)


def _days(found: Forecast, width: int) -> list[list[str]]:
    """Headings and a row for each so many days: sums, and what waits at the end of the last one."""
    rows = [["week of" if width > 1 else "date", "arrives", "cap", "goes", "waits", "late"]]
    sums = _sums(found)
    for at in range(0, found.days, width):
        part = slice(at, min(at + width, found.days))
        cells = [
            sum(sums["arrived"][part]),
            sum(sums["caps"][part]),
            sum(sums["released"][part]),
            sums["waiting"][part.stop - 1],
            sum(sums["overflow"][part]),
        ]
        rows.append([found.date_of(at).isoformat(), *(f"{cell:,}" for cell in cells)])
    return rows


def _providers(found: Forecast) -> list[list[str]]:
    return [_provider(found, one) for one in found.providers if sum(one.arrived) or sum(one.caps)]


def _scores(seen: Outlook) -> Iterator[str]:
    for name, score in (("what goes", seen.planned), ("the demand as it comes", seen.unshaped)):
        if score is not None:
            yield f"Consistency of {name}: {score.score:g} of 100.\n"
    if seen.smoothed:
        yield f"Smoothed once warm, from {min(seen.smoothed.values())} on.\n"
    elif seen.smoothed is not None:
        yield "Nothing is smoothed: no provider's lanes are all warm before the last day.\n"


def _provider(found: Forecast, one: ProviderForecast) -> list[str]:
    days = [end.warm_on for end in found.ends if end.key.provider == one.provider]
    known = [day for day in days if day is not None]
    warm = max(known).isoformat() if known and len(known) == len(days) else "later"
    delays = one.delays
    waits = [delays.median, delays.most, delays.worst] if delays.total else [None] * 3
    figures = [sum(one.arrived), sum(one.released), sum(one.overflow), one.waiting[-1]]
    return [
        one.provider,
        *(f"{figure:,}" for figure in figures),
        *("-" if wait is None else str(wait) for wait in waits),
        warm,
    ]


def _fitted(rows: list[list[str]]) -> tuple[list[list[str]], int]:
    """The rows with names that leave a line at 80 columns, and the gap between columns.

    Long names are shortened, or cut; before one with a short form is cut, the gap is narrowed.
    """
    others = [max(map(len, column)) for column in list(zip(*rows, strict=True))[1:]]
    for gap in (2, 1):
        room = max(8, WIDTH - sum(others) - gap * len(others))
        if room >= HEADING_MAX:
            break
    return [[heading(row[0], room), *row[1:]] for row in rows], gap


def _sums(found: Forecast) -> dict[str, list[int]]:
    return {
        name: [sum(day) for day in zip(*(getattr(one, name) for one in found.providers), strict=True)]
        for name in FIGURES
    }


def _aligned(rows: list[list[str]], gap: int = 2) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield (gap * " ").join(cells).rstrip() + "\n"


def csv(seen: Outlook) -> Iterator[str]:
    """A row a day and provider."""
    found = seen.forecast
    yield "date,provider,arrives,cap,goes,waits,late\n"
    for at in range(found.days):
        day = (found.start + timedelta(days=at)).isoformat()
        for one in found.providers:
            figures = (getattr(one, name)[at] for name in FIGURES)
            yield f"{day},{one.provider},{','.join(map(str, figures))}\n"


def picture(seen: Outlook, provider: str | None = None, *, width: int = 960, height: int = 480) -> str:
    """Arrivals, what goes and what waits as lines, the cap dashed above them."""
    found = seen.forecast
    sums = _sums(found)
    if provider is not None:
        one = found.provider(provider)
        sums = {name: list(getattr(one, name)) for name in FIGURES}
    return svg_chart(
        [
            Series("arrives", sums["arrived"]),
            Series("goes", sums["released"]),
            Series("waits", sums["waiting"]),
        ],
        [found.date_of(at).isoformat() for at in range(found.days)],
        title=provider or textwrap.shorten(found.demand, TITLE_MAX, placeholder=" ..."),
        subtitle="Deliveries a day." if provider else "Deliveries a day, all providers together.",
        kind="lines",
        marks=Series("cap", sums["caps"]),
        width=width,
        height=height,
    )


def page(seen: Outlook, notes: Sequence[str]) -> Iterator[str]:
    """The forecast's part of the page."""
    found = seen.forecast
    yield f"<h2>Against {escape(found.demand)}</h2>\n<ul>\n"
    for sentence in (*found.summary(), *notes, *_scores(seen)):
        yield f"<li>{escape(sentence.strip())}</li>\n"
    yield f"</ul>\n<figure>{picture(seen)}</figure>\n"
    yield '<div class="small">\n'
    for one in found.providers:
        if sum(one.arrived):
            yield f"<figure>{picture(seen, one.provider, width=480, height=260)}</figure>\n"
    yield "</div>\n<h2>Providers</h2>\n"
    yield html_table(PROVIDER_HEADINGS, _providers(found), texts=1)
    yield "<p class=note>Half, 95 % and all (worst) of what goes: days from its arrival.</p>\n"
    yield "<h2>What becomes of it</h2>\n"
    headings, *rows = _days(found, WEEK if found.days >= FOLDED_FROM else 1)
    yield html_table(tuple(headings), rows, texts=1)
