"""``warmup simulate``: strategies against models of providers, in counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warmup.forecast.contest import Meeting, Score

__all__ = ["simulate"]

DEFAULT = ("ours", "naive", "earned", "ses", "sendgrid", "sparkpost", "mailtrap")


@click.command()
@click.option(
    "--world", "names", multiple=True, metavar="NAME", help="A world, all, or module:object; repeat it."
)
@click.option(
    "--strategy", "strategies", multiple=True, metavar="NAME", help="A strategy, or a curve; repeat it."
)
@click.option("--target", type=click.IntRange(1, 10_000_000), default=20_000, show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True)
@click.option("--draws", type=click.IntRange(1, 1_000), default=5, show_default=True, help="Providers drawn.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other seeds draw others.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["table", "json", "svg"]),
    default="table",
    show_default=True,
    help="svg: the first draw of the first world, day by day.",
)
@click.option("--output", metavar="FILE", help="Write there. Else standard output.")
def simulate(
    names: tuple[str, ...],
    strategies: tuple[str, ...],
    target: int,
    days: int,
    draws: int,
    seed: int,
    format: str,
    output: str | None,
) -> None:
    """Compare strategies against models of providers.

    Every strategy meets the same providers, drawn at random. An oracle that knows them, and may double
    a day like the others, is the measure. Worlds are models: they show what a strategy does with
    what it is told, and not what Gmail will do.
    """
    from warmup.cli.plan import write
    from warmup.forecast.contest import ORACLE, contest, score
    from warmup.forecast.worlds import world_of, worlds

    wanted = worlds() if not names or "all" in names else names
    who = strategies or DEFAULT
    scores: list[Score] = []
    first: list[Meeting] = []
    for name in wanted:
        world = world_of(name)
        if sys.stderr.isatty():
            click.echo(f"\r{name:<30}", err=True, nl=False)
        meetings = list(contest(world, who, target=target, days=days, draws=draws, seed=seed))
        first = first or meetings[:1]
        scores += [score(world.name, strategy, meetings) for strategy in (ORACLE, *who)]
    if sys.stderr.isatty():
        click.echo("\r" + " " * 30 + "\r", err=True, nl=False)
    if format == "json":
        write(output, lambda _: [json.dumps([one.to_dict() for one in scores], indent=1) + "\n"])
    elif format == "svg":
        write(output, lambda _: [_picture(first[0])])
    else:
        write(output, lambda _: _table(scores, target, days))


def _table(scores: list[Score], target: int, days: int) -> Iterator[str]:
    yield f"{target:,} a day, {days} days, {scores[0].draws} providers of each world; medians\n\n"
    yield f"{'world':<14}{'strategy':<20}{'delivered':>10}{'friction':>10}{'blocked':>9}{'90 % on':>9}\n"
    before = ""
    for one in scores:
        if one.world != before and before:
            yield "\n"
        day = "-" if one.days_to_90 is None else f"{one.days_to_90:g}"
        yield (
            f"{(one.world if one.world != before else '')[:13]:<14}{one.strategy[:19]:<20}"
            f"{100 * one.delivered:>8.1f} %{100 * one.friction:>8.2f} %{one.blocked_days:>9}{day:>9}\n"
        )
        before = one.world
    yield "\ndelivered: of what the oracle delivers. friction: attempts deferred for volume\n"
    yield "or blocked. blocked: days with a block in the worst draw. Worlds are models.\n"


def _picture(meeting: Meeting) -> str:
    from warmup.cli.charts import Series, svg_chart

    tracks = {"oracle": meeting.oracle, **meeting.tracks}
    return svg_chart(
        [Series(name, [day.accepted for day in track.days]) for name, track in tracks.items()],
        [str(day.day + 1) for day in meeting.oracle.days],
        title=f"Accepted a day, target {meeting.target:,}",
        subtitle="One provider, drawn at random; a model.",
        kind="lines",
    )
