"""Pictures of days: columns for a terminal, and SVG for a page or a file.

Nothing here knows what the numbers mean. SVG is drawn on a transparent ground with colours that
read on white and on black alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

__all__ = ["PALETTE", "Series", "compact", "nice_step", "svg_chart", "text_chart"]

PALETTE = (
    "#0f7fc4",
    "#e69f00",
    "#17a17a",
    "#c94f7c",
    "#8a63d2",
    "#d55e00",
    "#4bb7d8",
    "#9aa320",
    "#b07a4f",
    "#5b74d6",
    "#d98bb0",
    "#8c8c8c",
)
"""Twelve colours; neighbours differ in lightness too, for print and for eyes that see few colours."""

_RESTS = frozenset({"other", "rest"})
_BLOCKS = " ▁▂▃▄▅▆▇█"


class Series(NamedTuple):
    """A name and a number for each day."""

    name: str
    values: Sequence[int]


def compact(number: int) -> str:
    """Write a number in a few characters: 950, 12.5k, 3M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size and (number >= 10 * size or number % (size // 10) == 0):
            whole, part = divmod(number * 10 // size, 10)
            return f"{whole}.{part}{unit}" if part and whole < 1000 else f"{whole}{unit}"
    return str(number)


def nice_step(most: int, steps: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that covers ``most`` in a number of steps."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * steps >= most:
                return factor * power
        power *= 10


def text_chart(
    bars: Sequence[int],
    *,
    labels: Sequence[str],
    marks: Sequence[int] | None = None,
    width: int = 80,
    height: int = 10,
    ascii_only: bool = False,
) -> list[str]:
    """Draw a column for each day, and a mark where another number of that day stands.

    More days than columns are drawn in whole weeks, each by its largest value, and the picture says so.

    Args:
        bars: Numbers of 0 or more, one a day.
        labels: What stands under the first and under the last column, among others.
        marks: Numbers to mark in the same columns, such as a cap over what was sent.
        width: Characters a line may take.
        height: Lines of the picture, without the line below it.
        ascii_only: Draw with ``#`` instead of block characters.
    """
    if not bars:
        return []
    step = nice_step(max(1, *bars, *(marks or ())), 5)
    top = step * max(1, -(-max(1, *bars, *(marks or ())) // step))
    gutter = max(len(compact(value)) for value in range(0, top + 1, step)) + 2
    room = max(8, width - gutter)
    group = -(-len(bars) // room)
    group = group if group == 1 else 7 * -(-group // 7)
    heights = [max(bars[at : at + group]) for at in range(0, len(bars), group)]
    dots = [max(marks[at : at + group]) for at in range(0, len(marks), group)] if marks else None
    broad = max(1, min(6, room // len(heights)))
    ticks = {max(0, value * height // top - (value > 0)): compact(value) for value in range(0, top + 1, step)}
    lines = []
    for row in range(height - 1, -1, -1):
        cells = []
        for index, value in enumerate(heights):
            eighths = min(8, max(0, value * height * 8 // top - row * 8))
            if value and not eighths and row == 0:
                eighths = 1
            mark = dots is not None and min(height - 1, dots[index] * height // top) == row
            cells.append(_cell(eighths, mark, broad, ascii_only))
        axis = "|" if ascii_only else "┤" if row in ticks else "│"
        lines.append(f"{ticks.get(row, ''):>{gutter - 2}} {axis}{''.join(cells)}".rstrip())
    span = broad * len(heights)
    rule = ("-" if ascii_only else "─") * span
    lines.append(" " * (gutter - 1) + ("+" if ascii_only else "└") + rule)
    lines.append(" " * gutter + _below(labels, span, group))
    return [line.rstrip() for line in lines]


def _below(labels: Sequence[str], span: int, group: int) -> str:
    """What stands under the columns: the first label, what a column is, and the last label, as room is."""
    first, last = labels[0], labels[-1] if len(labels) > 1 else ""
    if len(first) + len(last) + 2 > span:
        last = ""
    says = f"a column: the largest of {group} days" if group > 1 else ""
    free = span - len(first) - len(last)
    return first + (says if len(says) + 4 <= free else "").center(free) + last


def _cell(eighths: int, mark: bool, broad: int, ascii_only: bool) -> str:
    """One row of one column; a gap is left between columns that are broad enough."""
    gap = broad > 2
    if ascii_only:
        glyph = "#" if eighths >= 4 else "." if eighths else " "
        glyph = "=" if mark and eighths < 8 else glyph
    else:
        glyph = "─" if mark and eighths < 8 else _BLOCKS[eighths]
    return glyph * (broad - gap) + " " * gap


def svg_chart(
    series: Sequence[Series],
    labels: Sequence[str],
    *,
    title: str,
    subtitle: str = "",
    kind: Literal["stack", "lines"] = "stack",
    marks: Series | None = None,
    width: int = 960,
    height: int = 480,
    scale: int = 1,
) -> str:
    """Draw days as stacked columns, or as a line for each series.

    Args:
        series: At least one; more than twelve are drawn as eleven and the rest.
        labels: What each day is called; as many as there are values.
        title: Heading, and what a screen reader says.
        subtitle: A line below the heading.
        kind: ``stack`` or ``lines``.
        marks: One more series, drawn as a dashed line of steps over the rest, such as a cap.
        width: Pixels; the picture scales.
        height: Pixels.
        scale: The axis reaches at least so high, so that several pictures can be compared.
    """
    series = _merged(series)
    days = len(labels)
    totals = [sum(values) for values in zip(*(s.values for s in series), strict=True)]
    highest = totals if kind == "stack" else [max(s.values, default=0) for s in series]
    most = max(1, scale, *highest, *(marks.values if marks else ()))
    step = nice_step(most, 5)
    top = step * -(-most // step)
    names = [s.name for s in series] + ([marks.name] if marks else [])
    left, above, below = 64, 62 if subtitle else 46, 44
    right = 34 + 8 * max(map(len, names))
    across, tall = width - left - right, height - above - below

    def x(day: int) -> str:
        return _number(left * 100 + across * 100 * day // max(1, days))

    def y(value: int) -> str:
        return _number((above + tall) * 100 - tall * 100 * value // top)

    parts = [_HEAD.format(width=width, height=height, title=_escape(title))]
    parts.append(f'<text class="h" x="{left}" y="26">{_escape(title)}</text>')
    if subtitle:
        parts.append(f'<text x="{left}" y="46">{_escape(subtitle)}</text>')
    for value in range(0, top + 1, step):
        parts.append(f'<path class="g" d="M{left} {y(value)}H{left + across}"/>')
        parts.append(f'<text class="e" x="{left - 8}" y="{y(value)}" dy="4">{value:,}</text>')
    for day in _ticks(labels, across):
        middle = _number(left * 100 + across * 100 * (2 * day + 1) // (2 * max(1, days)))
        parts.append(f'<path class="g" d="M{middle} {above + tall}v5"/>')
        parts.append(f'<text class="m" x="{middle}" y="{above + tall + 20}">{_escape(labels[day])}</text>')
    # The rest is grey; what has a name has a colour.
    colours = [PALETTE[-1] if s.name in _RESTS else PALETTE[index % 11] for index, s in enumerate(series)]
    if kind == "stack":
        parts += _stack(series, colours, x, y, 15 if across > 5 * days else 0, across * 100 // max(1, days))
    else:
        for s, colour in zip(series, colours, strict=True):
            parts.append(
                f'<path fill="none" stroke="{colour}" stroke-width="2" d="{_steps(s.values, x, y)}"/>'
            )
    if marks:
        parts.append(f'<path class="c" d="{_steps(marks.values, x, y)}"/>')
    legend = list(zip([s.name for s in series], colours, strict=True))
    for row, (name, colour) in enumerate(reversed(legend) if kind == "stack" else legend):
        at = above + 6 + 20 * row
        parts.append(
            f'<rect x="{left + across + 14}" y="{at}" width="11" height="11" rx="2" fill="{colour}"/>'
        )
        parts.append(f'<text x="{left + across + 31}" y="{at + 10}">{_escape(name)}</text>')
    if marks:
        at = above + 12 + 20 * len(legend)
        parts.append(f'<path class="c" d="M{left + across + 12} {at}h15"/>')
        parts.append(f'<text x="{left + across + 31}" y="{at + 4}">{_escape(marks.name)}</text>')
    return "\n".join((*parts, "</svg>")) + "\n"


_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-label="{title}">
<style>
text {{ font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #777; }}
.h {{ font-size: 16px; font-weight: 600; }} .e {{ text-anchor: end; }} .m {{ text-anchor: middle; }}
.g {{ stroke: #888; stroke-opacity: .35; fill: none; }}
.c {{ stroke: #777; stroke-width: 1.5; stroke-dasharray: 4 3; fill: none; }}
</style>"""


def _escape(text: str) -> str:
    """Make text safe inside markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _number(hundredths: int) -> str:
    """Write hundredths of a pixel, shortest first: 12, 12.5, 12.25."""
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")


def _merged(series: Sequence[Series]) -> list[Series]:
    """At most as many series as there are colours: the smallest become one."""
    kept = list(series)
    if len(kept) <= len(PALETTE):
        return kept
    order = sorted(kept, key=lambda s: -sum(s.values))
    small = order[len(PALETTE) - 1 :]
    rest = Series("rest", [sum(day) for day in zip(*(s.values for s in small), strict=True)])
    return [s for s in kept if s not in small] + [rest]


def _ticks(labels: Sequence[str], across: int) -> list[int]:
    """Days whose labels are written: evenly spaced, the first among them."""
    fits = max(1, across // (9 * max(map(len, labels), default=1)))
    every = nice_step(len(labels), fits)
    every = next((days for days in (1, 2, 5, 7, 14, 28) if days >= every), every)
    return list(range(0, len(labels), every))


def _stack(
    series: Sequence[Series],
    colours: Sequence[str],
    x: Callable[[int], str],
    y: Callable[[int], str],
    gap: int,
    slot: int,
) -> list[str]:
    """One path for each series; ``gap`` hundredths of a ``slot`` (in hundredths of a pixel) stay free."""
    wide = _number(slot * (100 - gap) // 100)
    base = [0] * len(series[0].values)
    paths = []
    for s, colour in zip(series, colours, strict=True):
        runs = []
        for day, value in enumerate(s.values):
            if value:
                runs.append(f"M{x(day)} {y(base[day])}V{y(base[day] + value)}h{wide}V{y(base[day])}z")
                base[day] += value
        paths.append(f'<path fill="{colour}" d="{"".join(runs)}"><title>{_escape(s.name)}</title></path>')
    return paths


def _steps(values: Sequence[int], x: Callable[[int], str], y: Callable[[int], str]) -> str:
    """A line that runs level over each day."""
    start = f"M{x(0)} {y(values[0])}" if values else ""
    return start + "".join(f"V{y(value)}H{x(day + 1)}" for day, value in enumerate(values))
