"""``warmup completion``: a completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script.

    bash and zsh: eval "$(warmup completion bash)" in the shell's start-up file.
    fish: warmup completion fish > ~/.config/fish/completions/warmup.fish
    """
    from warmup.cli import main

    maker = get_completion_class(shell)
    assert maker is not None  # click brings all three
    click.echo(maker(main, {}, "warmup", "_WARMUP_COMPLETE").source())
