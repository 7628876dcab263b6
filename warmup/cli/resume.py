"""``warmup resume --after-restore``: an operator's word that a restored database may be used."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["resume"]


@click.command()
@click.option("--after-restore", is_flag=True, help="Use the database though it was restored or copied.")
@config_option
@format_option()
def resume(after_restore: bool, config: Path | None, format: str) -> None:
    """Go on after a database was restored or copied.

    What was sent since the backup is not known to it: it may be sent again, and its day's caps look
    emptier than they are. Check what was sent, cancel what need not go (warmup queue cancel), and
    then say this. To let a paused lane go on, see: warmup lane resume.
    """
    from warmup.errors import TemporaryError, UsageError

    if not after_restore:
        raise UsageError.of("--after-restore", "missing", "say it, or see: warmup lane resume --help")
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import say
    from warmup.store import Witness, machine_id

    with opened(config) as wm:
        witness = Witness(wm.database, wm.config.state_dir, machine_id(), wm.config.node)
        try:
            complaint = witness.complaint()
        except TemporaryError as error:  # it cannot be read, and is about to be replaced
            complaint = str(error)
        incarnation = wm.accept_restore()
        path = str(witness.path)
    if format == "json":
        emit({"complaint": complaint, "incarnation": incarnation, "witness": path}, "json")
        return
    say(f"was: {complaint}" if complaint else "the database and its witness agreed already")
    say(f"a new incarnation, {incarnation}, was written to the database and to {path}")
    say("mail is released again: warmup run")
