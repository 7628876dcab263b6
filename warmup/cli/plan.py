"""``warmup plan``: how much goes to whom on which day, before anything is sent.

Only click is imported with this module; the planner is when the command runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import demand_options, files_options

if TYPE_CHECKING:
    from warmup.cli.plan_reading import Reading
    from warmup.plan import Plan
    from warmup.plan.aim import Steadiness

__all__ = ["SUBCOMMANDS", "plan", "problems_of_options", "today"]

SUBCOMMANDS = {
    "curves": ("warmup.cli.plan_curves:curves", "Compare the curves; show one with its figures and source."),
    "diff": ("warmup.cli.plan_diff:diff", "Compare two plans, day by day."),
    "solve": ("warmup.cli.plan_solve:solve", "Answer how many IPs, which start, how much on a day."),
}
"""Where each subcommand is, and its help in one line; it is imported when it runs."""


class _Group(click.Group):
    """Imports a subcommand's module only to run it or to print its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        from importlib import import_module

        module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in SUBCOMMANDS.items()])


@click.group(
    cls=_Group,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--target", type=int, help="Deliveries a day that all IPs together shall carry once warm.")
@click.option("--curve", default="ses", show_default=True, metavar="NAME-OR-FILE", help="How a cap grows.")
@click.option("--days", type=int, default=45, show_default=True, help="Days to show.")
@click.option(
    "--start", metavar="DATE", help="First day. Else the first of --ips, or today in the time zone."
)
@click.option(
    "--ips", default="1", show_default=True, metavar="N-OR-LIST", help="How many, or A,B or A@DATE,B@DATE."
)
@click.option(
    "--mix", default="us", show_default=True, metavar="MIX", help="us uk de fr pl b2b, or google=0.5,..."
)
@click.option("--timezone", default="UTC", show_default=True, metavar="TZ", help="Whose calendar days count.")
@click.option("--pattern", default="waking", show_default=True, help="flat, office, waking, or 24 weights.")
@click.option("--weekdays", metavar="7-WEIGHTS", help="Weights of Monday to Sunday: 1,1,1,1,1,0.5,0.5.")
@click.option("--sending-days", metavar="DAYS", help="Days on which something is sent: mon-fri.")
@click.option(
    "--holidays", metavar="DATES-OR-FILE", help="Days of rest: 2026-12-25,2027-01-01, country:DE or a file."
)
@click.option(
    "--pause",
    "pauses",
    multiple=True,
    metavar="FROM..TO[,IP][,PROVIDER]",
    help="Rest from day to day; repeat it.",
)
@click.option("--demand", metavar="SPEC", help="What must be sent: a CSV file, a mail log or a description.")
@click.option("--from-db", is_flag=True, help="Go on from today's real state; the configuration's plan.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --from-db: the configuration.",
)
@click.option("--deadline", type=int, metavar="DAYS", help="Days that the demand's mail may wait.")
@demand_options
@files_options
@click.option(
    "--smooth/--no-smooth",
    default=None,
    help="Spread mail once lanes are warm, as [plan] smooth does; with --from-db as configured.",
)
@click.option(
    "--keep-warm", type=int, metavar="N", help="With --smooth: so many a day, IP and provider are never held."
)
@click.option("--patience", type=int, metavar="DAYS", help="With --smooth: days for mail without a deadline.")
@click.option(
    "--ramp",
    type=click.Choice(["calendar", "sending-day", "earned", "health"]),
    default="health",
    show_default=True,
    help="What moves a lane, with --demand.",
)
@click.option(
    "--by", type=click.Choice(["day", "ip"]), default="day", show_default=True, help="Rows of the table."
)
@click.option(
    "--format",
    "format",
    type=click.Choice(["table", "json", "csv", "html", "svg", "ics"]),
    default="table",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "--output", metavar="FILE", help="Write there, replacing the file in one go. Else standard output."
)
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    target: int | None,
    start: str | None,
    ips: str,
    weekdays: str | None,
    sending_days: str | None,
    demand: str | None,
    from_db: bool,
    config: Path | None,
    deadline: int | None,
    smooth: bool | None,
    keep_warm: int | None,
    patience: int | None,
    ramp: str,
    by: str,
    format: str,
    output: str | None,
    **rest: Any,
) -> None:
    """Preview a warm-up: how much goes to whom on which day.

    Nothing is changed, and no configuration or database is read. With --demand the plan is run
    forward against what must be sent. --mix, --pattern and --weekdays take from:FILE and measure a list,
    past sends or a mail log. `warmup plan curves` compares the curves, and says where each was published.
    """
    if ctx.invoked_subcommand is not None:
        return
    from warmup.cli.writing import write
    from warmup.errors import PlanError

    named = [str(value) for value in (rest["mix"], rest["pattern"], weekdays)]
    _without_use(
        ctx,
        from_db=from_db,
        demand=demand is not None,
        files=demand is not None or any(value.startswith("from:") for value in named),
    )
    names = {"weekdays": "weekdays" if sending_days is None else "sending-days", "keep_warm": "keep-warm"}
    given = {"keep_warm": keep_warm, "patience": patience}
    spread = {name: value for name, value in given.items() if value is not None}
    if spread and not smooth and not (from_db and smooth is None):
        raise PlanError.of(
            f"--{next(iter(spread)).replace('_', '-')}", "given without --smooth", "add --smooth"
        )
    if from_db:
        from warmup.cli.plan_now import from_now

        write(
            output,
            lambda out: from_now(
                config,
                demand,
                days=rest["days"],
                deadline=deadline,
                words=rest,
                smooth=smooth,
                spread=spread,
                format=format,
                out=out,
            ),
        )
        return
    if target is None and demand is None:
        raise PlanError.of("--target", "missing", "say how many deliveries a day, such as --target 50000")
    if sending_days is not None and weekdays is not None:
        raise PlanError.of(
            "--sending-days", "given beside --weekdays", "a weight of 0 is a day of rest: give one"
        )
    if start is None and "@" not in ips:
        start = today(rest["timezone"])
    week: Any = sending_days if weekdays is None else weekdays
    with problems_of_options(names):
        from warmup.cli.plan_reading import Reading

        reading = Reading.of(rest, rest["timezone"])
        words = reading.measure({"start": start, "ips": ips, "weekdays": week, **rest})
        if demand is not None:
            from warmup.cli.plan_demand import against

            show = against(
                target,
                words,
                demand,
                reading,
                deadline=deadline,
                steadiness=_steadiness(**spread) if smooth else None,
                ramp=ramp,
            )
        else:
            from warmup.plan import plan as make

            show = _preview(make(target, **words), reading)  # type: ignore[arg-type]
        reading.settle()
    write(output, lambda out: show(format, by, out))


def _steadiness(**spread: int) -> Steadiness:
    from warmup.plan.aim import Steadiness

    return Steadiness(**spread)


def _preview(made: Plan, reading: Reading) -> Callable[[str, str, Any], Iterator[str]]:
    """What writes a plan that is held against nothing."""

    def show(format: str, by: str, out: Any) -> Iterator[str]:
        if format == "table":
            from warmup.cli.plan_table import table

            return table(made, by, out, reading)
        if format == "json":
            return _json(made, reading.facts())
        if format == "html":
            from warmup.cli.plan_page import page

            return page(made, reading.page())
        return {"csv": _csv, "svg": _svg, "ics": _ics}[format](made)

    return show


OF_DEMAND = (
    "deadline", "demand_as", "demand_method", "demand_weeks", "demand_season", "demand_growth",
)  # fmt: skip
"""Options that say nothing without a demand."""

OF_FORECAST = ("smooth", "keep_warm", "patience", "ramp")
"""Options that say nothing without a forecast."""

UNDER_DEMAND = ("by",)
"""Options that say nothing with a demand."""

OF_FILES = ("log_timezone", "mx")
"""Options that say nothing where no file is read."""

BESIDE_DATABASE = (
    *OF_DEMAND, *OF_FILES, "demand", "from_db", "config", "smooth", "keep_warm", "patience", "days", "format",
    "output",
)  # fmt: skip
"""Options that may stand beside ``--from-db``; the configuration says the rest."""


def _without_use(ctx: click.Context, *, from_db: bool, demand: bool, files: bool) -> None:
    """Refuse options that were given and would change nothing.

    Raises:
        PlanError: There are some.
    """
    from warmup.errors import PlanError, Problem

    names = {parameter.name or "": parameter.opts[-1] for parameter in ctx.command.params}
    found = []
    for name, option in names.items():
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        if from_db and name not in BESIDE_DATABASE:
            found.append(Problem(option, "given beside --from-db", "the configuration says it"))
        elif not demand and (name in OF_DEMAND or (name in OF_FORECAST and not from_db)):
            found.append(Problem(option, "given without a demand", "add --demand, or leave it out"))
        elif demand and name in UNDER_DEMAND:
            found.append(Problem(option, "given with a demand, whose days are of all IPs", "leave it out"))
        elif not files and name in OF_FILES:
            mend = "add --demand FILE or --mix from:FILE, or leave it out"
            found.append(Problem(option, "given, but no file is read", mend))
        elif name == "config" and not from_db:
            found.append(Problem(option, "given without --from-db", "add --from-db, or leave it out"))
    if found:
        raise PlanError(problems=found)


def today(zone: str) -> str:
    """Today in a zone; in UTC where there is no such zone, which is reported in its own place."""
    from warmup.errors import PlanError
    from warmup.plan.calendar import local_date
    from warmup.timing import SystemClock

    now = SystemClock().now()
    try:
        return local_date(zone, now).isoformat()
    except PlanError:
        return local_date("UTC", now).isoformat()


@contextmanager
def problems_of_options(names: Mapping[str, str]) -> Iterator[None]:
    """Say mistakes under the name of the option that they were typed with.

    Args:
        names: Options that are called otherwise than the plan's field.
    """
    from warmup.errors import Problem, WarmupError

    try:
        yield
    except WarmupError as error:
        names = {"pauses": "pause", "growth": "demand-growth", "weeks": "demand-weeks", **names}
        raise type(error)(
            problems=[
                # What stands in a file is named by its line.
                found
                if found.place or found.field.startswith("-")
                else Problem(_option(found.field, names), found.wrong, found.mend)
                for found in error.problems
            ]
        ) from None


def _option(field: str, names: Mapping[str, str]) -> str:
    """Name the option that a field came from: ``curve.geometric.start`` is ``--curve geometric.start``.

    Args:
        field: The field of the plan.
        names: Options that are called otherwise than their field.
    """
    head, between, rest = re.match(r"([^. ]*)([. ]?)(.*)", field, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"--{names.get(head, head)}{between and ' '}{rest}"


def _csv(plan: Plan) -> Iterator[str]:
    yield "day,date,ip,provider,cap\n"
    for day, on, source, caps in plan.grid():
        head = f"{day},{on.isoformat()},{source.address},"
        yield "".join(f"{head}{provider},{cap}\n" for provider, cap in zip(plan.providers, caps, strict=True))


def _json(plan: Plan, measured: Mapping[str, Any]) -> Iterator[str]:
    """One object as ``Plan.to_dict`` describes it, a row a line, never held in memory at once."""
    import json

    import attrs

    yield '{"plan": ' + json.dumps(plan.head()) + ',\n"days": ['
    comma = "\n"
    for row in plan.rows():
        yield comma + json.dumps(plan.row_dict(row))
        comma = ",\n"
    yield '\n],\n"advice": ' + json.dumps([attrs.asdict(item) for item in plan.advice()])
    if measured:
        yield ',\n"measured": ' + json.dumps(measured)
    yield "}\n"


def _svg(plan: Plan) -> Iterator[str]:
    from warmup.cli.plan_page import picture

    yield picture(plan)


def _ics(plan: Plan) -> Iterator[str]:
    from warmup.cli.plan_calendar import calendar
    from warmup.timing import SystemClock

    yield from calendar(plan, SystemClock().now())
