"""``warmup plan diff``: two plans side by side."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warmup.config import Config
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
@click.option(
    "--days", type=int, default=30, show_default=True, help="With db: days from tomorrow on to compare."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where they differ.")
@click.option("--format", "format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def diff(
    ctx: click.Context,
    before: str,
    after: str,
    config: Path | None,
    days: int,
    exit_code: bool,
    format: str,
) -> None:
    """Compare two plans: what they are made from, and what may go on which day.

    Each is a configuration (.toml), a file that `warmup plan --format json` wrote, or db: what the
    database was last run with. Beside db, caps are those of the days to come, with the lanes as they stand.
    """
    from warmup.cli.writing import write

    found = (_from_now if "db" in (before, after) else _previews)(before, after, config, days)
    if format == "json":
        write(None, lambda _: [json.dumps(found.to_dict(), indent=1) + "\n"])
    else:
        write(None, lambda _: _told(found))
    if exit_code and not found.same:
        ctx.exit(1)


def _previews(before: str, after: str, config: Path | None, days: int) -> Difference:
    from warmup.errors import PlanError
    from warmup.plan.diff import compare_plans

    given = click.get_current_context().get_parameter_source
    for name, value in (("config", config), ("days", days)):
        if given(name) is click.core.ParameterSource.COMMANDLINE and value is not None:
            raise PlanError.of(f"--{name}", "given without db", "leave it out, or compare with db")
    return compare_plans(_record(before), _record(after))


def _from_now(before: str, after: str, config: Path | None, days: int) -> Difference:
    """Compare with the plan of the database: from its lanes as they stand, where both plans can be made."""
    from warmup.cli.opening import opened
    from warmup.engine.outlook import standing
    from warmup.errors import DataError, PlanError
    from warmup.forecast.caps import caps_ahead
    from warmup.forecast.run import DAYS_MAX
    from warmup.plan.again import made_again
    from warmup.plan.diff import PlanRecord, compare_plans

    if not 1 <= days <= DAYS_MAX:
        raise PlanError.of("--days", f"{days:,} is out of range", f"use a number from 1 to {DAYS_MAX:,}")
    with opened(config) as wm:
        kept, state = wm.engine.planned(), wm.engine.present()
        mine = wm.config
    if kept is None:
        raise DataError.of("db", "was never run with a plan", "run: warmup run --once")

    unknown = ""

    def ahead(name: str) -> PlanRecord:
        nonlocal unknown
        if name == "db":
            head, fingerprint = kept["head"], kept["fingerprint"]
            declarations, ramp, settings = mine.declarations, mine.ramp, kept.get("settings")
            try:
                plan = made_again(head, fingerprint)
            except DataError as error:
                unknown = f"that of the database {error.problems[0].wrong}"
                return PlanRecord(head=head, caps={}, fingerprint=fingerprint, settings=settings)
        elif Path(name).suffix == ".toml":
            from warmup.config import Config

            other = Config.from_file(Path(name))
            plan, declarations, ramp = other.plan, other.declarations, other.ramp
            head, fingerprint, settings = plan.head(), plan.fingerprint, _settings(other)
        else:
            head, fingerprint, settings = _record(name).head, None, None
            plan, declarations, ramp = made_again(head), mine.declarations, mine.ramp
        lanes = standing(plan, declarations, state.lanes)
        caps = caps_ahead(plan, lanes=lanes, today=state.tomorrow, days=days, ramp=ramp)
        return PlanRecord(head=head, caps=caps, fingerprint=fingerprint, settings=settings)

    records = ahead(before), ahead(after)
    return compare_plans(*records, since=state.tomorrow, unknown=unknown)


def _record(name: str) -> PlanRecord:
    from warmup.errors import DataError
    from warmup.plan.diff import PlanRecord

    path = Path(name)
    if path.suffix == ".toml":
        from warmup.config import Config

        config = Config.from_file(path)
        return PlanRecord.of(config.plan, _settings(config))
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


def _settings(config: Config) -> dict[str, str]:
    from warmup.plan.settings import settings_of

    return settings_of(
        ramp=config.ramp,
        growth=config.growth,
        steadiness=config.steadiness,
        demand=config.demand,
        sources=config.sources,
        declarations=config.declarations,
        streams=config.streams,
    )


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
