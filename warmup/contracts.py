"""The Protocols that others may implement, and the values they exchange with us.

Extensions are found by entry points: ``warmup.curves``, ``warmup.transports`` and ``warmup.worlds``.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import attrs

from warmup.model import Attempt, Category, Grant
from warmup.timing import Chance, Instant, Span

__all__ = [
    "Answer",
    "Complaint",
    "Curve",
    "Host",
    "Receiver",
    "Resolver",
    "Route",
    "Setting",
    "Transport",
    "Unroutable",
    "World",
]


@attrs.frozen
class Host:
    """One server that takes mail for a domain.

    Attributes:
        name: Its DNS name, without a trailing dot; checked against its certificate where TLS is verified.
        port: TCP port, 25 as a rule.
        addresses: IP addresses to try in order; empty: the name is resolved when connecting.
    """

    name: str
    port: int = 25
    addresses: tuple[str, ...] = ()


@attrs.frozen
class Route:
    """Where mail for a domain goes: hosts in order of preference.

    Attributes:
        hosts: At least one.
        mx: Lower-case MX names as DNS gave them, sorted; empty where the domain has no MX and is
            reached by its own address, or where a map decided.
        ttl_s: Seconds for which this may be remembered.
    """

    hosts: tuple[Host, ...]
    mx: tuple[str, ...] = ()
    ttl_s: int = 3600


class Unroutable(Exception):
    """A domain cannot be reached now, or cannot be reached at all.

    Attributes:
        permanent: NXDOMAIN or a null MX (RFC 7505); otherwise DNS had no answer this time.
        code, enhanced: What a relay would answer: 550 5.1.2, 556 5.1.10, 451 4.4.3.
    """

    def __init__(self, text: str, *, permanent: bool, code: int, enhanced: str) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.code = code
        self.enhanced = enhanced


@runtime_checkable
class Resolver(Protocol):
    """Finds out where mail for a domain goes."""

    async def resolve(self, domain: str) -> Route:
        """Return the route for a domain (lower case, A-labels).

        Raises:
            Unroutable: There is none, or none was found this time.
        """
        ...


class BeginMail(Protocol):
    """Told to a transport: call it just before MAIL; False means that the unit was given back."""

    async def __call__(self) -> bytes | None:
        """Mark the delivery as *sending*, durably, and return its content; None: do not send."""
        ...


@runtime_checkable
class Transport(Protocol):
    """How a delivery leaves."""

    async def deliver(self, grant: Grant, route: Route, begin: BeginMail) -> Attempt:
        """Make one attempt. Refusals are values; raising is for bugs.

        ``begin`` is awaited after the connection is greeted and before MAIL; where it returns
        None nothing may be sent and the attempt says ``mail_written=False``.
        """
        ...

    async def close(self) -> None:
        """Say goodbye to every connection that was kept."""
        ...


@runtime_checkable
class Curve(Protocol):
    """The cap of one source by step, without a provider in sight.

    Steps count from 1 and never end: after the last figure of a table that figure holds.
    Caps never fall as steps rise.
    """

    @property
    def name(self) -> str:
        """Short text form, with parameters: ``geometric:start=50,growth=1.3``."""
        ...

    def cap(self, step: int, share: int) -> int:
        """Deliveries allowed on a full day of step ``step`` for a source that shall carry ``share`` a day.

        The result lies between 0 and ``share``.
        """
        ...

    def hourly(self, step: int, share: int) -> int | None:
        """Deliveries allowed in any one hour of that day; None where the curve does not say."""
        ...


@attrs.frozen(kw_only=True)
class Setting:
    """What a simulated provider may know of the run before it begins.

    Attributes:
        start: The first instant, midnight UTC of a Monday.
        days: How many days the run lasts.
        target: Deliveries a day that the lane shall carry once warm.
    """

    start: Instant
    days: int
    target: int


class Answer(NamedTuple):
    """Attempts that were answered alike, one after the other.

    Attributes:
        attempts: How many, at least 1.
        category: What each was told; ``Category.ACCEPTED`` for yes.
    """

    attempts: int
    category: Category


class Complaint(NamedTuple):
    """Complaints about messages that were accepted at about the same time.

    Attributes:
        accepted_at: When the messages were accepted.
        people: How many complained.
    """

    accepted_at: Instant
    people: int


@runtime_checkable
class Receiver(Protocol):
    """A provider in one run of a simulation, as one lane meets it.

    A ``copy.deepcopy`` of it goes its own way and answers as the original would have: that is how an
    oracle looks ahead. Two more methods are called where they are there:

    ``complaints(now: Instant) -> Iterable[Complaint]``
        Complaints that arrived up to an instant and were not told yet. Else nobody complains.
    ``demand(day: int) -> int``
        How many messages there are to send on a day, counted from 0. Else always enough.
    """

    def answer(self, at: Instant, attempts: int, age: Span, patience: int) -> Answer:
        """Answer the first of some attempts: as many of them as get the same answer.

        They are counted as made. The caller asks again for the rest, if it still wants to: so what is
        answered does not depend on how attempts are bundled, and a provider can be asked message by
        message.

        Args:
            at: When; never earlier than in the call before.
            attempts: How many stand in line, at least 1.
            age: Time since the first attempt of these deliveries; 0 for first attempts.
            patience: A run of refusals for volume or of the address (VOLUME_LIMITED, RATE_LIMITED,
                IP_REPUTATION_BLOCK, BLOCKLISTED) ends after so many, 1 at least: the caller may stop
                then. Other runs may be of any length.
        """
        ...


@runtime_checkable
class World(Protocol):
    """A model of how providers of one kind treat a sender; found by the entry point ``warmup.worlds``.

    The entry point, or ``module:object``, is a world or a class that makes one without arguments. Two
    more attributes are shown where they are there: ``summary``, a sentence about what it is, and
    ``ranges``, a mapping from each parameter that is drawn to words for its bounds.
    """

    @property
    def name(self) -> str:
        """Short, for tables: ``strict``."""
        ...

    def begin(self, setting: Setting, chance: Chance) -> Receiver:
        """A provider of this kind, its parameters drawn by ``chance``: the same chance, the same provider."""
        ...
