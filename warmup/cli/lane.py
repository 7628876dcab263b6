"""``warmup lane``: an operator's hands. All is journalled, and ``warmup explain`` reads it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.engine.status import LaneStatus
    from warmup.reputation.standing import Adjustment

__all__ = ["lane", "tell"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def lane() -> None:
    """List lanes; pause, resume, move or reset them, or give them a past.

    A lane is a sending address and a provider. Name an ADDRESS, a PROVIDER, or both; or say --all.
    """


def _lanes(command: F) -> F:
    """The lanes a command is about, and the options that all of them take."""
    for option in (
        format_option(),
        config_option,
        click.option("--all", "everything", is_flag=True, help="Every lane."),
        click.argument("lanes", nargs=-1, metavar="[ADDRESS] [PROVIDER]"),
    ):
        command = option(command)
    return command


def tell(done: Iterable[Adjustment], format: str, empty: str) -> None:
    """Say what became of lanes."""
    from warmup.cli.output import emit
    from warmup.cli.words import wrap

    rows = [
        {
            "lane": str(one.lane.key),
            "standing": one.lane.standing.value,
            "step": one.lane.step,
            "done": one.reason,
        }
        for one in done
    ]
    if format == "json":
        emit(rows, "json")
        return
    # Whole sentences: a table would cut them.
    wrap([f"{row['lane']}  {row['done']}" for row in rows] or [empty])


@lane.command("list")
@config_option
@format_option()
def list_(config: Path | None, format: str) -> None:
    """List the lanes with their standing, step and note."""
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import iso

    with opened(config) as wm:
        rows = [_facts(one, iso) for one in wm.engine.lanes()]
    emit(
        rows,
        format,
        columns=["lane", "standing", "step", ("cap_limit", "limit"), "until", "note"],
        empty="no lanes yet: the first warmup run makes them",
    )


def _facts(one: LaneStatus, iso: Callable[[int | None], str | None]) -> dict[str, Any]:
    return {
        "lane": str(one.lane.key),
        "source": one.lane.key.source,
        "provider": one.lane.key.provider,
        "standing": one.lane.standing.value,
        "step": one.lane.step,
        "cap_limit": one.lane.cap_limit,
        "until": iso(one.lane.until),
        "backoff_until": iso(one.lane.backoff_until or None),
        "last_used_at": iso(one.lane.last_used_at),
        "note": one.lane.note,
    }


@lane.command()
@_lanes
@click.option("--note", default="", help="Why; shown wherever somebody asks.")
def pause(lanes: tuple[str, ...], everything: bool, note: str, config: Path | None, format: str) -> None:
    """Stop lanes until they are resumed. Conversations under way end as they do."""
    from warmup.cli.opening import opened
    from warmup.cli.words import lane_words

    source, provider = lane_words(lanes, everything)
    with opened(config) as wm:
        tell(wm.engine.pause(source, provider, note), format, "nothing to pause")


@lane.command()
@_lanes
@click.option("--note", default="", help="Why; it stands in the lane's story.")
def resume(lanes: tuple[str, ...], everything: bool, note: str, config: Path | None, format: str) -> None:
    """Let paused lanes go on as they were, and end suspensions: those come back reduced."""
    from warmup.cli.opening import opened
    from warmup.cli.words import lane_words

    source, provider = lane_words(lanes, everything)
    with opened(config) as wm:
        done = wm.engine.resume(source, provider, note)
        tell(done, format, "nothing to resume: none is paused or suspended")


@lane.command()
@_lanes
@click.option("--to", type=click.IntRange(1, 3650), metavar="N", help="To this step of the curve.")
@click.option(
    "--by", type=click.IntRange(-3650, 3650), metavar="N", help="So many steps on, or back: --by -3."
)
@click.option("--now", is_flag=True, help="A higher cap acts at once; else from the next window.")
@click.option("--note", default="", help="Why; shown wherever somebody asks.")
def step(
    lanes: tuple[str, ...],
    everything: bool,
    to: int | None,
    by: int | None,
    now: bool,
    note: str,
    config: Path | None,
    format: str,
) -> None:
    """Move lanes along their curve. What holds them, and what they have learned, stays.

    A lower cap acts at once. `warmup lane reset` forgets what held a lane as well.
    """
    from warmup.cli.opening import opened
    from warmup.cli.words import exactly_one, lane_words

    exactly_one(True, to=to, by=by)
    source, provider = lane_words(lanes, everything)
    with opened(config) as wm:
        done = wm.engine.step(source, provider, to=to, by=by or 0, note=note, now=now)
        tell(done, format, "nothing to move")


@lane.command()
@_lanes
@click.option("--from", "origin", required=True, metavar="ADDRESS|FILE",
              help="Another address, or CSV (date, provider, accepted); - for standard input.")  # fmt: skip
@click.option("--now", is_flag=True, help="A higher cap acts at once; else from the next window.")
@click.option("--note", default="", help="Why; shown wherever somebody asks.")
def graft(
    lanes: tuple[str, ...],
    everything: bool,
    origin: str,
    now: bool,
    note: str,
    config: Path | None,
    format: str,
) -> None:
    """Give the lanes of an address a past that was lived elsewhere.

    Judgement and growth read it as their own, and each lane is put at the step of its usual volume: what
    was reached on three of the last thirty days. Days that it has lived here itself stay as they are.
    """
    from warmup.cli.opening import opened
    from warmup.cli.pasts import read_past
    from warmup.cli.words import address, is_address, lane_words
    from warmup.errors import UsageError

    source, provider = lane_words(lanes, everything)
    if source is None:
        raise UsageError.of("lane", "no address is named", "a past belongs to one address: name it")
    other = address(origin, "--from") if is_address(origin) else None
    history = None if other is not None else read_past(origin)
    with opened(config) as wm:
        done = wm.engine.graft(source, provider, history=history, other=other, note=note, now=now)
        tell(done, format, "nothing to graft")


@lane.command()
@_lanes
@click.option("--step", type=click.IntRange(1, 3650), metavar="N", help="Put them at this step of the curve.")
@click.option("--volume", type=click.IntRange(1, 1_000_000_000), metavar="N",
              help="At the last step at which the address sends no more than so many a day.")  # fmt: skip
@click.option("--warm", is_flag=True, help="At the end of the curve.")
@click.option("--now", is_flag=True, help="A higher cap acts at once; else from the next window.")
@click.option("--note", default="", help="Why; shown wherever somebody asks.")
def reset(
    lanes: tuple[str, ...],
    everything: bool,
    step: int | None,
    volume: int | None,
    warm: bool,
    now: bool,
    note: str,
    config: Path | None,
    format: str,
) -> None:
    """Put lanes at a step, at step 1 unless another is said. Whatever held them is gone.

    A lower cap acts at once, and what it sent already today still counts.
    """
    from warmup.cli.opening import opened
    from warmup.cli.words import exactly_one, lane_words

    exactly_one(False, step=step, volume=volume, warm=warm)
    source, provider = lane_words(lanes, everything)
    with opened(config) as wm:
        done = wm.engine.reset(source, provider, step=step, volume=volume, warm=warm, note=note, now=now)
        tell(done, format, "nothing to reset")
