"""What the rest of the program gets: one frozen record, checked whether a file or code made it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import attrs

from warmup.config.rules import Mistake
from warmup.config.storage import database_url, default_state_dir
from warmup.errors import ConfigError
from warmup.model import Declaration, EgressSource, RampClock, RetrySchedule, Stream
from warmup.plan.aim import Steadiness
from warmup.plan.growth import GrowthPolicy
from warmup.plan.plan import Plan
from warmup.timing import Clock, Instant, ScaledClock, SystemClock

if TYPE_CHECKING:
    from warmup.plan.demand import Demand

__all__ = ["ClockConfig", "Config", "DeliveryConfig"]


@attrs.frozen(kw_only=True)
class ClockConfig:
    """Whose time the engine lives in.

    Attributes:
        kind: ``system``, or ``scaled``: faster, and never sent to strangers.
        start: Instant at which a scaled clock starts, UTC microseconds.
        speed: Seconds that pass on a scaled clock in one real second.
    """

    kind: Literal["system", "scaled"] = "system"
    start: Instant | None = None
    speed: int | None = None

    def make(self, seen: Instant = 0) -> Clock:
        """Start the clock.

        Args:
            seen: An instant that a scaled clock does not start before.
        """
        if self.kind == "scaled" and self.start is not None and self.speed is not None:
            return ScaledClock(max(self.start, seen), self.speed)
        return SystemClock()


@attrs.frozen(kw_only=True)
class DeliveryConfig:
    """How mail leaves.

    Attributes:
        transport: ``mx``, ``file``, ``null``, or a name that a package brings as ``warmup.transports``.
        tls: ``may`` (encrypt where offered), ``require``, ``verify`` (and check the certificate), ``never``.
        connections: Of all lanes together.
        folder: Where the file transport writes; absolute.
        routes: ``*``, a domain, or ``.domain`` (all below it) to ``host:port``.
    """

    transport: str = "mx"
    tls: Literal["may", "require", "verify", "never"] = "may"
    connections: int = 20
    folder: Path | None = None
    routes: Mapping[str, str] = attrs.field(factory=dict)


def _streams(given: Mapping[str, Stream]) -> Mapping[str, Stream]:
    return MappingProxyType({"default": Stream(name="default"), **given})


def _database(text: str) -> str:
    try:
        return database_url(text, Path.cwd())
    except Mistake:
        return text  # the check below reports it, together with everything else


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration. Made by :meth:`from_file`, :meth:`from_dict`, or in code.

    Attributes:
        plan: Caps for every source and day.
        sources: The addresses that mail leaves from; the same as the plan's, in the same order.
        declarations: By address: what an operator says of sources that are in use already.
        streams: By name; ``default`` always exists.
        ramp: What moves a lane to its next step.
        growth: How fast a warm lane may grow; None: as the plan says.
        steadiness: How warm lanes' mail is spread over days; None: it goes as soon as caps let it.
        demand: What is expected to arrive, as :func:`warmup.demand.describing.describe` reads it;
            empty: what the last weeks had.
        database: SQLAlchemy URL; a file's path is absolute.
        node: Name of this machine among those that share the database.
        state_dir: Folder of the witness, which tells a restored database.
        seed: Keys all chance.
        providers: Extensions of the provider directory, by id: ``domains``, ``mx``, ``connections``,
            ``messages_per_connection``.
        replies: An operator's own reply rules, in order: see :meth:`warmup.providers.Classifier.extended`.
        path: The file it came from; None where code made it.

    Raises:
        ConfigError: Something is wrong; every mistake found is listed.
    """

    plan: Plan
    sources: tuple[EgressSource, ...]
    declarations: Mapping[str, Declaration] = attrs.field(factory=dict, converter=MappingProxyType)
    streams: Mapping[str, Stream] = attrs.field(factory=dict, converter=_streams)
    retry: RetrySchedule = attrs.field(factory=RetrySchedule)
    ramp: RampClock = RampClock.HEALTH
    growth: GrowthPolicy | None = attrs.field(factory=GrowthPolicy)
    steadiness: Steadiness | None = None
    demand: str = ""
    database: str = attrs.field(default="sqlite:///warmup.db", converter=_database)
    node: str = attrs.field(factory=lambda: os.uname().nodename)
    state_dir: Path = attrs.field(factory=default_state_dir)
    seed: str = "warmup"
    clock: ClockConfig = attrs.field(factory=ClockConfig)
    delivery: DeliveryConfig = attrs.field(factory=DeliveryConfig)
    providers: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=MappingProxyType)
    replies: tuple[Mapping[str, Any], ...] = attrs.field(default=(), converter=tuple)
    path: Path | None = None

    def expects(self, until: date) -> Demand | None:
        """What is expected to arrive from the plan's start on.

        Args:
            until: The last day asked for, in the plan's zone; ten years after the start is the last there is.

        Returns:
            None where the configuration does not say it.
        """
        from warmup.demand.describing import describe
        from warmup.demand.history import DAYS_MAX

        if not self.demand:
            return None
        days = min(DAYS_MAX, max(1, (until - self.plan.start).days + 1))
        return describe(self.demand, start=self.plan.start, days=days, mix=self.plan.mix)

    def __attrs_post_init__(self) -> None:
        from warmup.config.checks import check
        from warmup.config.structure import dotted

        if found := list(check(self)):
            raise ConfigError(problems=[attrs.evolve(p, field=dotted(place)) for place, p in found])

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Config:
        """Read a TOML file.

        Raises:
            ConfigError: The file cannot be read, or something in it is wrong: every mistake is
                listed, with its line.
        """
        from warmup.config.reader import read_file

        return read_file(Path(path))

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any], *, base: str | os.PathLike[str] = ".") -> Config:
        """Read what a TOML or JSON parser gave.

        Args:
            tables: The tables of the file; dates may be text.
            base: Folder that relative paths are relative to.

        Raises:
            ConfigError: Something in it is wrong; every mistake is listed.
        """
        from warmup.config.reader import read_tables

        return read_tables(tables, base=Path(base))
