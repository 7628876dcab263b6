"""``warmup doctor``: configuration, database and host, looked at one after the other."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["doctor"]

UNAVAILABLE = 69


@click.command()
@config_option
@format_option()
def doctor(config: Path | None, format: str) -> int:
    """Check configuration, database and host, and say how to mend what is wrong.

    "fail" stops mail or breaks a promise, "warn" may, "unknown" could not be found out (no DNS).
    Nothing is sent or changed. Exits with 69 where something fails.
    """
    from warmup.cli.checkup import examine
    from warmup.cli.output import emit
    from warmup.cli.words import wrap

    failed = False
    for finding in examine(config):
        failed = failed or finding.level == "fail"
        if format == "json":
            emit(
                {
                    "level": finding.level,
                    "check": finding.check,
                    "text": finding.text,
                    "mend": finding.mend or None,
                },
                "json",
            )
        else:
            mend = f" ({finding.mend})" if finding.mend else ""
            wrap([f"{finding.level:<7}  {finding.check}: {finding.text}{mend}"], " " * 9)
    return UNAVAILABLE if failed else 0
