"""``warmup ip``: addresses that mail leaves from, in the configuration and in what is known of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.config import Config

__all__ = ["ip"]


@click.group()
def ip() -> None:
    """List sending addresses, add one, say what one is used to."""


@ip.command("list")
@config_option
@format_option()
def list_(config: Path | None, format: str) -> None:
    """List the addresses of the configuration with what each carries once it is warm."""
    from warmup.cli.opening import load_config
    from warmup.cli.output import emit

    loaded = load_config(config)
    emit(
        [_facts(loaded, place) for place in range(len(loaded.sources))],
        format,
        columns=["address", "ehlo", "pool", "start", "share", "declared"],
    )


def _facts(config: Config, place: int) -> dict[str, Any]:
    source = config.sources[place]
    planned = config.plan.source(source.address)
    declared = config.declarations.get(source.address)
    word = None
    if declared is not None:
        word = "warm" if declared.warm else None
        word = f"step {declared.step}" if declared.step is not None else word
        word = f"volume {declared.volume}" if declared.volume is not None else word
    return {
        "address": source.address,
        "ehlo": source.ehlo,
        "pool": source.pool,
        "start": planned.start.isoformat(),
        "share": planned.share,
        "declared": word,
    }


@ip.command()
@click.argument("address")
@click.option(
    "--ehlo", required=True, metavar="NAME", help="Name given after EHLO; it resolves to the address."
)
@click.option("--pool", metavar="POOL", help="Pool of the streams that may use it; else default.")
@click.option("--start", metavar="DATE", help="Its first day; else the plan's.")
@click.option("--share", type=click.IntRange(1), metavar="N",
              help="Deliveries a day once warm; else an even part of the target.")  # fmt: skip
@click.option("--warm", is_flag=True, help="It carries its whole share already.")
@click.option("--step", type=click.IntRange(1), metavar="N", help="It stands at this step already.")
@click.option("--volume", type=click.IntRange(1), metavar="N", help="It is used to so many a day already.")
@config_option
@format_option()
def add(
    address: str,
    ehlo: str,
    pool: str | None,
    start: str | None,
    share: int | None,
    warm: bool,
    step: int | None,
    volume: int | None,
    config: Path | None,
    format: str,
) -> None:
    """Add a sending address to the configuration file.

    A table is put at the file's end; the rest stays as it is, comments too. A file that would not
    be accepted afterwards is not written. A daemon reads the file when it starts.
    """
    from warmup.cli import words
    from warmup.cli.editing import edited
    from warmup.cli.output import emit
    from warmup.config import find_config
    from warmup.plan.words import read_date

    words.exactly_one(False, warm=warm, step=step, volume=volume)
    canonical = words.address(address)
    lines = [f'[sources."{canonical}"]', f"ehlo = {json.dumps(ehlo)}"]
    if pool is not None:
        lines.append(f"pool = {json.dumps(pool)}")
    if start is not None:
        lines.append(f"start = {read_date('--start', start).isoformat()}")
    if warm:
        lines.append("warm = true")
    given = {"share": share, "step": step, "volume": volume}
    lines += [f"{name} = {value}" for name, value in given.items() if value is not None]

    path = find_config(config)
    before, after = edited(path, canonical, lines)
    place = next(i for i, source in enumerate(after.sources) if source.address == canonical)
    if format == "json":
        emit({"file": str(path), **_facts(after, place)}, "json")
        return
    words.say(f"{canonical} was added to {path}; start warmup run again to use it")
    changed = [
        source.address
        for source in before.sources
        if before.plan.source(source.address).share != after.plan.source(source.address).share
    ]
    if changed:
        shares = {after.plan.source(one).share for one in changed}
        words.say(
            f"note: {len(after.sources)} addresses share the target now, so the share of "
            f"{', '.join(changed)} falls to {' or '.join(map(str, sorted(shares)))} a day"
        )


@ip.command()
@click.argument("address")
@click.option("--warm", is_flag=True, help="It carries its whole share.")
@click.option(
    "--step", type=click.IntRange(1, 3650), metavar="N", help="It stands at this step of the curve."
)
@click.option("--volume", type=click.IntRange(1, 1_000_000_000), metavar="N",
              help="It is used to so many deliveries a day.")  # fmt: skip
@click.option("--now", is_flag=True, help="A higher cap acts at once; else from the next window.")
@config_option
@format_option()
def declare(
    address: str,
    warm: bool,
    step: int | None,
    volume: int | None,
    now: bool,
    config: Path | None,
    format: str,
) -> None:
    """Say what an address of the configuration is used to: all its lanes are put there.

    This speaks of addresses that are known already; for a new one, say it to `warmup ip add`.
    """
    from warmup.cli import words
    from warmup.cli.lane import tell
    from warmup.cli.opening import opened
    from warmup.errors import UsageError

    words.exactly_one(True, warm=warm, step=step, volume=volume)
    canonical = words.address(address)
    said = "warm" if warm else f"step {step}" if step is not None else f"used to {volume} a day"
    with opened(config) as wm:
        known = [source.address for source in wm.config.sources]
        if canonical not in known:
            mend = f"one of {', '.join(known)}; or: warmup ip add {canonical}"
            raise UsageError.of("ADDRESS", f"{canonical} is not in the configuration", mend)
        done = wm.engine.reset(
            canonical, None, step=step, volume=volume, warm=warm, note=f"declared {said}", now=now
        )
        tell(done, format, "nothing to declare")
