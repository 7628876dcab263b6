"""The command ``warmup``. It prints and asks; what it prints is decided elsewhere.

A command's module is imported when the command runs or its own help is printed. ``warmup --help``
reads the one-line helps from the table below and imports none of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from warmup import __version__

__all__ = ["COMMANDS", "LazyGroup", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("warmup.cli.plan:plan", "Preview how much goes to whom on which day."),
    "demo": ("warmup.cli.demo:demo", "Watch weeks of warm-up in about a minute, on this machine alone."),
    "init": ("warmup.cli.init:init", "Write a commented warmup.toml and make its database."),
    "submit": ("warmup.cli.submit:submit", "Queue messages from files, mailboxes or standard input."),
    "run": ("warmup.cli.run:run", "Release and deliver what is queued."),
    "status": ("warmup.cli.status:status", "Show lanes, caps, what is used and what waits."),
    "explain": ("warmup.cli.explain:explain", "Tell the story of a delivery, a lane or an address."),
    "classify": ("warmup.cli.classify:classify", "Say what a server's reply means, and by which rule."),
    "queue": ("warmup.cli.queue:queue", "Look at deliveries, cancel or release them."),
    "ip": ("warmup.cli.ip:ip", "Add sending addresses, list them, say what they are used to."),
    "lane": ("warmup.cli.lane:lane", "Pause, resume, move or reset lanes, give them a past."),
    "feedback": ("warmup.cli.feedback:feedback", "Count complaints, bounces and folders that others report."),
    "state": ("warmup.cli.state:state", "Move what addresses have earned to another host."),
    "resume": ("warmup.cli.resume:resume", "Go on after a database was restored."),
    "clock": ("warmup.cli.clock:clock", "Look at the engine's clock, accept a time that jumped."),
    "db": ("warmup.cli.db:db", "Make, upgrade, show and check the database."),
    "doctor": ("warmup.cli.doctor:doctor", "Check configuration, database and host."),
    "simulate": ("warmup.cli.simulate:simulate", "Compare strategies against models of providers."),
    "completion": ("warmup.cli.completion:completion", "Print a completion script for a shell."),
}
"""Where each command is, and its help in one line."""


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to print its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise click.UsageError(f'No such command "{args[0]}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode or "_WARMUP_COMPLETE" in os.environ:
            return super().main(args, prog_name or "warmup", complete_var, standalone_mode, **extra)
        from warmup.cli.guard import guarded

        words = list(sys.argv[1:] if args is None else args)
        sys.exit(guarded(self, words, prog_name or "warmup", extra))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has a --help of its own. Facts come as JSON with --format json.",
)
@click.version_option(__version__, prog_name="warmup", message="%(prog)s %(version)s")
def main() -> None:
    """Warm up e-mail sending IPs and keep them warm."""
