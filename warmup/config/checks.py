"""What has to hold of a configuration, whether a file or code made it.

A file's values have passed their rules by then, so on that way only what lies between values can
still fail. The checks take parts, so that a file with a mistake in one table still hears of those
in the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from warmup.config import rules
from warmup.config.document import DeliveryTable, SourceTable, StreamTable
from warmup.config.rules import Mistake, Rule, integer
from warmup.config.spans import SPAN_MAX
from warmup.config.storage import database_folder, database_url, default_state_dir
from warmup.config.structure import Place, rule_of, within
from warmup.errors import ConfigError, PlanError, Problem, WarmupError
from warmup.model import OTHER, Declaration, EgressSource, RetrySchedule, Stream
from warmup.timing import format_span

if TYPE_CHECKING:
    from warmup.config.settings import ClockConfig, Config, DeliveryConfig

__all__ = [
    "check",
    "check_clock",
    "check_delivery",
    "check_mix",
    "check_pools",
    "check_providers",
    "check_replies",
    "check_retry",
    "check_sources",
    "check_storage",
    "check_streams",
]

Found = Iterator[tuple[Place, Problem]]


def check(config: Config) -> Found:
    """Everything that is wrong with a configuration."""
    yield from check_sources(config.sources, config.declarations)
    yield from check_streams(config.streams)
    yield from check_pools(config.streams, {source.pool for source in config.sources})
    yield from check_retry(config.retry)
    yield from check_clock(config.clock)
    yield from check_delivery(config.delivery)
    yield from check_storage(config.database, config.state_dir)
    yield from check_providers(config.providers)
    yield from check_replies(config.replies, config.providers)
    yield from check_mix(config.plan.providers, config.providers)
    try:
        config.expects(config.plan.start)
    except PlanError as error:
        yield from (within(("plan", "demand"), problem) for problem in error.problems)
    for key in ("node", "seed"):
        yield from _by_rule(("warmup", key), rules.text, getattr(config, key))
    planned = [source.address for source in config.plan.sources]
    named = [source.address for source in config.sources]
    if planned != named:
        wrong = f"are {', '.join(named)}; the plan is for {', '.join(planned)}"
        yield ("sources",), Problem("", wrong, "give the plan the same addresses in the same order")


def check_sources(sources: Iterable[EgressSource], declarations: Mapping[str, Declaration]) -> Found:
    """Addresses in canonical form, each once, with at most one declaration."""
    seen: set[str] = set()
    for source in sources:
        place: Place = ("sources", source.address)
        yield from _by_rule(place, rules.address, source.address, canonical=True)
        yield from _by_rule((*place, "ehlo"), rules.hostname, source.ehlo, canonical=True)
        yield from _by_rule((*place, "pool"), rules.name, source.pool)
        if source.address in seen:
            yield place, Problem("", "is given twice", "give each address once")
        seen.add(source.address)
    if not seen:
        yield ("sources",), Problem("", "has no address", 'add [sources."192.0.2.1"] with your own address')
    for address, said in declarations.items():
        if address not in seen:
            yield (
                ("sources", address),
                Problem("", "is declared, but is no source", "name a source's address"),
            )
        yield from check_declaration(("sources", address), said)


def check_declaration(place: Place, said: Declaration) -> Found:
    """At most one of ``warm``, ``step`` and ``volume``."""
    given = [key for key in ("warm", "step", "volume") if getattr(said, key)]
    if len(given) > 1:
        yield (*place, given[1]), Problem("", f"contradicts {given[0]}", "say one of warm, step and volume")
    for key in ("step", "volume"):
        if (value := getattr(said, key)) is not None:
            yield from _by_key((*place, key), SourceTable, value)


def check_streams(streams: Mapping[str, Stream]) -> Found:
    """Names, priorities and deadlines."""
    for key, stream in streams.items():
        place: Place = ("streams", key)
        yield from _by_rule(place, rules.name, key)
        if stream.name != key:
            yield (
                place,
                Problem("", f"holds the stream {stream.name}", "use the stream's own name as its key"),
            )
        yield from _by_key((*place, "priority"), StreamTable, stream.priority)
        if stream.deadline is not None:
            yield from _span((*place, "deadline"), stream.deadline)


def check_pools(streams: Mapping[str, Stream], pools: Set[str]) -> Found:
    """A stream's pool has a source; otherwise its mail would wait for ever."""
    for key, stream in streams.items():
        # The stream that always exists need not be used.
        if stream.pool not in pools and stream != Stream(name="default"):
            near = rules.nearest(stream.pool, pools)
            yield ("streams", key, "pool"), Problem("", f"no source is in the pool {stream.pool}", near)


def check_retry(retry: RetrySchedule) -> Found:
    """Waits that grow, and a lifetime that leaves room for one."""
    spans = [field.name for field in attrs.fields(RetrySchedule) if field.name != "factor"]
    for key in spans:
        yield from _span(("retry", key), getattr(retry, key))
    yield from _by_rule(("retry", "factor"), integer(1, 10), retry.factor)
    for low, high in (("first", "longest"), ("first", "lifetime"), ("greylist", "lifetime")):
        if (least := getattr(retry, low)) > getattr(retry, high):
            least_text = format_span(least)
            yield ("retry", high), Problem("", f"is shorter than {low}", f'write at least "{least_text}"')


def check_clock(clock: ClockConfig) -> Found:
    """A scaled clock has a start and a speed, the system's has neither."""
    for key in ("start", "speed"):
        value = getattr(clock, key)
        if clock.kind == "scaled" and value is None:
            yield ("clock", key), Problem("", "is missing", "a scaled clock needs a start and a speed")
        if clock.kind == "system" and value is not None:
            yield ("clock", key), Problem("", "means nothing for the system's clock", 'write kind = "scaled"')


def check_delivery(delivery: DeliveryConfig) -> Found:
    """A transport we know, and no key that it would ignore."""
    for key in ("transport", "tls", "connections", "routes"):
        yield from _by_key(("delivery", key), DeliveryTable, getattr(delivery, key))
    if delivery.transport == "file" and delivery.folder is None:
        yield ("delivery", "folder"), Problem("", "is missing", "the file transport writes there")
    if delivery.transport in ("mx", "null") and delivery.folder is not None:
        mend = 'take it out, or write transport = "file"'
        yield (
            ("delivery", "folder"),
            Problem("", f"means nothing for the transport {delivery.transport}", mend),
        )


def check_storage(database: str, state_dir: Path) -> Found:
    """A database we speak to, and a witness that a restored folder does not bring along."""
    try:
        folder = database_folder(database_url(database, Path.cwd()))
    except Mistake as mistake:
        yield ("warmup", "database"), Problem("", mistake.wrong, mistake.mend)
        return
    if folder in (state_dir, *state_dir.parents) and state_dir != default_state_dir():
        wrong = f"{state_dir} lies in the database's own folder"
        mend = "a restored folder would bring its witness along: choose another"
        yield ("warmup", "state_dir"), Problem("", wrong, mend)


def check_providers(providers: Mapping[str, Mapping[str, Any]]) -> Found:
    """Additions that the provider directory takes, and no domain at two of them."""
    if not providers:
        return
    # Reading the directory takes time that a configuration without additions need not spend.
    from warmup.providers import Directory

    try:
        Directory.default().extended(providers)
    except ConfigError as error:
        for problem in error.problems:
            yield tuple(problem.field.split(".", 2)), attrs.evolve(problem, field="")
        return
    homes: dict[tuple[str, str], str] = {}
    for provider, keys in providers.items():
        for key in ("domains", "mx"):
            for suffix in keys.get(key) or ():
                other = homes.setdefault((key, suffix), provider)
                if other != provider:
                    wrong = f"{suffix} is given to {other} already"
                    yield ("providers", provider, key), Problem("", wrong, "give it to one provider")


def check_replies(replies: Iterable[Mapping[str, Any]], providers: Mapping[str, Mapping[str, Any]]) -> Found:
    """Rules that the classifier takes, of providers that are known."""
    given = tuple(replies)
    if not given:
        return
    from warmup.providers import Directory, own_rules

    try:
        directory = Directory.default().extended(providers)
    except ConfigError:
        return  # told by check_providers
    try:
        own_rules(given, directory=directory)
    except ConfigError as error:
        for problem in error.problems:
            first, _, key = problem.field.partition(".")
            index = int(first.removeprefix("replies[").removesuffix("]"))
            place: Place = ("replies", index, key) if key else ("replies", index)
            yield place, attrs.evolve(problem, field="")


def check_mix(mix: Iterable[str], providers: Mapping[str, Mapping[str, Any]]) -> Found:
    """Providers that mail can be recognised for, under the one name that recognition gives them."""
    from warmup.providers import Directory

    try:
        directory = Directory.default().extended(providers)
    except ConfigError:
        return  # told by check_providers
    for name in mix:
        if name == OTHER or (directory.resolve(name) == name and name in directory):
            continue
        place: Place = ("plan", "mix", name)
        if name in directory:
            wrong = f"is another name of {directory.resolve(name)}"
            yield place, Problem("", wrong, f"write {directory.resolve(name)}")
        else:
            mend = rules.nearest(name, {*directory.providers, *directory.aliases})
            if not mend.startswith("did"):
                mend = f"add [providers.{name}] with its domains"
            yield place, Problem("", "is no provider that mail could be recognised for", mend)


def _by_key(place: Place, table: type[Any], value: Any) -> Found:
    """Hold a value against the rule of the key that ``place`` ends in."""
    annotation = next(
        field.type for field in attrs.fields(attrs.resolve_types(table)) if field.name == place[-1]
    )
    rule = rule_of(annotation) or next(filter(None, map(rule_of, annotation.__args__)))
    yield from _by_rule(place, rule, value)


def _by_rule(place: Place, rule: Rule, value: Any, canonical: bool = False) -> Found:
    try:
        read = rule.read(value)
    except Mistake as mistake:
        yield place, Problem("", mistake.wrong, mistake.mend)
    except WarmupError as error:
        for problem in error.problems:
            yield within(place, problem)
    else:
        if canonical and read != value:
            yield place, Problem("", f"{rules.shown(value)} is not in its canonical form", f"write {read}")


def _span(place: Place, value: int) -> Found:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= SPAN_MAX:
        yield place, Problem("", f"{value} is not a duration", "microseconds, from 1 to ten years")
