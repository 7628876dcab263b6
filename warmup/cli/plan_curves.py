"""``warmup plan curves``: the curves side by side, or one with its figures, source and caveat."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from warmup.plan.compare import Figures
    from warmup.plan.curves import CurveInfo

__all__ = ["curves"]

DAYS_DRAWN = 45
NAME_MAX = 18

SUBJECTS = {"ip": "an IP", "domain": "a domain", "list": "a list of subscribers"}
GRADES = {
    "first-party": "the vendor's own page",
    "second-hand": "second-hand: others say that the vendor publishes it",
    "source-code": "found in source code, not in documentation",
    "model": "our model",
    "": "unknown to us",
}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--target", type=int, default=50_000, show_default=True, help="Share at which relative curves are taken."
)
@click.option("--mix", default="us", show_default=True, help="For relative curves with rows by provider.")
@click.option(
    "--format", "format", type=click.Choice(["table", "json", "svg"]), default="table", show_default=True
)
@click.option("--output", metavar="FILE", help="Write there. Else standard output.")
def curves(names: tuple[str, ...], target: int, mix: str, format: str, output: str | None) -> None:
    """Compare the curves, or show those that are named: each with its figures, source and caveat.

    Days are steps: the day of an IP that moves one step a day. Relative curves are taken at
    --target; tables are as they were published.
    """
    from warmup.cli.plan import problems_of_options
    from warmup.cli.writing import write
    from warmup.plan.compare import compare
    from warmup.plan.mix import parse_mix

    with problems_of_options({}):
        shares = parse_mix(mix)
        found = compare(target, shares, names)
    if format == "json":
        write(output, lambda out: _json(found, target, shares))
    elif format == "svg":
        write(output, lambda out: [_svg(found, target, shares)])
    elif names:
        write(output, lambda out: _details(found, target, shares, out))
    else:
        write(output, lambda out: _table(found, target, out))


Found = list[tuple["CurveInfo", "Figures"]]


def _json(found: Found, share: int, mix: Any) -> Iterator[str]:
    """A line for each curve: what is known of it, what it does, and its caps by step."""
    import json

    import attrs

    from warmup.plan import parse_curve
    from warmup.plan.compare import steps_of

    for info, does in found:
        caps = steps_of(parse_curve(info.name), share, mix) if does.final is not None else []
        yield json.dumps(attrs.asdict(info) | does.to_dict() | {"caps": caps}) + "\n"


def _svg(found: Found, share: int, mix: Any) -> str:
    from warmup.cli.charts import Series
    from warmup.cli.curves_chart import log_chart
    from warmup.plan import parse_curve
    from warmup.plan.compare import steps_of

    days = DAYS_DRAWN
    if len(found) < 4:
        days = max(days, *(does.steps or 0 for _, does in found))
    series = []
    for info, _ in found:
        caps = steps_of(parse_curve(info.name), share, mix)[:days]
        series.append(Series(info.name, caps + caps[-1:] * (days - len(caps))))
    title = f"{len(found)} curves compared" if len(found) > 1 else found[0][0].name
    return log_chart(
        series,
        title=title,
        subtitle=f"Deliveries a day of one source, by day. Relative curves at {share:,} a day. Logarithmic.",
    )


def _table(found: Found, share: int, out: Any) -> Iterator[str]:
    from warmup.cli.output import is_ascii

    never = "-" if is_ascii(out) else "—"
    yield " " * NAME_MAX + "    day 1   day it reaches   steepest     ends at\n"
    yield " " * NAME_MAX + "            10 k  50 k   1 M     step\n"
    for heading, group in _groups(found, share):
        yield f"\n{heading}\n"
        for info, does in group:
            yield _row(info, does, never) + "\n"
    yield "\n"
    text = (
        "Days are steps, of which an IP makes at most one a day. The steepest step is the largest ratio of "
        "a cap to the one before, from 50 on. No vendor says what its figures rest on. "
        "`warmup plan curves NAME` shows one with its figures, source and caveat; --format svg draws all; "
        "your own are table:FILE and geometric:start=50,growth=1.3."
    )
    yield textwrap.fill(text, 78) + "\n\nPublished at\n"
    for info, _ in found:
        if info.source.startswith("https:"):
            yield f"{info.name:<{NAME_MAX}}  {info.source.partition(' ')[0]}\n"


def _groups(found: Found, share: int) -> Iterable[tuple[str, Found]]:
    relative = [item for item in found if item[1].relative]
    if relative:
        yield f"Parts of what an IP shall carry: {share:,} a day here, --target N changes it", relative
    for subject, words in SUBJECTS.items():
        group = [item for item in found if not item[1].relative and item[0].subject == subject]
        if group:
            yield f"Figures for {words}" + ("" if subject == "ip" else ", not for an IP"), group


def _row(info: CurveInfo, does: Figures, never: str) -> str:
    name = info.name if len(info.name) <= NAME_MAX else info.name[: NAME_MAX - 1] + "~"
    days = [never if step is None else str(step) for step in does.reaches.values()]
    steep = never if does.steepest is None else f"x{float(does.steepest):.2f}"
    ends = "the share" if does.final is None else f"{does.final:,}"
    notes = ["hourly"] * does.hourly + ["by provider"] * does.by_provider
    if info.grade in ("second-hand", "source-code"):
        notes.append(info.grade)
    cells = f"{name:<{NAME_MAX}}{does.day_1:>9,}{days[0]:>7}{days[1]:>6}{days[2]:>6}{steep:>9}{ends:>12}"
    return f"{cells}  {', '.join(notes)}".rstrip()


def _details(found: Found, share: int, mix: Any, out: Any) -> Iterator[str]:
    for number, (info, does) in enumerate(found):
        if number:
            yield "\n"
        yield from _one(info, does, share, mix, out)


def _one(info: CurveInfo, does: Figures, share: int, mix: Any, out: Any) -> Iterator[str]:
    """Everything about one curve."""
    from warmup.cli.charts import text_chart
    from warmup.cli.output import escape, is_ascii
    from warmup.plan import parse_curve
    from warmup.plan.compare import steps_of

    ascii_only = is_ascii(out)
    never = "never"
    reached = ", ".join(
        f"{mark:,} {'never' if step is None else f'on day {step}'}" for mark, step in does.reaches.items()
    )
    facts = {
        "curve": info.name,
        "what": info.summary,
        "for": SUBJECTS[info.subject],
        "figures": f"parts of a share, here of {share:,} a day"
        if does.relative
        else f"absolute, by the {info.unit}",
        "day 1": f"{does.day_1:,}",
        "reaches": reached,
        "steepest": never
        if does.steepest is None
        else f"x{float(does.steepest):.2f}, on day {does.steepest_step}",
        "ends": "at the share" if does.final is None else f"at {does.final:,} a day, on day {does.steps}",
        "evidence": GRADES[info.grade] + (f", read in {info.read}" if info.read else ""),
        "source": info.source,
        "caveat": info.caveat,
    }
    for name, text in facts.items():
        for at, line in enumerate(
            textwrap.wrap(escape(text), 68, break_long_words=False, break_on_hyphens=False)
        ):
            yield f"{'' if at else name:<10}{_plain(line, ascii_only)}\n"
    curve = parse_curve(info.name)
    caps = steps_of(curve, share, mix)
    if does.final is None:
        caps = [cap for cap in caps if cap < 10**7]
    yield "\n"
    for name, row in _figure_rows(curve, caps, does):
        yield name + "\n"
        text = "  ".join(_runs(row))
        yield textwrap.fill(text, 78, initial_indent="  ", subsequent_indent="  ") + "\n"
    yield "\n"
    labels = [f"day {day}" for day in range(1, len(caps) + 1)]
    for line in text_chart(caps, labels=labels, width=78, ascii_only=ascii_only):
        yield line + "\n"


def _runs(row: list[int]) -> list[str]:
    """Figures as words; where most repeat the one before, each with the first day it holds on."""
    changes = [at for at, figure in enumerate(row) if not at or figure != row[at - 1]]
    if 2 * len(changes) > len(row):
        return [f"{figure:,}" for figure in row]
    return [f"day {at + 1}: {row[at]:,}" for at in changes]


def _figure_rows(curve: Any, caps: list[int], does: Figures) -> Iterator[tuple[str, list[int]]]:
    """The figures as they stand: a day's by step, an hour's, and each provider's row."""
    yield "deliveries a day by day", caps
    if does.hourly:
        limits = [(step, curve.hourly(step, 10**9)) for step in range(1, len(caps) + 1)]
        first = next(step for step, limit in limits if limit is not None)
        yield (
            "deliveries an hour" + ("" if first == 1 else f", from day {first} on"),
            [limit for _, limit in limits if limit is not None],
        )
    for provider, row in getattr(curve, "rows", ()):
        who = "everybody else" if provider == "other" else provider
        yield f"{who}, {'thousandths of its part' if does.relative else 'deliveries a day'}", list(row)


def _plain(text: str, ascii_only: bool) -> str:
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text
