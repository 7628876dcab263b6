"""A small world of mailbox providers on loopback, in this process, living by the engine's clock.

Each provider listens on an address of its own (127.0.1.1, .2, ...) and knows its peers by their
source addresses, so that 127.0.0.2 and 127.0.0.3 have reputations of their own. It keeps a tally for
each peer, local day and local hour: what it counts, and not what a sender believes, is the measure.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from warmup.demo.habits import Block, Greylist, Growing, Habit, History, Volume
from warmup.demo.receiver import Answer, Answered, Receiver
from warmup.timing import MINUTE, Clock, Instant, to_datetime

__all__ = [
    "Block",
    "Greylist",
    "Growing",
    "Keep",
    "Record",
    "SimulatedProvider",
    "Tally",
    "TallyKey",
    "Volume",
    "World",
]

Keep: TypeAlias = Literal["none", "digest", "all"]
"""What is kept of accepted messages: nothing, a digest of the content, or all of it."""

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_SLOT = 15 * MINUTE  # every zone's offset is a whole number of these
_HEADERS_MAX = 64 * 1024
_READY = b"354 Go ahead\r\n"
_OK = b"250 2.1.0 Ok\r\n"
_TAKEN = b"250 2.0.0 Ok: taken\r\n"


@attrs.frozen
class TallyKey:
    """Where a count belongs.

    Attributes:
        date: Local day, ISO format.
        hour: Local hour, 0 to 23.
    """

    peer: str
    provider: str
    date: str
    hour: int


@attrs.define
class Tally:
    """What a provider counted.

    Attributes:
        mails: MAIL commands.
        deliveries: Distinct pairs of sender and recipient whose MAIL came in this local day, each
            counted in the hour in which it first came.
        accepted: Messages that were answered with 250.
        deferred, blocked: Commands that were answered with 4yz and 5yz.
        distinct: Accepted messages that are not copies: by sender, recipient and Message-ID.
        duplicates: Accepted copies of a message that had been accepted before.
    """

    mails: int = 0
    deliveries: int = 0
    accepted: int = 0
    deferred: int = 0
    blocked: int = 0
    distinct: int = 0
    duplicates: int = 0

    def add(self, other: Tally) -> None:
        """Add another's counts to these."""
        for name in Tally.__slots__:
            if name != "__weakref__":
                setattr(self, name, getattr(self, name) + getattr(other, name))


@attrs.frozen(kw_only=True)
class Record:
    """One accepted message.

    Attributes:
        mail_at, dot_at: Instants of the engine's clock.
        digest: SHA-256 of the content, hexadecimal.
        content: The content without dot-stuffing; empty unless everything is kept.
    """

    provider: str
    peer: str
    ehlo: str
    sender: str
    recipient: str
    message_id: str
    mail_at: Instant
    dot_at: Instant
    digest: str
    content: bytes = b""


@attrs.frozen(kw_only=True)
class SimulatedProvider:
    """A mailbox provider of the small world.

    Attributes:
        id: The provider's id in the plan.
        domains: Domains of its mailboxes.
        habits: What it looks at; the first that has something to say decides. None of them: lenient.
        extensions: What its EHLO offers.
    """

    id: str
    domains: tuple[str, ...]
    habits: tuple[Habit, ...] = ()
    extensions: tuple[bytes, ...] = (
        b"PIPELINING",
        b"SIZE 36700160",
        b"8BITMIME",
        b"SMTPUTF8",
        b"ENHANCEDSTATUSCODES",
    )


class World:
    """The providers, listening.

    Args:
        clock: The engine's clock.
        providers: Who lives there.
        zone: Time zone of the local days and hours; the plan's, so that they can be compared.
        keep: What is kept of accepted messages.
        network: The first three numbers of the addresses that providers listen on.

    Use it as ``async with World(clock, providers) as world: ...``.
    """

    def __init__(
        self,
        clock: Clock,
        providers: Iterable[SimulatedProvider],
        *,
        zone: str = "UTC",
        keep: Keep = "none",
        network: str = "127.0.1",
    ) -> None:
        self.clock = clock
        self.providers = tuple(providers)
        self.keep: Keep = keep
        self.tallies: dict[TallyKey, Tally] = {}
        self.records: list[Record] = []
        self._zone = ZoneInfo(zone)
        self._network = network
        self._slots: dict[int, tuple[str, int]] = {}
        self._desks: list[_Desk] = []
        self._servers: list[asyncio.Server] = []
        self.routes: dict[str, str] = {}

    async def __aenter__(self) -> World:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open for business; ``routes`` then maps each domain to ``host:port``."""
        loop = asyncio.get_running_loop()
        for number, provider in enumerate(self.providers, start=1):
            desk = _Desk(self, provider)
            address = f"{self._network}.{number}"
            server = await loop.create_server(desk.receiver, address, 0, backlog=512)
            self._desks.append(desk)
            self._servers.append(server)
            port = server.sockets[0].getsockname()[1]
            self.routes.update((domain, f"{address}:{port}") for domain in provider.domains)

    async def close(self) -> None:
        """Close all doors and hang up on whoever is inside."""
        for server in self._servers:
            server.close()
        for desk in self._desks:
            for receiver in tuple(desk.inside):
                receiver.hang_up()
        self._servers.clear()
        await asyncio.sleep(0)

    def local(self, instant: Instant) -> tuple[str, int]:
        """The local day and hour of an instant."""
        slot = instant // _SLOT
        found = self._slots.get(slot)
        if found is None:
            moment = to_datetime(slot * _SLOT).astimezone(self._zone)
            found = self._slots[slot] = (moment.date().isoformat(), moment.hour)
        return found

    def tally(
        self,
        *,
        peer: str | None = None,
        provider: str | None = None,
        date: str | None = None,
        hour: int | None = None,
    ) -> Tally:
        """Counts added up over everything that was not named."""
        total = Tally()
        for key, tally in self.tallies.items():
            if (
                peer in (None, key.peer)
                and provider in (None, key.provider)
                and date in (None, key.date)
                and hour in (None, key.hour)
            ):
                total.add(tally)
        return total

    def dates(self) -> Sequence[str]:
        """Local days on which anything was counted, in order."""
        return sorted({key.date for key in self.tallies})

    def _tally(self, peer: str, provider: str, date: str, hour: int) -> Tally:
        key = TallyKey(peer, provider, date, hour)
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = Tally()
        return found


class _Visit(Receiver):
    """A connection, with what the provider notes about the transaction that is open."""

    mail_at: Instant = 0
    date: str = ""
    hour: int = 0
    history: History
    tally: Tally
    quick: tuple[str, int] | None = None


class _Desk:
    """The reception of one provider: implements the receiver's policy."""

    def __init__(self, world: World, provider: SimulatedProvider) -> None:
        self._world = world
        self._provider = provider
        self._habits = provider.habits
        self._banner = f"220 mx.{provider.domains[0]} ESMTP\r\n".encode()
        name = f"mx.{provider.domains[0]}".encode()
        lines = [name, *provider.extensions]
        self._ehlo = b"".join(b"250-" + line + b"\r\n" for line in lines[:-1]) + b"250 " + lines[-1] + b"\r\n"
        self._histories: dict[str, History] = {}
        self._offered: dict[str, tuple[str, set[int]]] = {}
        self._known: set[int] = set()
        self.inside: set[Receiver] = set()

    def receiver(self) -> Receiver:
        return _Visit(self)

    def opened(self, receiver: Receiver) -> Answered:
        self.inside.add(receiver)
        return self._banner

    def closed(self, receiver: Receiver) -> None:
        self.inside.discard(receiver)

    def ehlo(self, receiver: Receiver, verb: bytes) -> Answered:
        return self._ehlo if verb == b"EHLO" else b"250 mx\r\n"

    def mail(self, receiver: Receiver) -> Answered:
        assert isinstance(receiver, _Visit)
        world = self._world
        now = world.clock.now()
        peer = receiver.peer[0]
        date, hour = local = world.local(now)
        if receiver.quick != local:
            receiver.quick = local
            receiver.tally = world._tally(peer, self._provider.id, date, hour)
            receiver.history = self._histories.setdefault(peer, History())
        receiver.mail_at, receiver.date, receiver.hour = now, date, hour
        history = receiver.history
        history.turn(date, hour)
        history.today_mails += 1
        history.hour_mails += 1
        receiver.tally.mails += 1
        for habit in self._habits:
            answer = habit.mail(history)
            if answer is not None:
                return self._no(receiver, answer)
        return _OK

    def rcpt(self, receiver: Receiver, recipient: bytes) -> Answered:
        assert isinstance(receiver, _Visit)
        sender = receiver.sender or b""
        peer = receiver.peer[0]
        day, offered = self._offered.get(peer, ("", set()))
        if day != receiver.date:
            offered = set()
            self._offered[peer] = (receiver.date, offered)
        pair = hash((sender, recipient))
        if pair not in offered:
            offered.add(pair)
            receiver.tally.deliveries += 1
        for habit in self._habits:
            answer = habit.rcpt(receiver.mail_at, peer, sender, recipient)
            if answer is not None:
                return self._no(receiver, answer)
        return _OK

    def data(self, receiver: Receiver) -> Answered:
        return _READY

    def content(self, receiver: Receiver, content: bytes) -> Answered:
        assert isinstance(receiver, _Visit)
        head = content.find(b"\r\n\r\n", 0, _HEADERS_MAX)
        found = _MESSAGE_ID.search(content, 0, head + 2 if head >= 0 else _HEADERS_MAX)
        message_id = found[1] if found else b""
        tally = receiver.tally
        for recipient in receiver.recipients:
            tally.accepted += 1
            receiver.history.accepted += 1
            key = hash((receiver.sender, recipient, message_id))
            if key in self._known:
                tally.duplicates += 1
            else:
                self._known.add(key)
                tally.distinct += 1
            if self._world.keep != "none":
                self._world.records.append(self._record(receiver, recipient, message_id, content))
        return _TAKEN

    def other(self, receiver: Receiver, verb: bytes, line: bytes) -> Answered:
        if verb == b"QUIT":
            return Answer(b"221 2.0.0 Bye\r\n", close=True)
        if verb in (b"RSET", b"NOOP"):
            return b"250 2.0.0 Ok\r\n"
        return b"502 5.5.1 Command not implemented\r\n"

    @staticmethod
    def _no(receiver: _Visit, answer: bytes) -> Answered:
        if answer.startswith(b"5"):
            receiver.tally.blocked += 1
        else:
            receiver.tally.deferred += 1
        return Answer(answer, close=True) if answer.startswith(b"421") else answer

    def _record(self, visit: _Visit, recipient: bytes, message_id: bytes, content: bytes) -> Record:
        return Record(
            provider=self._provider.id,
            peer=visit.peer[0],
            ehlo=visit.ehlo,
            sender=(visit.sender or b"").decode("utf-8", "replace"),
            recipient=recipient.decode("utf-8", "replace"),
            message_id=message_id.decode("utf-8", "replace"),
            mail_at=visit.mail_at,
            dot_at=self._world.clock.now(),
            digest=hashlib.sha256(content).hexdigest(),
            content=content if self._world.keep == "all" else b"",
        )
