"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["config_option", "format_option"]

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
