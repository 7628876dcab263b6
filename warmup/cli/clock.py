"""``warmup clock``: what time it is for the engine, and an operator's word that it is right."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["clock"]


@click.group(invoke_without_command=True)
@config_option
@format_option()
@click.pass_context
def clock(ctx: click.Context, config: Path | None, format: str) -> None:
    """Look at the engine's clock, or accept a time that jumped.

    A clock that stands more than 15 minutes before what the database has seen, or that moved by as
    much while the daemon ran, is not believed: nothing is released until it is mended or accepted.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = config
        return
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import iso

    with opened(config) as wm:
        watch = wm.engine.context.watch
        facts = {
            "now": iso(wm.clock.now()),
            "kind": wm.clock.kind,
            "seen": iso(watch.seen_at) if watch.seen_at else None,
            "believed": watch.complaint() is None,
            "complaint": watch.complaint(),
        }
    emit(facts, format)


@clock.command()
@config_option
@click.pass_obj
def accept(outer: Path | None, config: Path | None) -> None:
    """Believe the clock as it stands, here and in a daemon that runs.

    Look at the time first: a window that was closed stays closed, so after a step back a lane waits
    until its last window has ended again.
    """
    from warmup.cli.opening import opened
    from warmup.timing import format_instant

    with opened(config or outer) as wm:
        wm.engine.accept_clock()
        click.echo(f"accepted: it is {format_instant(wm.clock.now())}")
