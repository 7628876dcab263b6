"""A plan as one page of HTML: nothing is fetched, it prints well, and it is safe to mail around."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from warmup.cli.charts import Series, svg_chart

if TYPE_CHECKING:
    from warmup.plan import Plan

__all__ = ["HEAD", "daily_totals", "html_table", "page", "picture"]

IPS_SHOWN_MAX = 50

COLUMNS_PRINTED = 11
"""Tables with more columns than these are printed smaller."""


def daily_totals(plan: Plan) -> tuple[list[str], dict[str, list[int]]]:
    """Dates, and for each provider what all sources together may send on each of them."""
    dates: list[str] = []
    totals: dict[str, list[int]] = {provider: [] for provider in plan.providers}
    for day, on, _, caps in plan.grid():
        if day > len(dates):
            dates.append(on.isoformat())
            for values in totals.values():
                values.append(0)
        for provider, cap in zip(plan.providers, caps, strict=True):
            totals[provider][-1] += cap
    return dates, totals


def picture(plan: Plan) -> str:
    """The plan as SVG: a column a day, a colour a provider."""
    dates, totals = daily_totals(plan)
    return svg_chart(
        [Series(provider, values) for provider, values in totals.items()],
        dates,
        title=headline(plan),
        subtitle=f"Deliveries a day, all IPs together. Pattern {plan.pattern.name}, mix {plan.mix.name}.",
    )


def headline(plan: Plan) -> str:
    """The plan in one line."""
    count = len(plan.sources)
    ips = plan.sources[0].address if count == 1 else f"{count:,} IPs"
    return f"{plan.target:,} a day from {ips}: {plan.curve.name} from {plan.start} ({plan.zone})"


def page(plan: Plan, more: Iterable[str] = (), *, live: bool = False) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        plan: The plan.
        more: What follows the picture.
        live: Whether that goes on from lanes as they stand: the plan's own days, which begin with the
            first step, are left out then.
    """
    yield HEAD.format(title=escape(headline(plan)))
    yield f"<h1>{escape(headline(plan))}</h1>\n"
    if not live:
        yield f"<figure>{picture(plan)}</figure>\n"
    yield from more
    advice = plan.advice()
    if advice:
        yield "<h2>Worth knowing</h2>\n<ul>\n"
        for item in advice:
            mend = f" <em>{escape(item.mend)}.</em>" if item.mend else ""
            yield f'<li class="{item.level}">{escape(item.message)}{mend}</li>\n'
        yield "</ul>\n"
    yield "<h2>Made from</h2>\n<dl>\n"
    shares = ", ".join(f"{provider} {float(100 * share):g} %" for provider, share in plan.mix.shares)
    for name, text in (
        ("Curve", plan.curve.name),
        ("Time zone", plan.zone),
        ("Pattern", plan.pattern.name),
        ("Mix", shares),
    ):
        yield f"<dt>{name}</dt><dd>{escape(text)}</dd>\n"
    yield "</dl>\n<h2>IPs</h2>\n"
    shown = list(islice(plan.sources, IPS_SHOWN_MAX))
    yield html_table(
        ("IP", "first day", "share a day", "last step"),
        [[s.address, s.start.isoformat(), f"{s.share:,}", str(plan.last_step(s.address))] for s in shown],
        texts=2,
    )
    if len(shown) < len(plan.sources):
        yield f"<p>and {len(plan.sources) - len(shown):,} more</p>\n"
    if not live:
        yield from _days(plan)
    yield "</body></html>\n"


def _days(plan: Plan) -> Iterator[str]:
    """A row for each day of the plan."""
    dates, totals = daily_totals(plan)
    yield "<h2>Days</h2>\n"
    yield html_table(
        ("day", "date", "total", *totals),
        [
            [
                str(at + 1),
                date,
                f"{sum(v[at] for v in totals.values()):,}",
                *(f"{v[at]:,}" for v in totals.values()),
            ]
            for at, date in enumerate(dates)
        ],
        texts=2,
    )


def html_table(headings: tuple[str, ...], rows: list[list[str]], texts: int) -> str:
    """A table whose first ``texts`` columns are words and the others numbers."""
    many = ' class="wide"' if len(headings) > COLUMNS_PRINTED else ""
    lines = [
        f'<div class="table"><table{many}><thead><tr>',
        *(
            f"<th{'' if at < texts else ' class=n'}>{escape(heading)}</th>"
            for at, heading in enumerate(headings)
        ),
        "</tr></thead><tbody>\n",
    ]
    for row in rows:
        cells = (f"<td{'' if at < texts else ' class=n'}>{escape(cell)}</td>" for at, cell in enumerate(row))
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return "".join((*lines, "</tbody></table></div>\n"))


HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.3rem; }} h2 {{ font-size: 1.05rem; margin: 1.8rem 0 .4rem; }}
figure {{ margin: 1rem 0; }} figure svg {{ width: 100%; height: auto; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }} dd {{ margin: 0; }}
.table {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .15rem .7rem .15rem 0; border-bottom: 1px solid #8884; }}
td:first-child {{ white-space: nowrap; }}
th {{ font-weight: 600; }} .n {{ text-align: right; }}
.small {{ display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }}
.small figure {{ margin: .3rem 0; }}
li {{ overflow-wrap: anywhere; }}
.warning::marker {{ content: "!  "; font-weight: 700; }}
@media print {{
  @page {{ margin: 13mm 12mm; }}
  :root {{ color-scheme: light; }}
  body {{ margin: 0; padding: 0; max-width: none; font-size: 11px; }}
  h1, h2, thead {{ break-after: avoid; }} thead {{ display: table-header-group; }}
  h2 {{ margin-top: 1.2rem; }} .note {{ break-before: avoid; }}
  tr, figure, li {{ break-inside: avoid; }}
  tbody tr:nth-child(-n+3) {{ break-before: avoid; }} tbody tr:nth-last-child(-n+2) {{ break-before: avoid; }}
  figure {{ margin: .4rem 0; }} figure svg {{ max-height: 80mm; }} .small svg {{ max-height: 44mm; }}
  svg text {{ fill: #333; }}
  table.wide {{ font-size: 8px; }} .wide th, .wide td {{ padding-right: .35rem; }}
}}
</style></head><body>
"""
