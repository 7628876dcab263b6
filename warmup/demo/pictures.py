"""Pictures for the page: columns by day or hour, with a plan over them and a lane's standing behind.

They are drawn as SVG that stands in the page itself and takes its colours from the page's style, so
that one picture serves a light screen, a dark one and paper. Every column says its figures when it
is pointed at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import attrs

from warmup.cli.charts import nice_step

__all__ = ["Band", "Chart", "Columns"]

_TICK_PX = 46
"""Room for a label under the columns."""


@attrs.frozen(kw_only=True)
class Columns:
    """One colour of the columns; several stand on top of each other.

    Attributes:
        style: A class of the page's style, such as ``c1``.
    """

    name: str
    values: Sequence[int]
    style: str


@attrs.frozen(kw_only=True)
class Band:
    """A span of days behind the columns.

    Attributes:
        start, end: In days from the left edge, with fractions.
        style: A class of the page's style.
    """

    start: float
    end: float
    style: str


@attrs.frozen(kw_only=True)
class Chart:
    """A picture, ready to be drawn.

    Attributes:
        title: What a screen reader says.
        labels: Of the columns.
        columns: From the bottom up.
        plan: Drawn as a dashed line of steps.
        cap: Drawn as a thin line of steps; empty for none.
        letters: Written over the columns; empty for none.
        hints: What a column says when it is pointed at.
        width, height: Pixels; the picture scales with the page.
    """

    title: str
    labels: Sequence[str]
    columns: Sequence[Columns]
    plan: Sequence[int] = ()
    cap: Sequence[int] = ()
    bands: Sequence[Band] = ()
    letters: Sequence[str] = ()
    hints: Sequence[str] = ()
    width: int = 960
    height: int = 280

    @property
    def _totals(self) -> list[int]:
        return [sum(values) for values in zip(*(one.values for one in self.columns), strict=True)]

    def svg(self) -> str:
        """Draw it."""
        left, right, above, below = 44, 8, 22, 26
        across, tall = self.width - left - right, self.height - above - below
        totals = self._totals
        most = max([1, *totals, *self.plan, *self.cap])
        step = nice_step(most, 4)
        top = step * -(-most // step)
        slot = across / max(1, len(self.labels))

        def x(place: float) -> str:
            return f"{left + slot * place:.1f}".removesuffix(".0")

        def y(value: float) -> str:
            return f"{above + tall - tall * value / top:.1f}".removesuffix(".0")

        parts = [
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">'
        ]
        for band in self.bands:
            parts.append(
                f'<rect class="{band.style}" x="{x(band.start)}" y="{above}" height="{tall}" '
                f'width="{slot * (band.end - band.start):.1f}"/>'
            )
        for value in range(0, top + 1, step):
            parts.append(f'<path class="g" d="M{left} {y(value)}H{left + across}"/>')
            parts.append(f'<text class="e" x="{left - 7}" y="{y(value)}" dy="4">{value:,}</text>')
        every = max(1, -(-_TICK_PX * len(self.labels) // across))
        for at in range(0, len(self.labels), every):
            parts.append(
                f'<text class="m" x="{x(at + 0.5)}" y="{self.height - 8}">{escape(self.labels[at])}</text>'
            )
        parts += self._stacks(x, y, slot)
        for style, values in (("cap", self.cap), ("plan", self.plan)):
            if values:
                run = "".join(f"V{y(value)}H{x(at + 1)}" for at, value in enumerate(values))
                parts.append(f'<path class="{style}" d="M{x(0)} {y(values[0])}{run}"/>')
        highest = [max(pair) for pair in zip(totals, self.plan or totals, strict=True)]
        for at, letter in enumerate(self.letters):
            if letter:
                parts.append(
                    f'<text class="m l" x="{x(at + 0.5)}" y="{y(highest[at])}" dy="-5">{letter}</text>'
                )
        for at, hint in enumerate(self.hints):
            parts.append(
                f'<rect class="h" x="{x(at)}" y="{above}" width="{slot:.1f}" height="{tall}">'
                f"<title>{escape(hint)}</title></rect>"
            )
        return "".join((*parts, "</svg>"))

    def _stacks(self, x: Callable[[float], str], y: Callable[[float], str], slot: float) -> list[str]:
        base = [0] * len(self.labels)
        wide = f"{slot * 0.76:.1f}"
        paths = []
        for one in self.columns:
            runs = []
            for at, value in enumerate(one.values):
                if value:
                    runs.append(f"M{x(at + 0.12)} {y(base[at])}V{y(base[at] + value)}h{wide}V{y(base[at])}z")
                    base[at] += value
            if runs:
                paths.append(f'<path class="{one.style}" d="{"".join(runs)}"/>')
        return paths
