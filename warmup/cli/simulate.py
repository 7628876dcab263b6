"""``warmup simulate``: strategies against models of providers, in counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warmup.cli.simulate_page import Compared
    from warmup.forecast.finding import Facts

__all__ = ["simulate"]

DEFAULT = ("ours", "naive", "earned", "ses", "sendgrid", "sparkpost", "mailtrap")
DAYS_MAX = 3_650
ALL = "all"


@click.command()
@click.option(
    "--world", "names", multiple=True, metavar="NAME", help="A world, all, or module:object; repeat it."
)
@click.option(
    "--strategy", "strategies", multiple=True, metavar="NAME", help="A strategy, a curve, or all; repeat it."
)
@click.option("--target", type=click.IntRange(1, 10_000_000), default=20_000, show_default=True)
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=90, show_default=True)
@click.option("--draws", type=click.IntRange(1, 1_000), default=5, show_default=True, help="Providers drawn.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other seeds draw others.")
@click.option("--list", "listed", is_flag=True, help="Say what worlds and strategies there are.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["table", "json", "html", "svg"]),
    default="table",
    show_default=True,
    help="svg: cap and mail of each strategy, day by day, in the first draw of each world.",
)
@click.option("--output", metavar="FILE", help="Write there. Else standard output.")
def simulate(
    names: tuple[str, ...],
    strategies: tuple[str, ...],
    target: int,
    days: int,
    draws: int,
    seed: int,
    listed: bool,
    format: str,
    output: str | None,
) -> None:
    """Compare strategies against models of providers.

    Every strategy meets the same providers, drawn at random. An oracle that knows them, and may double
    a day like the others, is the measure. Worlds are models: they show what a strategy does with
    what it is told, and not what Gmail will do.
    """
    from warmup.cli.writing import write

    with _working_folder():
        if listed:
            _list(format, output)
            return
        found = _compare(names, strategies, target, days, draws, seed)
    if format == "json":
        rows = [score.to_dict() for one in found for score in one.scores]
        write(output, lambda _: [json.dumps(rows, indent=1) + "\n"])
    elif format == "svg":
        from warmup.cli.simulate_page import panels

        write(output, lambda _: [panels(found)])
    elif format == "html":
        from warmup.cli.simulate_page import compared_page

        title = f"Strategies compared: {_headline(target, days, draws)}"
        write(output, lambda _: compared_page(found, title))
    else:
        write(output, lambda _: _table(found, target, days, draws))


@contextmanager
def _working_folder() -> Iterator[None]:
    """Let ``module:object`` be found in the working folder, after everything that is installed."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _compare(
    names: Sequence[str], strategies: Sequence[str], target: int, days: int, draws: int, seed: int
) -> list[Compared]:
    from warmup.cli.output import progress
    from warmup.cli.simulate_page import Compared
    from warmup.forecast.contest import ORACLE, contest, score
    from warmup.forecast.finding import world_of
    from warmup.forecast.strategies import STRATEGIES, strategy_of

    who = [*STRATEGIES] if ALL in strategies else [*dict.fromkeys(strategies or DEFAULT)]
    who = [name for name in who if name != ORACLE]
    for name in who:
        strategy_of(name)
    # What was named wrongly is said before anything is reckoned.
    wanted = [world_of(name) for name in _wanted(names)]
    found = []
    with progress("meetings", len(wanted) * draws) as passed:
        for world in wanted:
            meetings = []
            for meeting in contest(world, who, target=target, days=days, draws=draws, seed=seed):
                meetings.append(meeting)
                passed(1)
            scores = [score(world.name, strategy, meetings) for strategy in (ORACLE, *who)]
            summary = getattr(world, "summary", "")
            ranges = [*getattr(world, "ranges", {}).values()]
            found.append(Compared(world.name, summary, ranges, scores, meetings[0]))
    return found


def _wanted(names: Sequence[str]) -> list[str]:
    """Names of worlds, each once; of all of them those that can be loaded."""
    if names and ALL not in names:
        return [*dict.fromkeys(names)]
    from warmup.forecast.finding import facts

    found = facts()
    for one in found:
        if one.broken:
            click.echo(f"warmup: left out: {one.name}: {one.summary}", err=True)
    known = [one.name for one in found if not one.broken]
    return [*dict.fromkeys((*known, *(name for name in names if name != ALL)))]


def _headline(target: int, days: int, draws: int) -> str:
    def many(count: int, word: str) -> str:
        return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"

    return f"{target:,} a day, {many(days, 'day')}, {many(draws, 'provider')} of each world"


def _table(found: Sequence[Compared], target: int, days: int, draws: int) -> Iterator[str]:
    yield f"{_headline(target, days, draws)}; medians\n\n"
    yield (
        f"{'world':<14}{'strategy':<19}{'delivered':>10}{'friction':>10}{'blocked':>8}{'90 % on':>9}"
        f"{'alarms':>8}\n"
    )
    for at, one in enumerate(found):
        yield "\n" if at else ""
        for row, score in enumerate(one.scores):
            day = "-" if score.days_to_90 is None else f"{score.days_to_90:g}"
            yield (
                f"{('' if row else one.name)[:13]:<14}{score.strategy[:18]:<19}"
                f"{100 * score.delivered:>8.1f} %{100 * score.friction:>8.2f} %"
                f"{score.blocked_days:>8}{day:>9}{score.false_alarms:>8g}\n"
            )
    yield "\ndelivered: of what the oracle delivers. friction: attempts deferred for volume\n"
    yield "or blocked. blocked: days with a block in the worst draw. 90 % on: day on which\n"
    yield "that much of the target is accepted. alarms: days held back for nothing.\n"
    yield "Medians of the draws, but for blocked. Worlds are models.\n"


def _list(format: str, output: str | None) -> None:
    from warmup.cli.writing import write
    from warmup.forecast.finding import facts
    from warmup.forecast.strategies import summaries

    found, ways = facts(), summaries()
    if format == "json":
        worlds = [
            {"name": one.name, "summary": one.summary, "ranges": dict(one.ranges), "origin": one.origin}
            for one in found
        ]
        said = {
            "worlds": worlds,
            "strategies": [{"name": name, "summary": text} for name, text in ways.items()],
        }
        write(output, lambda _: [json.dumps(said, indent=1) + "\n"])
        return
    if format != "table":
        from warmup.errors import UsageError

        raise UsageError.of("--list", f"is not drawn as {format}", "leave --format out, or give json")
    write(output, lambda _: _listing(found, ways))


def _listing(found: Sequence[Facts], ways: dict[str, str]) -> Iterator[str]:
    import textwrap

    from warmup.cli.output import escape
    from warmup.forecast.worlds import COMMON

    def entry(name: str, *texts: str) -> str:
        lines = [line for text in texts if text for line in textwrap.wrap(escape(text), 56)] or [""]
        first = f"{name:<22}{lines[0]}" if len(name) < 22 else f"{name}\n{'':<22}{lines[0]}"
        return "\n".join((first, *(f"{'':<22}{line}" for line in lines[1:]))) + "\n"

    yield "worlds: --world NAME, or module:object\n\n"
    for one in found:
        origin = "" if one.origin == "shipped" else one.origin
        yield entry(one.name, one.summary, "; ".join(one.ranges.values()), origin)
    yield entry("in all that are shipped", "; ".join(str(bounds) for bounds in COMMON.values()))
    yield "\nstrategies: --strategy NAME, or any curve of `warmup plan`, by the calendar\n\n"
    yield entry("oracle", "knows the world, may double a day, and is always there")
    for name, text in ways.items():
        yield entry(name, text)
