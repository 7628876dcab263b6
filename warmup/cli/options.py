"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["config_option", "demand_options", "files_options", "format_option"]

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """``--config FILE``, handed to the command as ``config: Path | None``.

    Pass it to :func:`warmup.config.find_config`, which knows where else to look.
    """
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Configuration; else $WARMUP_CONFIG, ./warmup.toml, /etc/warmup/warmup.toml.",
    )(command)


def format_option(*formats: str) -> Callable[[F], F]:
    """``--format``, handed over as ``format: str``; ``table`` and ``json`` unless others are named."""
    choices = formats or ("table", "json")
    return click.option(
        "--format",
        "format",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How facts are printed.",
    )


def files_options(command: F) -> F:
    """How files are read, handed over as ``log_timezone: str | None`` and ``mx: str | None``."""
    return _all(
        command,
        click.option(
            "--log-timezone",
            metavar="TZ",
            help="Zone of a log's times that name none; the plan's unless given.",
        ),
        click.option(
            "--mx",
            metavar="FILE",
            help="MX hosts by domain, DOMAIN HOST a line: whose mail a company's own domain is.",
        ),
    )


def demand_options(command: F) -> F:
    """What is made of past sends, handed over as ``demand_as``, ``demand_growth``, ...; None: not said."""
    return _all(
        command,
        click.option(
            "--demand-as",
            type=click.Choice(["auto", "forecast", "figures"]),
            help="What a file's figures are for: a forecast (so those of the past), or as they stand.",
        ),
        click.option(
            "--demand-method",
            type=click.Choice(["median", "mean"]),
            help="What a forecast makes of a weekday's figures; median unless given.",
        ),
        click.option(
            "--demand-weeks", type=int, metavar="N", help="Last weeks that a forecast is made from; else 8."
        ),
        click.option(
            "--demand-season", is_flag=True, default=None, help="Let the same weekday a year before speak."
        ),
        click.option("--demand-growth", metavar="RATE", help="Growth of a forecast: 10% a month."),
    )


def _all(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
