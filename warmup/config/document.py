"""The configuration file as it is written: one attrs class a table, one rule a key.

The reader, the JSON Schema and the reference page all follow these classes. A comment on a key
stands in its metadata, because that is where the schema finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

import attrs

from warmup.config import rules
from warmup.config.planning import growth, holidays, mix, pattern, pauses, weekdays, zone
from warmup.config.routes import domains, routes, suffixes
from warmup.config.rules import integer
from warmup.model import OnUnknown, RampClock, RetrySchedule
from warmup.plan.aim import HORIZON, KEEP_WARM
from warmup.plan.steady import PATIENCE
from warmup.timing import Instant, Span

__all__ = [
    "ClockTable",
    "DeliveryTable",
    "Document",
    "PlanTable",
    "ProviderTable",
    "ReplyTable",
    "RetryTable",
    "SourceTable",
    "StreamTable",
    "WarmupTable",
]

DELIVERIES_MAX = 1_000_000_000
"""Deliveries a day: more than anybody sends, and far from where integers in a database end."""

Text = Annotated[str, rules.text]
Name = Annotated[str, rules.name]
Day = Annotated[date, rules.day]
Duration = Annotated[Span, rules.span]
Yes = Annotated[bool, rules.boolean]
Words = Annotated[tuple[str, ...], rules.words]
Volume = Annotated[int, integer(1, DELIVERIES_MAX, "deliveries a day")]

_RETRY = RetrySchedule()


def _key(doc: str, default: Any = attrs.NOTHING) -> Any:
    return attrs.field(default=default, metadata={"doc": doc})


@attrs.frozen(kw_only=True)
class WarmupTable:
    """What this installation is."""

    database: Text = _key(
        "Where the queue and the ledger are kept: sqlite:///FILE, relative to this file, or postgresql://...",
        "sqlite:///warmup.db",
    )
    node: Text | None = _key(
        "Name of this machine among those that share the database; else its host name.", None
    )
    state_dir: Text | None = _key(
        "Folder of the witness that tells a restored database; outside the database's own folder. "
        "Else $XDG_STATE_HOME/warmup or ~/.local/state/warmup.",
        None,
    )
    seed: Text = _key("Other seeds give other jitter.", "warmup")


@attrs.frozen(kw_only=True)
class ClockTable:
    """Whose time it is. A database remembers the kind of clock it was made with."""

    kind: Annotated[str, rules.choice("system", "scaled")] = _key(
        "system, or scaled: time that runs faster and sends to loopback or a folder only.", "system"
    )
    start: Annotated[Instant, rules.instant] | None = _key("Where a scaled clock starts.", None)
    speed: Annotated[int, integer(1, 1_000_000)] | None = _key(
        "Seconds that pass on a scaled clock in one second.", None
    )


@attrs.frozen(kw_only=True)
class PlanTable:
    """How much on which day."""

    target: Volume = _key("Deliveries a day that all sources together carry once they are warm.")
    start: Day = _key("First day of the plan.")
    curve: Text = _key("How a cap grows: warmup plan curves lists them.", "ses")
    days: Annotated[int, integer(1, 3650, "days")] = _key("Days that a preview shows.", 45)
    timezone: Annotated[str, zone] = _key("IANA zone in which days begin and end.", "UTC")
    pattern: Annotated[Any, pattern] = _key(
        "flat, office, waking, or 24 weights of the local hours.", "waking"
    )
    weekdays: Annotated[tuple[Fraction, ...], weekdays] | None = _key(
        "Seven weights, Monday first, scaled so that the largest is 1; or days such as mon-fri.", None
    )
    holidays: Annotated[Any, holidays] = _key(
        "Days of rest: dates, country:DE, or a file with a date a line; relative to this file.", ()
    )
    pauses: Annotated[Any, pauses] = _key(
        "Rest from day to day: FIRST..LAST, with ,SOURCE and ,PROVIDER where only these rest.", ()
    )
    ramp: Annotated[str, rules.choice(*RampClock)] = _key(
        "What moves a lane to its next step when a day closes.", RampClock.HEALTH
    )
    growth: Annotated[Any, growth] = _key(
        "A warm lane sends at most so many times the largest day of the 30 that ended a week ago, or off.",
        1.3,
    )
    smooth: Yes = _key(
        "Once lanes are warm, spread mail so that the days are alike, within deadlines and caps.", False
    )
    keep_warm: Annotated[int, integer(0, DELIVERIES_MAX, "deliveries a day")] = _key(
        "With smooth: so many deliveries a day of each source to each provider are never held back.",
        KEEP_WARM,
    )
    patience: Annotated[int, integer(1, HORIZON, "days")] = _key(
        "With smooth: days within which mail without a deadline goes.", PATIENCE
    )
    demand: Text | None = _key(
        "What is expected: 2,000 a day on weekdays, 40,000 on Tuesdays; else what the last weeks had.",
        None,
    )
    mix: Annotated[Any, mix] = _key(
        "Shares of the mailbox providers: a profile, or a table that sums to 1.", "us"
    )


@attrs.frozen(kw_only=True)
class SourceTable:
    """An address that mail leaves from. At most one of warm, step and volume."""

    ehlo: Annotated[str, rules.hostname] = _key("Name given after EHLO; it resolves to the address and back.")
    pool: Name = _key("Pool of the streams that may use it.", "default")
    start: Day | None = _key("Its first day; else the plan's.", None)
    share: Volume | None = _key(
        "Deliveries a day that it carries once warm; else an even part of the target.", None
    )
    warm: Yes = _key("It carries its whole share already.", False)
    step: Annotated[int, integer(1, 3650)] | None = _key("It stands at this step of the curve already.", None)
    volume: Volume | None = _key("It is used to so many deliveries a day already.", None)


@attrs.frozen(kw_only=True)
class StreamTable:
    """A class of mail."""

    priority: Annotated[int, integer(0, 9)] = _key("0 goes first, 9 last.", 5)
    pool: Name = _key("Sources it may leave from.", "default")
    deadline: Duration | None = _key("Time after which it is worthless and expires; else never.", None)
    on_unknown: Annotated[str, rules.choice(*OnUnknown)] = _key(
        "When nobody knows whether it arrived: retry (it may arrive twice) or hold it for a person.",
        OnUnknown.RETRY,
    )
    hours: Text | None = _key(
        'When it may leave: "8-18" or "mon-fri 8:30-20:00, sat 9-13"; else at any hour.', None
    )
    timezone: Annotated[str, zone] | None = _key("IANA zone of the hours; else the plan's.", None)
    long_lines: Yes = _key("Take lines over 998 octets as they are.", False)


@attrs.frozen(kw_only=True)
class DeliveryTable:
    """How mail leaves."""

    transport: Annotated[str, rules.transport] = _key("mx, file, null, or one that a package brings.", "mx")
    tls: Annotated[str, rules.choice("may", "require", "verify", "never")] = _key(
        "may: encrypt where offered; require: or do not send; verify: with a valid certificate; never.", "may"
    )
    connections: Annotated[int, integer(1, 10_000)] = _key("Connections of all lanes together.", 20)
    folder: Text | None = _key("Where the file transport writes; relative to this file.", None)
    routes: Annotated[Mapping[str, str], routes] = _key(
        'Fixed routes before DNS: "*" or a domain to host:port.', attrs.Factory(dict)
    )


@attrs.frozen(kw_only=True)
class RetryTable:
    """When a deferred delivery is tried again."""

    first: Duration = _key("Wait after the first deferral.", _RETRY.first)
    factor: Annotated[int, integer(1, 10)] = _key(
        "Each further wait is so many times the last.", _RETRY.factor
    )
    longest: Duration = _key("No wait is longer.", _RETRY.longest)
    lifetime: Duration = _key("Time from the first attempt after which it is given up.", _RETRY.lifetime)
    greylist: Duration = _key("Wait after greylisting.", _RETRY.greylist)
    pin: Duration = _key("How long a greylisted delivery stays on its source.", _RETRY.pin)


@attrs.frozen(kw_only=True)
class ProviderTable:
    """Adds to how a mailbox provider is recognised and how many connections it gets."""

    domains: Annotated[tuple[str, ...], domains] = _key("Domains of its mailboxes.", ())
    mx: Annotated[tuple[str, ...], suffixes] = _key("Suffixes of its MX names.", ())
    connections: Annotated[int, integer(1, 10_000)] | None = _key(
        "At most so many at once from a source.", None
    )
    messages_per_connection: Annotated[int, integer(1, 10_000)] | None = _key(
        "After so many a connection is closed.", None
    )


@attrs.frozen(kw_only=True)
class ReplyTable:
    """A rule for what a reply means, tried before the shipped ones. Every condition named has to hold."""

    category: Text = _key("What such a reply means: volume_limited, greylist, policy, ...")
    id: Text | None = _key("Name of the rule, which explain and classify give; else own-1, own-2, ...", None)
    provider: Words | None = _key("It is one of these providers.", None)
    codes: Annotated[Any, rules.codes] | None = _key('Codes, or "4yz" for all that begin with 4.', None)
    enhanced: Words | None = _key('Enhanced codes: "4.7.28", "x.7.*" for either class.', None)
    stage: Words | None = _key("What was answered: connect, greeting, ehlo, mail, rcpt, data, dot.", None)
    text: Words | None = _key("One of these phrases occurs; & joins parts that all have to.", None)
    without: Words | None = _key("None of these phrases occurs.", None)
    scope: Text | None = _key("Whom it is about: ip, domain, recipient, content; else as usual.", None)
    reaction: Text | None = _key("What is done: retry, pause_provider, ...; else as usual.", None)
    outcome: Text | None = _key("deferred or rejected, where the code says it wrongly.", None)
    retry_after: Duration | None = _key("Shortest wait before the recipient is tried again.", None)
    pause: Duration | None = _key("How long the whole lane is silent.", None)
    finding: Text | None = _key("What has to be mended here: spf, dkim, dmarc, ptr, ...", None)


@attrs.frozen(kw_only=True)
class Document:
    """Configuration of warmup."""

    warmup: WarmupTable
    clock: ClockTable
    plan: PlanTable
    sources: dict[Annotated[str, rules.address], SourceTable]
    streams: dict[Annotated[str, rules.name], StreamTable]
    delivery: DeliveryTable
    retry: RetryTable
    providers: dict[Annotated[str, rules.name], ProviderTable]
    replies: list[ReplyTable]
