"""Curves in one picture: a line each, on a logarithmic scale, because they lie powers of ten apart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

from warmup.cli.charts import PALETTE, Series, compact

__all__ = ["log_chart"]

DASHES = ("", "8 4", "2 3", "10 3 2 3")
"""With eleven colours and four kinds of line, 44 curves look different."""

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-label="{title}">
<style>
text {{ font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #777; }}
.h {{ font-size: 16px; font-weight: 600; }} .e {{ text-anchor: end; }} .m {{ text-anchor: middle; }}
.g {{ stroke: #888; stroke-opacity: .35; fill: none; }} .l {{ fill: none; stroke-width: 1.8; }}
</style>"""


def log_chart(series: Sequence[Series], *, title: str, subtitle: str, width: int = 960) -> str:
    """Draw days against deliveries a day, a line of steps for each series.

    The ground is transparent and the colours read on white and on black. The legend is in the order
    in which the lines end, from above. A value of 0 lies on the lower edge.

    Args:
        series: At least one; values by day from day 1, all equally many.
        title: Heading, and what a screen reader says.
        subtitle: A line below the heading.
        width: Pixels; the picture scales. It is as high as its legend needs.
    """
    days = len(series[0].values)
    most = max(max(s.values) for s in series)
    least = min((value for s in series for value in s.values if value), default=1)
    low, high = int(log10(least)), max(int(log10(least)) + 1, -int(-log10(max(most, 1)) // 1))
    left, above, below = 64, 66, 48
    right = 52 + 7 * max(len(s.name) for s in series)
    height = max(480, above + below + 18 * len(series))
    across, tall = width - left - right, height - above - below

    def x(day: int) -> str:
        return f"{left + across * day / days:.1f}"

    def y(value: int) -> str:
        part = (log10(value) - low) / (high - low) if value else 0.0
        return f"{above + tall * (1 - max(0.0, min(1.0, part))):.1f}"

    parts = [_HEAD.format(width=width, height=height, title=escape(title))]
    parts.append(f'<text class="h" x="{left}" y="26">{escape(title)}</text>')
    parts.append(f'<text x="{left}" y="46">{escape(subtitle)}</text>')
    for power in range(low, high + 1):
        level = y(10**power)
        parts.append(f'<path class="g" d="M{left} {level}H{left + across}"/>')
        parts.append(f'<text class="e" x="{left - 8}" y="{level}" dy="4">{compact(10**power)}</text>')
    every = next(step for step in (1, 2, 5, 7, 14, 28, 90, 365, 3_650) if days / step <= 14)
    for day in range(0, days, every):
        middle = f"{left + across * (day + 0.5) / days:.1f}"
        parts.append(f'<path class="g" d="M{middle} {above + tall}v5"/>')
        parts.append(f'<text class="m" x="{middle}" y="{above + tall + 20}">{day + 1}</text>')
    parts.append(f'<text class="m" x="{left + across // 2}" y="{above + tall + 38}">day</text>')
    order = sorted(range(len(series)), key=lambda at: -series[at].values[-1])
    for row, at in enumerate(order):
        name, values = series[at]
        dash = DASHES[at // (len(PALETTE) - 1) % len(DASHES)]
        look = f'stroke="{PALETTE[at % (len(PALETTE) - 1)]}"' + (
            f' stroke-dasharray="{dash}"' if dash else ""
        )
        line = f"M{x(0)} {y(values[0])}" + "".join(
            f"V{y(value)}H{x(day + 1)}" for day, value in enumerate(values)
        )
        parts.append(f'<path class="l" {look} d="{line}"><title>{escape(name)}</title></path>')
        at_y = above + 6 + 18 * row
        parts.append(f'<path class="l" {look} d="M{left + across + 12} {at_y}h24"/>')
        parts.append(f'<text x="{left + across + 42}" y="{at_y}" dy="4">{escape(name)}</text>')
    return "\n".join((*parts, "</svg>")) + "\n"
