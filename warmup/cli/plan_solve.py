"""``warmup plan solve``: the questions the other way round, each with what binds its answer."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs
import click

from warmup.cli.options import demand_options, files_options

if TYPE_CHECKING:
    from warmup.cli.plan_reading import Reading
    from warmup.forecast.question import Answer, Frame

__all__ = ["solve"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def solve() -> None:
    """Answer what a plan is made for: how many IPs, which start, how much on a day.

    Every answer is checked by running the plan forward and comes with what binds it. Lanes are
    taken to make a step each sending day: their caps are used, or the ramp's clock is the calendar.
    """


def _framed(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every question has."""
    command = files_options(command)
    for option in reversed(
        (
            click.option("--curve", default="ses", show_default=True, metavar="NAME-OR-FILE"),
            click.option("--mix", default="us", show_default=True, metavar="MIX"),
            click.option("--timezone", default="UTC", show_default=True, metavar="TZ"),
            click.option("--pattern", default="waking", show_default=True),
            click.option("--weekdays", metavar="7-WEIGHTS", help="Weights of Monday to Sunday."),
            click.option("--sending-days", metavar="DAYS", help="Days on which something is sent: mon-fri."),
            click.option("--holidays", metavar="DATES-OR-FILE", help="Days of rest."),
            click.option("--pause", "pauses", multiple=True, metavar="FROM..TO", help="Rest; repeat it."),
            click.option("--per-ip", type=int, help="The most that one IP shall carry a day."),
            click.option(
                "--format",
                "format",
                type=click.Choice(["table", "json"]),
                default="table",
                show_default=True,
                help="How it is written.",
            ),
        )
    ):
        command = option(command)
    return command


OF_RAMPS = {
    "curve": "--curve", "timezone": "--timezone", "pattern": "--pattern", "weekdays": "--weekdays",
    "sending_days": "--sending-days", "holidays": "--holidays", "pauses": "--pause", "per_ip": "--per-ip",
}  # fmt: skip
"""Options that say nothing where no ramp is looked at."""

_VOLUME = click.option("--volume", type=int, required=True, help="Deliveries a day.")
_DEADLINE = click.option(
    "--deadline", type=int, default=0, show_default=True, help="Days that a delivery may wait."
)
_START = click.option("--start", metavar="DATE", help="First day of the ramp. Else today in the time zone.")


def _frame(words: dict[str, Any], reading: Reading) -> Frame:
    from warmup.errors import PlanError
    from warmup.forecast.question import Frame

    weekdays, days = words.pop("weekdays"), words.pop("sending_days")
    if weekdays is not None and days is not None:
        raise PlanError.of("sending-days", "given beside --weekdays", "a weight of 0 is a day of rest")
    return Frame.read(**reading.measure({**words, "weekdays": days if weekdays is None else weekdays}))


def _without_demand(demand: str | None, words: dict[str, Any]) -> None:
    """Refuse what was said of a demand where there is none."""
    from warmup.cli.plan_reading import OPTIONS
    from warmup.errors import PlanError, Problem

    problems = [
        Problem(option, "given without a demand", "add --demand, or leave it out")
        for name, option in OPTIONS.items()
        if demand is None and name.startswith("demand_") and words[name] is not None
    ]
    if problems:
        raise PlanError(problems=problems)


def _idle(names: Mapping[str, str], wrong: str, mend: str) -> None:
    """Refuse options of this command that were typed and would change nothing; ``names`` are typed names."""
    from warmup.errors import PlanError, Problem

    given = click.get_current_context().get_parameter_source
    typed = [
        option for name, option in names.items() if given(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if typed:
        raise PlanError(problems=[Problem(option, wrong, mend) for option in typed])


def _weights(text: str | None) -> list[int]:
    """Read ``3,2,1``; nothing where nothing was said."""
    from warmup.errors import PlanError

    parts = [] if text is None else text.split(",")
    try:
        return [int(part) for part in parts]
    except ValueError:
        mend = "give a whole number for each IP, such as 3,2,1"
        raise PlanError.of("shares", f"{text!r} holds more than whole numbers", mend) from None


def _day(field: str, text: str | None, zone: str) -> date:
    from warmup.plan.words import read_date

    if text is None:
        from warmup.cli.plan import today

        text = today(zone)
    return read_date(field, text)


def _answered(format: str, words: dict[str, Any], ask: Callable[[Frame, Reading], Answer]) -> None:
    """Ask, print, and end with 65 where the figures have no answer."""
    from warmup.cli.plan import problems_of_options
    from warmup.cli.plan_reading import Reading
    from warmup.cli.writing import write

    with problems_of_options({}):
        given = dict(words)
        reading = Reading.of(given, given["timezone"])
        answer = ask(_frame(given, reading), reading)
        reading.settle()
    if format == "json":
        measured = reading.facts()
        whole = answer.to_dict() | ({"measured": measured} if measured else {})
        write(None, lambda _: [json.dumps(whole, indent=1) + "\n"])
    else:
        write(None, lambda _: _told(answer, words, reading))
    if not answer.found:
        from warmup.errors import DataError

        click.get_current_context().exit(DataError.exit_code)


def _told(answer: Answer, words: dict[str, Any], reading: Reading) -> Iterator[str]:
    def line(text: str, before: str = "") -> str:
        return (
            textwrap.fill(
                text,
                80,
                initial_indent=before,
                subsequent_indent=" " * len(before),
                break_on_hyphens=False,
                break_long_words=False,
            )
            + "\n"
        )

    yield line(answer.text)
    providers = answer.facts.get("providers")
    if isinstance(providers, dict):
        yield "\n"
        width = max(map(len, providers))
        if answer.question == "feed":
            yield "  IPs that each provider alone could feed:\n"
        for name, number in providers.items():
            yield f"  {name.ljust(width)}  {number:>12,}\n"
    if "each" in answer.facts:
        yield from _each(answer.facts["each"])
    yield "\n" + line(answer.binding.message, "binding: ")
    for note in (*answer.notes, *reading.sentences()):
        yield line(note, "note: ")
    yield from reading.shares()
    if answer.plan is not None and answer.question != "feed":
        if "shares" in answer.facts:
            yield line("a preview takes shares from a configuration: share = ... of each source", "note: ")
        else:
            yield "\n" + _command(answer, words)


def _each(rows: list[dict[str, Any]]) -> Iterator[str]:
    """What each IP will see: from when a provider notices it, and its least day there at last."""
    names = list(rows[0]["volumes"]) if rows else []
    width = max(map(len, ["provider", *names]))
    for row in rows:
        yield f"\n  {row['ip']} from {row['start']}, {row['share']:,} a day once warm\n"
        yield f"    {'provider'.ljust(width)}  {'noticed':10}  {'least':>9}  {'most':>9}  a day at last\n"
        for name, seen in row["volumes"].items():
            least, most = f"{seen['least']:,}", f"{seen['most']:,}"
            yield f"    {name.ljust(width)}  {seen['noticed'] or '-':10}  {least:>9}  {most:>9}\n"


_AS_TYPED = {
    "curve": ("--curve", "ses"),
    "mix": ("--mix", "us"),
    "timezone": ("--timezone", "UTC"),
    "pattern": ("--pattern", "waking"),
    "weekdays": ("--weekdays", None),
    "sending_days": ("--sending-days", None),
    "holidays": ("--holidays", None),
    "log_timezone": ("--log-timezone", None),
    "mx": ("--mx", None),
}
"""Options of the frame that the preview takes too, and what they are where nothing is said."""


def _command(answer: Answer, words: dict[str, Any]) -> str:
    """The preview of the plan that the answer stands on, as it can be typed."""
    from shlex import quote

    made = answer.plan
    assert made is not None
    starts = {source.start for source in made.sources}
    ips = str(len(made.sources))
    if len(starts) > 1:
        ips = ",".join(f"{source.address}@{source.start}" for source in made.sources)
    parts = ["warmup plan", f"--target {made.target}", f"--ips {ips}"]
    if len(starts) == 1:
        parts.append(f"--start {next(iter(starts))}")
    measured = any(str(words[name]).startswith("from:") for name in ("mix", "pattern", "weekdays"))
    for name, (option, usual) in _AS_TYPED.items():
        if name in ("log_timezone", "mx") and not measured:
            continue
        if words[name] not in (usual, None):
            parts.append(f"{option} {quote(words[name])}")
    parts.extend(f"--pause {quote(pause)}" for pause in words["pauses"])
    lines = ["  $"]
    for part in parts:
        if len(lines[-1]) + len(part) > 76 and len(lines[-1]) > 8:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {part}"
    return "\n".join(lines) + "\n"


@solve.command()
@click.option("--volume", type=int, help="Deliveries a day, from --by on.")
@click.option("--by", metavar="DATE", help="The first day on which they shall go.")
@click.option("--demand", metavar="SPEC", help="Instead: what arrives, a file or a description.")
@click.option("--days", type=int, default=90, show_default=True, help="Days of the demand to look at.")
@click.option("--target", type=int, help="With --demand: what all carry once warm; else its largest day.")
@_START
@_DEADLINE
@demand_options
@_framed
def ips(
    volume: int | None,
    by: str | None,
    demand: str | None,
    days: int,
    target: int | None,
    start: str | None,
    deadline: int,
    format: str,
    **words: Any,
) -> None:
    """Find how many IPs send so much a day from a day on, or a demand within its deadlines."""
    from warmup.errors import PlanError
    from warmup.forecast.needs import how_many_ips_for
    from warmup.forecast.solve import how_many_ips

    def ask(frame: Frame, reading: Reading) -> Answer:
        zone = reading.zone
        first = _day("start", start, zone)
        _without_demand(demand, words)
        if demand is None:
            _idle(
                {"days": "--days", "target": "--target"},
                "given without a demand",
                "add it, or leave this out",
            )
            if volume is None or by is None:
                raise PlanError.of(
                    "by" if volume is not None else "volume",
                    "missing",
                    "say --volume 50000 --by 2027-01-15, or --demand with what arrives",
                )
            return how_many_ips(frame, volume, _day("by", by, zone), first, deadline)
        if volume is not None or by is not None:
            raise PlanError.of("demand", "given beside --volume or --by", "ask about one of them")
        from warmup.cli.plan_demand import due

        read = reading.demand(demand, start=first, days=days, mix=frame.mix)
        return how_many_ips_for(frame, due(read.demand, deadline), first, target=target)

    _answered(format, words, ask)


@solve.command()
@_VOLUME
@click.option("--on", required=True, metavar="DATE", help="The first day on which it shall go.")
@click.option("--ips", type=int, default=1, show_default=True, help="How many IPs start, all on one day.")
@_DEADLINE
@_framed
def start(volume: int, on: str, ips: int, deadline: int, format: str, **words: Any) -> None:
    """Find the latest start with which so much goes on a day."""
    from warmup.forecast.solve import when_to_start

    def ask(frame: Frame, reading: Reading) -> Answer:
        answer = when_to_start(frame, volume, _day("on", on, reading.zone), ips, deadline)
        now, latest = _day("today", None, reading.zone), answer.facts["start"]
        if latest is None or date.fromisoformat(str(latest)) >= now:
            return answer
        late = f"{latest} lies before today, {now}: ask for more IPs, another curve, or a later day."
        return attrs.evolve(answer, notes=(*answer.notes, late))

    _answered(format, words, ask)


@solve.command()
@click.option("--on", required=True, metavar="DATE", help="The day that is asked about.")
@_START
@click.option("--ips", type=int, default=1, show_default=True, help="How many IPs.")
@click.option("--target", type=int, help="What they share once warm; else all that the curve gives them.")
@_DEADLINE
@_framed
def promise(
    on: str, start: str | None, ips: int, target: int | None, deadline: int, format: str, **words: Any
) -> None:
    """Find the most that can be promised for a day."""
    from warmup.forecast.solve import most_on

    _answered(
        format,
        words,
        lambda frame, reading: most_on(
            frame,
            _day("on", on, reading.zone),
            _day("start", start, reading.zone),
            ips,
            target=target,
            deadline=deadline,
        ),
    )


@solve.command()
@click.option("--demand", required=True, metavar="SPEC", help="What arrives: a file, or a description.")
@click.option("--ips", type=int, required=True, help="How many IPs.")
@click.option("--days", type=int, default=90, show_default=True, help="Days of the demand to look at.")
@_START
@click.option("--target", type=int, help="What all carry once warm; else the demand's largest day.")
@click.option("--floor", type=int, default=300, show_default=True, help="A day from which an IP is noticed.")
@click.option("--shares", metavar="A,B", help="Weights by which the IPs share the target; else evenly.")
@click.option("--at", metavar="A,B", help="Providers that shall notice it; else all that get so much.")
@demand_options
@_framed
def stagger(
    demand: str,
    ips: int,
    days: int,
    start: str | None,
    target: int | None,
    floor: int,
    shares: str | None,
    at: str | None,
    format: str,
    **words: Any,
) -> None:
    """Find when each IP may start so that providers notice all of them.

    IPs with --shares of their own are tried in every order.
    """
    from warmup.forecast.stagger import staggered
    from warmup.plan.mix import ALIASES

    def ask(frame: Frame, reading: Reading) -> Answer:
        first = _day("start", start, reading.zone)
        read = reading.demand(demand, start=first, days=days, mix=frame.mix)
        names = [part.strip().lower() for part in (at or "").split(",") if part.strip()]
        named = [ALIASES.get(name, name) for name in names]
        weights = _weights(shares)
        return staggered(frame, read.demand, ips, first, target=target, floor=floor, at=named, shares=weights)

    _answered(format, words, ask)


@solve.command()
@_VOLUME
@click.option(
    "--floor", type=int, default=1_000, show_default=True, help="A day to a provider that keeps an IP warm."
)
@_framed
def feed(volume: int, floor: int, format: str, **words: Any) -> None:
    """Find how many IPs so much mail a day feeds at all."""
    from warmup.forecast.feeding import feedable

    def ask(frame: Frame, _: Reading) -> Answer:
        _idle(OF_RAMPS, "given, but only the volume, its mix and the floor count", "leave it out")
        return feedable(frame, volume, floor)

    _answered(format, words, ask)
