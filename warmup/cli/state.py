"""``warmup state``: what addresses have earned, written to a file and taken in elsewhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from warmup.cli.options import config_option, format_option

__all__ = ["state"]

OCTETS_MAX = 512 * 1024 * 1024


@click.group()
def state() -> None:
    """Move what addresses have earned to another host or database.

    Pause the lanes on the old host first: an address sends from one host at a time.
    """


@state.command()
@click.argument("file", default="-", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--ip", "ips", multiple=True, metavar="ADDRESS", help="Only this address; repeatable.")
@click.option("--journal", is_flag=True, help="The lanes' stories as well.")
@config_option
def export(file: str, ips: tuple[str, ...], journal: bool, config: Path | None) -> None:
    """Write standing, step, memory and the last forty days of each lane as JSON.

    FILE is written whole or not at all, readable by its owner alone; without one, standard output.
    """
    from warmup.cli import words
    from warmup.cli.opening import opened
    from warmup.cli.writing import write

    chosen = [words.address(one, "--ip") for one in ips]
    with opened(config) as wm:
        facts = wm.export_state(chosen, journal=journal)
    write(file, lambda _: [json.dumps(facts, indent=1), "\n"], named="FILE", private=True)
    if file != "-":
        words.say(f"{len(facts['lanes'])} lanes were written to {file}", err=True)


@state.command("import")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--map", "renamed", multiple=True, metavar="OLD=NEW", help="OLD's past goes to NEW; repeatable."
)
@click.option(
    "--ip", "ips", multiple=True, metavar="ADDRESS", help="Only this address of the file; repeatable."
)
@click.option("--without", multiple=True, metavar="PROVIDER", help="Leave this provider out; repeatable.")
@click.option("--replace", is_flag=True, help="Lanes that have sent mail here take the file's standing, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--ses-percentage", type=click.IntRange(0, 100), metavar="N",
              help="Instead of FILE: the WarmupPercentage that Amazon SES shows of --ip.")  # fmt: skip
@click.option("--sendgrid-start", metavar="DATE",
              help="Instead of FILE: the day on which SendGrid's warm-up of --ip began.")  # fmt: skip
@click.option("--now", is_flag=True,
              help="With these two: a higher cap acts at once; else from the next window.")  # fmt: skip
@config_option
@format_option()
def import_(
    file: str | None,
    renamed: tuple[str, ...],
    ips: tuple[str, ...],
    without: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    ses_percentage: int | None,
    sendgrid_start: str | None,
    now: bool,
    config: Path | None,
    format: str,
) -> None:
    """Take in what `warmup state export` wrote, all of it or nothing.

    A day on which the old host has sent already comes with nothing left of its cap. Where this plan's
    curve gives a step another cap, the lane is put where it sends no more than it did.
    """
    from warmup.cli import words
    from warmup.cli.opening import opened

    words.exactly_one(True, FILE=file, ses_percentage=ses_percentage, sendgrid_start=sendgrid_start)
    chosen = [words.address(one, "--ip") for one in ips]
    if file is None:
        _only(FILE=renamed or without, **{"--replace": replace, "--dry-run": dry_run})
        with opened(config) as wm:
            _declared(wm, chosen, ses_percentage, sendgrid_start, now, format)
        return
    _only(**{"--now": now})
    pairs = _pairs(renamed)
    held = _load(file)
    with opened(config) as wm:
        done = wm.import_state(
            held, renamed=pairs, without=without, ips=chosen, replace=replace, dry_run=dry_run
        )
    rows = [
        {
            "lane": one.lane,
            "standing": one.standing,
            "step": one.step,
            "cap_limit": one.cap_limit,
            "days": one.days,
            "done": one.told,
        }
        for one in done
    ]
    if format == "json":
        from warmup.cli.output import emit

        emit(rows, "json")
        return
    words.wrap([f"{row['lane']}  {row['done']}" for row in rows])
    if dry_run:
        words.say("this was a trial: nothing was changed")


def _only(**given: Any) -> None:
    """Options that make no sense here."""
    from warmup.errors import Problem, UsageError

    problems = [
        Problem(
            "--map, --without" if name == "FILE" else name,
            "does not go with what else is given",
            "leave it out",
        )
        for name, value in given.items()
        if value
    ]
    if problems:
        raise UsageError(problems=problems)


def _pairs(renamed: tuple[str, ...]) -> dict[str, str]:
    from warmup.cli import words
    from warmup.errors import UsageError

    pairs = {}
    for text in renamed:
        old, equals, new = text.partition("=")
        if not equals:
            raise UsageError.of("--map", f"{text!r:.80} has no =", "write OLD=NEW, two addresses")
        old = words.address(old, "--map")
        if old in pairs:
            raise UsageError.of("--map", f"{old} is named twice", "name it once")
        pairs[old] = words.address(new, "--map")
    return pairs


def _load(file: str) -> object:
    from warmup.cli.lines import opened as read
    from warmup.errors import DataError, Problem

    if file == "-":
        octets = sys.stdin.buffer.read(OCTETS_MAX + 1)
    else:
        with read(Path(file)) as held:
            octets = held.read(OCTETS_MAX + 1)
    if len(octets) > OCTETS_MAX:
        wrong = f"is larger than {OCTETS_MAX // 1024**2} MiB"
        raise DataError(problems=[Problem("", wrong, "export address by address", place=file)])
    try:
        return json.loads(octets)
    except (ValueError, RecursionError) as error:
        wrong = f"is no JSON: {error}"
        raise DataError(
            problems=[Problem("", wrong[:200], "give a file of warmup state export", place=file)]
        ) from None


def _declared(
    wm: Any, chosen: list[str], percentage: int | None, started: str | None, now: bool, format: str
) -> None:
    """Put addresses where another sender's automated warm-up had brought them."""
    from warmup.cli.lane import tell
    from warmup.engine.elsewhere import sendgrid_volume, ses_volume
    from warmup.errors import UsageError
    from warmup.plan.calendar import window_at
    from warmup.plan.words import read_date

    if not chosen:
        raise UsageError.of("--ip", "is missing", "name the address that was warmed up there")
    done = []
    for address in chosen:
        share = wm.config.plan.source(address).share
        if percentage is not None:
            volume, note = ses_volume(percentage, share), f"SES warm-up at {percentage} %"
        else:
            assert started is not None
            first = read_date("--sendgrid-start", started)
            today = window_at(wm.config.plan.zone, wm.clock.now()).date
            volume, note = sendgrid_volume(first, today), f"SendGrid warm-up since {first}"
        full = volume >= share
        done += wm.engine.reset(
            address, None, warm=full, volume=None if full else max(1, volume), now=now,
            note=f"{note}: used to {min(volume, share)} a day",
        )  # fmt: skip
    tell(done, format, "nothing to declare")
