"""A lane's days as a picture: cap and accepted, deferred, refused, complaints, and its standing.

Each kind of number has a panel and a scale of its own, and its name beside it, so that nothing has to
be told apart by colour. Words that others wrote are escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

from warmup.cli.charts import Series, svg_chart
from warmup.cli.plan_page import HEAD, html_table

__all__ = ["page", "picture"]

WIDTH, TOP, PANEL, STRIP = 960, 330, 150, 64
LEFT, RIGHT = 64, 34
LETTER_MIN, WORD_UNIT = 12, 8
"""Pixels of a letter in the strip of standings."""

DEFERRED = ("volume_limited",)
REFUSED = ("ip_reputation_block", "blocklisted", "domain_block")
UNPROVED = ("auth_failure",)
BOUNCED = ("invalid_recipient", "late_bounce")
COMPLAINED = ("complained",)

PANELS = (
    ("deferred for volume", "deferred", DEFERRED),
    ("refused", "refused", REFUSED),
    ("failed authentication", "failed", UNPROVED),
    ("unknown mailboxes", "unknown", BOUNCED),
    ("complaints", "complaints", COMPLAINED),
)
LEGEND = max(len("accepted"), *(len(short) for _, short, _ in PANELS))
"""Letters of every legend: as wide in each panel, so that a day stands above itself."""

GAP_MAX = 400
"""Days without a window that are drawn as empty ones; a longer gap is drawn as none."""

HATCH = {
    "ramping": "none",
    "warm": "none",
    "reduced": "url(#thin)",
    "suspended": "url(#thick)",
    "paused": "url(#dots)",
    "cold": "url(#dots)",
}
"""Standings that hold a lane back are hatched; all of them are written out or begun with their letter."""

Day = Mapping[str, Any]


def _wide(name: str) -> str:
    return name.ljust(LEGEND, "\N{NO-BREAK SPACE}")


def _every(days: Sequence[Day]) -> Iterator[Day]:
    """The days, and empty ones where the engine saw none."""
    before: Day | None = None
    for day in days:
        if before is not None:
            first, last = (date.fromisoformat(one["date"]) for one in (before, day))
            for at in range(1, (last - first).days if (last - first).days <= GAP_MAX else 1):
                yield {
                    "date": (first + timedelta(days=at)).isoformat(),
                    "cap": 0,
                    "accepted": 0,
                    "evidence": {},
                    "standing": before["standing"],
                }
        yield day
        before = day


def _sum(days: Sequence[Day], kinds: Sequence[str]) -> list[int]:
    return [sum(day["evidence"].get(kind, 0) for kind in kinds) for day in days]


def picture(title: str, days: Sequence[Day]) -> str:
    """Draw a lane's days as SVG that needs nothing else.

    Args:
        title: Heading.
        days: Facts of the days, as :func:`warmup.engine.story.explain_lane` gives them.
    """
    days = list(_every(days))
    labels = [day["date"] for day in days]
    panels = [(name, short, _sum(days, kinds)) for name, short, kinds in PANELS]
    panels = [panel for panel in panels if any(panel[2])]
    height = TOP + PANEL * len(panels) + STRIP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">'
    ]
    if not days:
        parts.append(f'<text x="{LEFT}" y="40">{escape(title)}: no day yet</text></svg>\n')
        return "\n".join(parts)
    caps = Series(_wide("cap"), [day["cap"] for day in days])
    accepted = Series(_wide("accepted"), [day["accepted"] for day in days])
    parts.append(
        _placed(
            svg_chart([accepted], labels, title=title, subtitle="Deliveries a day.", marks=caps, height=TOP),
            0,
        )
    )
    at = TOP
    for name, short, values in panels:
        chart = svg_chart([Series(_wide(short), values)], labels, title=f"{name} a day", height=PANEL)
        parts.append(_placed(chart, at))
        at += PANEL
    parts += _strip(days, at)
    return "\n".join((*parts, "</svg>")) + "\n"


def _placed(chart: str, y: int) -> str:
    return chart.replace("<svg ", f'<svg y="{y}" ', 1).rstrip()


def _runs(days: Sequence[Day]) -> Iterator[tuple[int, int, str]]:
    """Stretches of days with the same standing: first, past the last, standing."""
    start = 0
    for at in range(1, len(days) + 1):
        if at == len(days) or days[at]["standing"] != days[start]["standing"]:
            yield start, at, days[start]["standing"]
            start = at


def _strip(days: Sequence[Day], y: int) -> Iterator[str]:
    across = WIDTH - LEFT - RIGHT - 8 * LEGEND  # as wide as the panels
    yield (
        '<defs><pattern id="thin" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path d="M0 6L6 0" stroke="#888" stroke-width="1"/></pattern>'
        '<pattern id="thick" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path d="M0 6L6 0M0 0L6 6" stroke="#777" stroke-width="1.5"/></pattern>'
        '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<circle cx="3" cy="3" r="1" fill="#777"/></pattern></defs>'
    )
    yield f'<text class="e" x="{LEFT - 8}" y="{y + 27}">standing</text>'
    for first, past, standing in _runs(days):
        left = LEFT + across * first // len(days)
        wide = LEFT + across * past // len(days) - left
        span = days[first]["date"] + ("" if past - first == 1 else f" to {days[past - 1]['date']}")
        yield (
            f'<rect x="{left}" y="{y + 10}" width="{max(1, wide)}" height="26" '
            f'fill="{HATCH.get(standing, "none")}" stroke="#888">'
            f"<title>{escape(standing)}, {span}</title></rect>"
        )
        word = (
            standing
            if wide >= WORD_UNIT * len(standing)
            else standing[0].upper()
            if wide >= LETTER_MIN
            else ""
        )
        if word:
            yield (
                f'<text class="m" x="{left + wide // 2}" y="{y + 27}" stroke="#fff" stroke-width="3" '
                f'paint-order="stroke" style="fill:#333">{escape(word)}</text>'
            )
    note = "standing when a day ended, or its letter; hatched: reduced, suspended; dotted: paused, cold"
    yield f'<text x="{LEFT}" y="{y + 54}">{note}</text>'


def page(title: str, lines: Sequence[str], days: Sequence[Day]) -> str:
    """A lane's picture, its story and its days as one page of HTML that fetches nothing."""
    heads = ("date", "standing", "step", "cap", "used", "accepted", *(name for name, _, _ in PANELS))
    sums = [_sum(days, kinds) for _, _, kinds in PANELS]
    rows = [
        [*(str(day[key]) for key in heads[:6]), *(str(values[at]) for values in sums)]
        for at, day in enumerate(days)
    ]
    return "".join(
        (
            HEAD.format(title=escape(title)),
            f"<h1>{escape(title)}</h1>\n<figure>{picture(title, days)}</figure>\n<h2>Story</h2>\n<ul>\n",
            *(f"<li>{escape(line)}</li>\n" for line in lines),
            "</ul>\n<h2>Days</h2>\n",
            html_table(heads, rows, texts=2),
            "</body></html>\n",
        )
    )
