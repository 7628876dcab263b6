"""``warmup demo``: weeks of warm-up in about a minute, on this machine alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import format_option

if TYPE_CHECKING:
    from warmup.demo.figures import Figures
    from warmup.demo.play import Day
    from warmup.demo.scenario import Scenario

__all__ = ["demo"]

INTERRUPTED = 130
BAR = 18
TURN_LINES = 4
"""Lines of how a lane met a provider that changed its mind, from the first deferral on."""
"""Characters of the bar beside each day."""


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("warmup-demo"),
              show_default=True, metavar="DIR", help="Where everything is written.")  # fmt: skip
@click.option("--days", type=int, help="Days of warm-up; 21 unless given.")
@click.option("--messages", type=int, help="Messages to submit; 2,400 unless given.")
@click.option("--seed", default="demo", show_default=True, help="Other seeds write other messages.")
@click.option("--force", is_flag=True, help="Replace what an earlier demo left in the folder.")
@format_option()
def demo(folder: Path, days: int | None, messages: int | None, seed: str, force: bool, format: str) -> int:
    """Watch weeks of warm-up in about a minute, on this machine alone.

    Two addresses of the loopback network (127.0.0.2 and 127.0.0.3) are warmed up. Real messages go
    over real SMTP to four simulated providers: one takes everything, one greylists, one defers
    for volume, one blocks who comes too fast. The clock hurries while nothing is under way. What is
    shown at the end was counted by the receivers. Nothing leaves this machine, and no rights are
    needed.

    Ctrl-C stops in order and shows the days that have passed; the exit code is then 130.
    """
    import asyncio

    from warmup.demo.scenario import DAYS, MESSAGES, Scenario

    scenario = Scenario(
        days=DAYS if days is None else days,
        messages=MESSAGES if messages is None else messages,
        seed=seed,
    )
    _make_room(folder, force)
    if format == "table":
        _announce(scenario)
    figures = asyncio.run(_play(scenario, folder, show=format == "table"))
    _write_report(figures, folder)
    if format == "json":
        from warmup.cli.output import emit

        emit(figures.to_dict(), "json")
    else:
        _conclude(figures, folder)
    return 0 if figures.finished else INTERRUPTED


def _make_room(folder: Path, force: bool) -> None:
    """Make the folder, or empty one that an earlier demonstration filled; touch nothing else."""
    import shutil

    from warmup.demo.scenario import MARKER
    from warmup.errors import StoreError, UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            return
        config = folder / "warmup.toml"
        ours = config.is_file() and config.read_bytes().startswith(MARKER.encode())
        if not ours:
            raise UsageError.of("--folder", f"{folder} holds other things", "name a new or an empty folder")
        if not force:
            raise UsageError.of(
                "--folder", f"{folder} holds an earlier demo", "say --force to replace it, or name another"
            )
        for name in ("data", "state"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("report.html", "figures.json", "warmup.toml"):
            (folder / name).unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError.of("--folder", f"{folder} is a file", "name a folder") from None
    except OSError as error:
        if isinstance(error, UsageError):
            raise
        raise StoreError.of(str(folder), f"cannot be used: {error.strerror or error}") from None


async def _play(scenario: Scenario, folder: Path, *, show: bool) -> Figures:
    import asyncio

    from warmup.cli.output import progress
    from warmup.daemon.worker import stopped_by_signals
    from warmup.demo.play import Watcher, play

    stop = asyncio.Event()
    most = max(_per_day(scenario))
    with stopped_by_signals(stop), _until_done(progress, scenario.messages) as advance:
        watcher = Watcher(submitted=advance, day=_day_printer(most) if show else lambda day: None)
        return await play(scenario, folder, watcher, stop)


@contextmanager
def _until_done(progress: Any, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar that goes away once all is submitted, before the first day is printed."""
    from contextlib import ExitStack

    left = total
    with ExitStack() as stack:
        advance = stack.enter_context(progress("submitting messages", total))

        def submitted(count: int) -> None:
            nonlocal left
            advance(count)
            left -= count
            if left <= 0:
                stack.close()

        yield submitted


def _per_day(scenario: Scenario) -> list[int]:
    totals = [0] * scenario.days
    for row in scenario.plan.rows():
        totals[row.day - 1] += row.cap
    return totals


def _announce(scenario: Scenario) -> None:
    """Show the plan: a picture, the providers, and a few of its days."""
    from warmup.cli.charts import text_chart
    from warmup.cli.output import is_ascii

    plan = scenario.plan
    totals = _per_day(scenario)
    first, second = plan.sources
    click.echo(f"The plan: {scenario.days} days, {plan.target:,} deliveries a day once both are warm")
    click.echo(f"  {first.address} from {first.start}, {second.address} from {second.start}")
    click.echo(f"  curve {plan.curve.name}, pattern {plan.pattern.name}\n")
    last = _dates(scenario)[-1]
    for line in text_chart(totals, labels=[str(plan.start), last], width=80, height=8, ascii_only=is_ascii()):
        click.echo(line)
    click.echo("\nThe providers:")
    for name, share in plan.mix.shares:
        head = f"  {name:<9} {float(100 * share):>3.0f} %  "
        _wrapped(head + scenario.actors[name].habit, len(head))
    click.echo("\nDeliveries planned, both addresses together:")
    _plan_table(scenario, totals)
    click.echo(f"\nSubmitting {scenario.messages:,} messages; then the days pass.\n")
    click.echo("day  date         plan  accepted")


def _dates(scenario: Scenario) -> list[str]:
    return sorted({row.date.isoformat() for row in scenario.plan.rows()})


def _plan_table(scenario: Scenario, totals: list[int]) -> None:
    providers = scenario.plan.providers
    by_day: dict[int, dict[str, int]] = {}
    for row in scenario.plan.rows():
        cell = by_day.setdefault(row.day, dict.fromkeys(providers, 0))
        cell[row.provider] += row.cap
    click.echo("  day" + "".join(f"{name:>10}" for name in providers) + f"{'total':>10}")
    picked = sorted({1, scenario.days, *range(7, scenario.days, 7)})
    for day in picked:
        cells = "".join(f"{by_day[day][name]:>10,}" for name in providers)
        click.echo(f"  {day:>3}{cells}{totals[day - 1]:>10,}")


def _day_printer(most: int) -> Callable[[Day], None]:
    """Print a line for a day: what was planned, what was accepted, and a bar of both."""
    from warmup.cli.output import is_ascii

    full, rest = ("#", ".") if is_ascii() else ("█", "░")

    def bar(day: Day) -> str:
        whole = -(-day.planned * BAR // most)
        done = min(whole, day.accepted * BAR // most + (day.accepted > 0))
        return full * done + rest * (whole - done)

    def show(day: Day) -> None:
        head = f"{day.day:>3}  {day.date}  {day.planned:>6,}  {day.accepted:>8,}  "
        beside = f"{bar(day):<{BAR}}  "
        for lane in day.blocked:
            click.echo(f"{head}{beside}{lane.provider} blocks {lane.source}")
            head, beside = " " * len(head), " " * len(beside)
        if not day.blocked:
            click.echo((head + beside).rstrip())

    return show


def _write_report(figures: Figures, folder: Path) -> None:
    import json

    from warmup.demo.page import page
    from warmup.demo.play import write

    write(folder / "report.html", "".join(page(figures, folder)))
    write(folder / "figures.json", json.dumps(figures.to_dict(), indent=1) + "\n")


def _conclude(figures: Figures, folder: Path) -> None:
    """Show what happened: a table, the reasons, two stories, and where to go on."""
    from warmup.timing import SECOND

    if not figures.finished:
        click.echo("\nStopped. What follows is what happened until then.")
    if figures.days:
        click.echo("\nAccepted of planned, by the day and the provider:")
        _table(figures)
    click.echo(f"\n{figures.submitted:,} messages submitted, {figures.accepted:,} accepted in "
               f"{figures.took / SECOND:.0f} s, counted by the receivers:")  # fmt: skip
    click.echo(f"  {figures.intact:,} of them unchanged to the last octet, {figures.copies:,} second copies")
    click.echo(f"  {figures.beyond:,} of {len(figures.days):,} lane days beyond their cap")
    click.echo(f"  {figures.differing:,} lane days on which ledger and receiver differ")
    click.echo(f"  {figures.deferred:,} deferrals, {figures.blocked:,} refusals")
    click.echo(f"  {sum(figures.waiting.values()):,} wait, each with its reason")
    if figures.message is not None:
        click.echo("\nWhy does this message wait?")
        _story(f"warmup explain {figures.message_id}", figures.message.title, figures.message.lines[-4:])
    if figures.lane is not None:
        click.echo("\nWhat became of the blocked lane?")
        _story(f"warmup explain {figures.blocked_lane}", figures.lane.title, figures.lane.lines[-6:])
    if figures.turned is not None:
        click.echo("\nAnd of the lane whose provider changed its mind?")
        _story(f"warmup explain {figures.turned_lane}", figures.turned.title, _turn(figures.turned.lines))
    _whereabouts(figures, folder)


def _table(figures: Figures) -> None:
    from warmup.demo.figures import REASONS

    providers = figures.scenario.plan.providers
    click.echo("day  date      " + "".join(f"{name:>12}" for name in (*providers, "together")))
    for day in range(1, figures.played + 1):
        cells = figures.of(day=day)
        columns = []
        for name in (*providers, None):
            mine = [cell for cell in cells if name in (None, cell.provider)]
            done, planned = sum(cell.accepted for cell in mine), sum(cell.planned for cell in mine)
            letters = "".join(dict.fromkeys(cell.reason for cell in mine)) if name else ""
            columns.append(f"{f'{done}/{planned}':>9} {letters:<2}")
        click.echo(f"{day:>3}  {cells[0].date}{''.join(columns)}".rstrip())
    used = {cell.reason for cell in figures.days}
    for letter, text in REASONS.items():
        if letter in used:
            _wrapped(f"  {letter}  {text}", 5)


def _turn(lines: tuple[str, ...]) -> tuple[str, ...]:
    """What a lane's story says of the day on which it was held back first, and of today."""
    begin = next((at for at, line in enumerate(lines) if "deferred for volume" in line), len(lines))
    told = [line for line in lines[begin:] if "  silent " not in line]
    return (*told[:TURN_LINES], *told[TURN_LINES:][-3:])


def _story(command: str, title: str, lines: tuple[str, ...]) -> None:
    from warmup.cli.output import escape

    click.echo(f"  $ {command}")
    _wrapped(f"  {escape(title)}", 4)
    for line in lines:
        for part in line.splitlines():
            _wrapped(f"  {escape(part)}", 6)


def _whereabouts(figures: Figures, folder: Path) -> None:
    import shlex

    from warmup.demo.page import next_commands

    click.echo(f"\nThe report with pictures: {(folder / 'report.html').absolute().as_uri()}")
    click.echo(f"All figures:              {folder / 'figures.json'}")
    click.echo("\nTry next:")
    for command, does in next_commands(shlex.quote(str(folder / "warmup.toml")), figures):
        click.echo(f"  {command}\n      {does}")


def _wrapped(text: str, indent: int) -> None:
    """Print text within 80 columns; further lines are indented."""
    from textwrap import wrap

    for line in wrap(
        text, 79, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    ):
        click.echo(line)
