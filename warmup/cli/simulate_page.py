"""Comparisons of strategies as pictures, and as one page of HTML that fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from warmup.cli.charts import PALETTE, Series, svg_chart
from warmup.cli.plan_page import HEAD, html_table

if TYPE_CHECKING:
    from warmup.forecast.contest import Meeting, Score
    from warmup.forecast.simulate import Track

__all__ = ["Compared", "compared_page", "panels"]

WIDE, HIGH = 640, 250
"""Pixels of a panel."""

HEADINGS = ("strategy", "delivered", "friction", "blocked days", "90 % on day", "false alarms")

EXPLAINED = (
    "Delivered is a share of what the oracle delivered: it knows the world, and may double a day like the "
    "others. Friction is the share of attempts that were deferred for volume or blocked. Blocked days are "
    "those of the worst draw, the others are medians. A false alarm is a day on which the lane was "
    "suspended, or reduced to less than nine tenths of its best day, though nothing had been refused and "
    "nobody had complained for a week."
)


class Compared(NamedTuple):
    """What happened in one world.

    Attributes:
        name: The world's.
        summary: What it is, in a sentence; may be empty.
        ranges: What is drawn; may be empty.
        scores: The oracle's first.
        first: The first draw, day by day.
    """

    name: str
    summary: str
    ranges: Sequence[str]
    scores: Sequence[Score]
    first: Meeting


def _panel(track: Track, title: str, scale: int) -> str:
    days = track.days
    sent = [max(day.used, day.accepted) for day in days]
    return svg_chart(
        [
            Series("accepted", [day.accepted for day in days]),
            Series("not accepted", [all_ - day.accepted for all_, day in zip(sent, days, strict=True)]),
        ],
        [str(day.day + 1) for day in days],
        title=title,
        marks=Series("cap", [day.opened for day in days]),
        width=WIDE,
        height=HIGH,
        scale=scale,
    )


def _tracks(one: Compared) -> dict[str, Track]:
    return {"oracle": one.first.oracle, **one.first.tracks}


def _scale(one: Compared) -> int:
    return max(max(day.opened, day.accepted) for track in _tracks(one).values() for day in track.days)


def panels(found: Sequence[Compared]) -> str:
    """One picture: cap and mail of each strategy, day by day, in the first draw of each world."""
    drawn = [
        _panel(track, f"{one.name}: {name}", _scale(one))
        for one in found
        for name, track in _tracks(one).items()
    ]
    rows = -(-len(drawn) // 2)
    wide = WIDE * min(2, len(drawn))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {HIGH * rows}" width="{wide}" '
        f'height="{HIGH * rows}" role="img" aria-label="Strategies compared">'
    ]
    for at, panel in enumerate(drawn):
        row, column = divmod(at, 2)
        parts.append(panel.replace("<svg ", f'<svg x="{WIDE * column}" y="{HIGH * row}" ', 1))
    return "\n".join((*parts, "</svg>")) + "\n"


def compared_page(found: Sequence[Compared], title: str) -> Iterator[str]:
    """The page, piece by piece: for each world its table, all strategies in one picture, and each alone."""
    yield HEAD.format(title=escape(title))
    yield f"<h1>{escape(title)}</h1>\n<p>{EXPLAINED} <strong>Worlds are models</strong>: they show what a "
    yield "strategy does with what it is told, and not what a provider will do.</p>\n"
    for one in found:
        yield f"<h2>{escape(one.name)}</h2>\n"
        if one.summary:
            yield f"<p>{escape(one.summary[:1].upper() + one.summary[1:])}.</p>\n"
        if one.ranges:
            yield f"<p>Drawn at random: {escape('; '.join(one.ranges))}.</p>\n"
        yield html_table(HEADINGS, [_row(score) for score in one.scores], texts=1)
        tracks = _tracks(one)
        drawn = [*tracks.items()][: len(PALETTE) - 1]
        left_out = f" {len(tracks) - len(drawn)} more stand below." if len(tracks) > len(drawn) else ""
        picture = svg_chart(
            [Series(name, [day.accepted for day in track.days]) for name, track in drawn],
            [str(day.day + 1) for day in one.first.oracle.days],
            title=f"{one.name}: accepted a day",
            subtitle=f"The first draw.{left_out}",
            kind="lines",
        )
        yield f"<figure>{picture}</figure>\n<div class=small>\n"
        for name, track in tracks.items():
            yield f"<figure>{_panel(track, f'{one.name}: {name}', _scale(one))}</figure>\n"
        yield "</div>\n"
    yield "</body></html>\n"


def _row(score: Score) -> list[str]:
    return [
        score.strategy,
        f"{100 * score.delivered:.1f} %",
        f"{100 * score.friction:.2f} %",
        str(score.blocked_days),
        "-" if score.days_to_90 is None else f"{score.days_to_90:g}",
        f"{score.false_alarms:g}",
    ]
