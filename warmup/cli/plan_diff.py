"""``warmup plan diff``: two plans side by side."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warmup.plan.diff import Difference, PlanRecord

__all__ = ["diff"]

SIZE_MAX = 512 << 20
DAYS_SHOWN = 31


@click.command()
@click.argument("before")
@click.argument("after")
@click.option(
    "-c", "--config", type=click.Path(path_type=Path), metavar="FILE", help="For db: the configuration."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where they differ.")
@click.option("--format", "format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def diff(
    ctx: click.Context, before: str, after: str, config: Path | None, exit_code: bool, format: str
) -> None:
    """Compare two plans: what they are made from, and what may go on which day.

    Each is a configuration (.toml), a file that `warmup plan --format json` wrote, or db: what the
    database was last run with, of which only what it was made from is known.
    """
    from warmup.cli.plan import write
    from warmup.plan.diff import compare_plans

    found = compare_plans(_record(before, config), _record(after, config))
    if format == "json":
        write(None, lambda _: [json.dumps(found.to_dict(), indent=1) + "\n"])
    else:
        write(None, lambda _: _told(found))
    if exit_code and not found.same:
        ctx.exit(1)


def _record(name: str, config: Path | None) -> PlanRecord:
    from warmup.errors import DataError
    from warmup.plan.diff import PlanRecord

    if name == "db":
        from warmup.cli.opening import opened

        with opened(config) as wm:
            kept = wm.engine.planned()
        if kept is None:
            raise DataError.of("db", "was never run with a plan", "run: warmup run --once")
        return PlanRecord(head=kept["head"], caps={}, fingerprint=kept["fingerprint"])
    path = Path(name)
    if path.suffix == ".toml":
        from warmup.config import Config

        return PlanRecord.of(Config.from_file(path).plan)
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_MAX + 1)
    except OSError as error:
        wrong = f"cannot be read: {error.strerror or error}"
        raise DataError.of(name, wrong, "check the name of the file") from None
    if len(raw) > SIZE_MAX:
        raise DataError.of(name, "is larger than 512 MiB", "write a plan of fewer IPs or days")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError.of(
            name, f"is not JSON: {error}", "give what warmup plan --format json wrote"
        ) from None
    return PlanRecord.read(value, name)


def _told(found: Difference) -> Iterator[str]:
    for sentence in found.sentences():
        yield textwrap.fill(sentence, 80, subsequent_indent="  ") + "\n"
    if found.same:
        return
    for heading, rows in (
        ("day", [(on.isoformat(), old, new) for on, old, new in found.days[:DAYS_SHOWN]]),
        ("provider", [(name, *pair) for name, pair in found.providers.items()]),
        ("IP", [(name, *pair) for name, pair in found.sources.items()]),
    ):
        if not rows:
            continue
        yield f"\n{heading:<20}{'before':>14}{'after':>14}{'change':>14}\n"
        for name, old, new in rows:
            yield f"{name[:19]:<20}{old:>14,}{new:>14,}{new - old:>+14,}\n"
    if len(found.days) > DAYS_SHOWN:
        yield f"\nand {len(found.days) - DAYS_SHOWN:,} days more; --format json has all\n"
