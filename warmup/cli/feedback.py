"""``warmup feedback``: what others say of mail that was accepted."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["feedback"]

TOLD = {
    "counted": "counted",
    "known": "known already: it counts once",
    "nobody's": "about mail that nobody remembers: counted nowhere",
}


@click.group()
def feedback() -> None:
    """Count complaints, late bounces and folders that others report."""


@feedback.command()
@click.option("--kind", required=True,
              type=click.Choice(["complaint", "not-spam", "bounce", "inbox", "spam"]),
              help="not-spam takes a complaint back; inbox and spam are folders.")  # fmt: skip
@click.option("--delivery", type=click.IntRange(1, 2**62), metavar="ID", help="The delivery it is about.")
@click.option("--ip", metavar="ADDRESS", help="Else the address that it was sent from,")
@click.option("--provider", metavar="NAME", help="the provider it went to,")
@click.option("--on", metavar="DATE", help="and the day on which it was sent, in the plan's zone.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=1, show_default=True, metavar="N",
              help="How many there were.")  # fmt: skip
@click.option("--id", "key", required=True, metavar="KEY",
              help="The reporter's own name of it: what is reported twice counts once.")  # fmt: skip
@config_option
@format_option()
def add(
    kind: str,
    delivery: int | None,
    ip: str | None,
    provider: str | None,
    on: str | None,
    count: int,
    key: str,
    config: Path | None,
    format: str,
) -> int:
    """Count what somebody reports, on the day on which its mail was accepted.

    Bad news acts at once, also on a day that is long over. Exits with 65 where it is about mail that
    nobody remembers.
    """
    from warmup.cli import words
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.errors import UsageError
    from warmup.model import LaneKey, Taken
    from warmup.plan.calendar import window_at, window_of
    from warmup.plan.words import read_date

    named = {"--ip": ip, "--provider": provider, "--on": on}
    missing = [name for name, value in named.items() if value is None]
    if delivery is not None and len(missing) < len(named):
        raise UsageError.of(
            "--delivery", "says whose and when already", "leave --ip, --provider and --on out"
        )
    if delivery is None and missing:
        raise UsageError.of(", ".join(missing), "is missing", "name --delivery, or --ip, --provider and --on")
    with opened(config) as wm:
        lane, at = None, None
        if ip is not None and provider is not None and on is not None:
            lane = LaneKey(words.address(ip, "--ip"), provider)
            day = read_date("--on", on)
            window, now = window_of(wm.config.plan.zone, day), wm.clock.now()
            if window.starts_at > now:
                today = window_at(wm.config.plan.zone, now).date
                raise UsageError.of("--on", f"{day} is after today, {today}", "say when the mail was sent")
            at = window.starts_at
        taken = wm.report(kind.replace("-", "_"), id=key, delivery=delivery, lane=lane, at=at, count=count)
    if format == "json":
        emit({"id": key, "kind": kind, "count": count, "taken": taken.value}, "json")
    else:
        words.say(f"{key}  {TOLD[taken.value]}")
    return 65 if taken is Taken.NOBODYS else 0
