"""Straight to the MX, or to a smarthost: SMTP from a bound source address, over kept connections.

A lane holds at most so many connections as its limits say, in use and put aside together; in the
provider ``other``, where strangers share a lane, the limit holds for each site. A connection is kept
for the next delivery of the same source to the same hosts, and let go politely after so many
messages or after some idle time. Whoever finds all connections of a lane in use waits in line. The
limits are asked for anew each time: where there are to be fewer from now on, what is put aside goes
first, and no connection is opened while there are too many.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Callable
from typing import TypeAlias

import attrs

from warmup.contracts import BeginMail, Host, Route
from warmup.delivery.dial import Dialler, NoSession, TlsPolicy
from warmup.delivery.sessions import Session, TimeLimits
from warmup.delivery.targets import Lookup, system_lookup
from warmup.delivery.turns import Turns
from warmup.model import OTHER, Attempt, Grant, LaneKey, LaneLimits, Outcome, Reply, Stage
from warmup.release.limits import WINDOW_GUARD
from warmup.timing import Clock, Instant

__all__ = ["SmtpTransport", "TimeLimits", "TlsPolicy"]

KEPT_MAX = 200
"""Connections that are put aside over all lanes: each is a file descriptor here and a process there."""

# A path that can stand between angle brackets: no controls, no space and no bracket outside quotes.
_PATH = re.compile(r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"@)?[^\x00-\x20\x7f<>"]*')

_Place: TypeAlias = tuple[str, str, tuple[Host, ...]]


@attrs.define(eq=False)
class _Lane:
    """The connections of one lane (of one site, in ``other``)."""

    ask: Callable[[], LaneLimits]
    turns: Turns = attrs.field(init=False)
    kept: list[tuple[_Place, Session]] = attrs.field(factory=list)
    leaving: set[asyncio.Task[None]] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.turns = Turns(self.most)

    def most(self) -> int:
        """Connections that there may be now."""
        return max(1, self.ask().connections)

    @property
    def idle(self) -> bool:
        """Whether nothing at all is open or about to be."""
        return not (self.kept or self.leaving) and self.turns.idle

    @property
    def crowded(self) -> bool:
        """Whether more is open, or about to be, than there may be."""
        return self.turns.taken + len(self.kept) + len(self.leaving) > self.most()


class SmtpTransport:
    """Implements :class:`warmup.contracts.Transport` over SMTP.

    Args:
        clock: Stamps attempts; stands still while a conversation is on.
        tls: Whether conversations are encrypted.
        limits: Connection limits of a lane, as they are when it is asked.
        time_limits: How long servers may take, in real time.
        idle_s: Seconds of real time after which an unused connection is let go. Receivers hang up on
            idle clients after some minutes, and it costs them less if we do.
        loopback_only: Dial nothing but this machine; for clocks that are not the system's.
        allow_private: Dial also what DNS says of private and loopback addresses. Addresses that a static
            route gave are trusted anyway.
        trust: Context for ``verify``; None: the system's authorities.
        lookup: Finds the addresses of MX hosts.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        tls: TlsPolicy | str = TlsPolicy.MAY,
        limits: Callable[[LaneKey], LaneLimits] | None = None,
        time_limits: TimeLimits | None = None,
        idle_s: float = 15.0,
        loopback_only: bool = False,
        allow_private: bool = False,
        trust: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._clock = clock
        self._limits = limits or (lambda lane: LaneLimits())
        self._idle_s = idle_s
        self._dialler = Dialler(
            policy=TlsPolicy(tls),
            limits=time_limits or TimeLimits(),
            lookup=lookup,
            loopback_only=loopback_only,
            allow_private=allow_private,
            trust=trust,
        )
        self._lanes: dict[tuple[str, str, str], _Lane] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def kept(self) -> int:
        """Connections that are open and put aside."""
        return sum(len(lane.kept) for lane in self._lanes.values())

    async def deliver(self, grant: Grant, route: Route, begin: BeginMail) -> Attempt:
        """Make one attempt.

        Raises:
            SourceUnavailable: The source's address is not on this machine; nothing was begun.
            UnavailableError: Only loopback may be dialled, and the route leads elsewhere.
        """
        lane = self._lane(grant)
        async with lane.turns:
            with self._clock.busy():
                return await self._attempt(lane, grant, route, begin)

    async def close(self) -> None:
        """Say goodbye to every kept connection, and wait for the answers."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for lane in self._lanes.values():
            for _, session in lane.kept:
                self._dismiss(lane, session)
            lane.kept.clear()
        while leaving := [task for lane in self._lanes.values() for task in lane.leaving]:
            await asyncio.gather(*leaving, return_exceptions=True)
            await asyncio.sleep(0)  # for the tasks' own callbacks, and for the sockets to close

    def _lane(self, grant: Grant) -> _Lane:
        key = (grant.lane.source, grant.lane.provider, grant.site if grant.lane.provider == OTHER else "")
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= KEPT_MAX:
                self._lanes = {k: v for k, v in self._lanes.items() if not v.idle}
            lane = self._lanes[key] = _Lane(functools.partial(self._limits, grant.lane))
        return lane

    async def _attempt(self, lane: _Lane, grant: Grant, route: Route, begin: BeginMail) -> Attempt:
        started_at = self._clock.now()
        place = (grant.lane.source, grant.ehlo, route.hosts)
        try:
            session = await self._kept(lane, place) or await self._fresh(lane, grant, route)
        except NoSession as failure:
            return self._closed(
                started_at, failure.stage, failure.reply, failure.outcome, failure.host, mail_written=False
            )
        try:
            if lane.kept and lane.crowded:
                await self._make_room(lane)
            refusal = _unfit(session, grant)
            content = None if refusal else await begin()
            if content is None:
                reply = refusal or Reply(0, "", "the unit was given back before MAIL")
                outcome = Outcome.REJECTED if refusal else Outcome.DEFERRED
                ended = self._closed(
                    started_at, Stage.EHLO, reply, outcome, session.host, session.tls, mail_written=False
                )
            else:
                session, ended = await self._send(lane, session, grant, route, content, started_at)
        except BaseException:
            # Cancelled, or a bug: who knows what the server still waits for.
            session.close()
            raise
        self._put_aside(lane, place, session)
        return ended

    async def _send(
        self, lane: _Lane, session: Session, grant: Grant, route: Route, content: bytes, started_at: Instant
    ) -> tuple[Session, Attempt]:
        if not self._in_time(grant):
            late = Reply(0, "", "its window ended before MAIL could be written")
            return session, self._closed(
                started_at, Stage.EHLO, late, Outcome.DEFERRED, session.host, session.tls
            )
        reused = session.served > 0
        stage, reply, outcome = await session.transact(*_commands(session, grant, content), content)
        if stage is Stage.MAIL and reply.code == 0 and reused and self._in_time(grant):
            # A kept connection that was dead, which shows only when it is used. The delivery is marked
            # as sending and its unit is spent, so the same attempt goes on over a fresh one.
            try:
                second = await self._fresh(lane, grant, route)
            except NoSession as failure:
                stage, reply, outcome = failure.stage, failure.reply, failure.outcome
            else:
                session = second
                refusal = _unfit(session, grant)
                if refusal is not None:
                    stage, reply, outcome = Stage.EHLO, refusal, Outcome.REJECTED
                elif self._in_time(grant):
                    commands = _commands(session, grant, content)
                    stage, reply, outcome = await session.transact(*commands, content)
        return session, self._closed(started_at, stage, reply, outcome, session.host, session.tls)

    def _in_time(self, grant: Grant) -> bool:
        return self._clock.now() < grant.window_ends_at - WINDOW_GUARD

    async def _kept(self, lane: _Lane, place: _Place) -> Session | None:
        """A connection that was put aside for this place and still stands; the latest used first."""
        while True:
            for index in range(len(lane.kept) - 1, -1, -1):
                if lane.kept[index][0] == place:
                    _, session = lane.kept.pop(index)
                    break
            else:
                return None
            if session.usable and (not session.half_open or await session.reset()):
                return session
            session.close()

    async def _fresh(self, lane: _Lane, grant: Grant, route: Route) -> Session:
        await self._make_room(lane)
        if self.kept >= KEPT_MAX:
            idlest = min((each for each in self._lanes.values() if each.kept), key=_idle_since)
            await idlest.kept.pop(0)[1].farewell()
        return await self._dialler.open(grant.lane.source, grant.ehlo, route)

    async def _make_room(self, lane: _Lane) -> None:
        """Let connections go that are put aside, until there are as few as there may be."""
        # A connection that is being let go still counts: the receiver's count is the one that matters.
        while lane.crowded and (lane.kept or lane.leaving):
            if not lane.leaving:
                self._dismiss(lane, lane.kept.pop(0)[1])
            await asyncio.wait(lane.leaving, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # for the task's own callback

    def _put_aside(self, lane: _Lane, place: _Place, session: Session) -> None:
        if not session.usable:
            session.close()
            return
        used_up = session.served >= lane.ask().messages_per_connection
        # This one is still counted among those in use.
        too_many = lane.turns.taken + len(lane.kept) > lane.most()
        if used_up or too_many or self._idle_s <= 0:
            self._dismiss(lane, session)
            return
        loop = asyncio.get_running_loop()
        session.parked_at = loop.time()
        lane.kept.append((place, session))
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._idle_s, self._sweep)

    def _sweep(self) -> None:
        """Let go what was idle for too long; one timer serves all connections."""
        loop = asyncio.get_running_loop()
        self._sweeper = None
        oldest = None
        for lane in self._lanes.values():
            while lane.kept and lane.kept[0][1].parked_at + self._idle_s <= loop.time():
                self._dismiss(lane, lane.kept.pop(0)[1])
            if lane.kept:
                first = lane.kept[0][1].parked_at
                oldest = first if oldest is None else min(oldest, first)
        if oldest is not None:
            self._sweeper = loop.call_at(oldest + self._idle_s, self._sweep)

    def _dismiss(self, lane: _Lane, session: Session) -> None:
        """Say QUIT in the background."""
        task = asyncio.get_running_loop().create_task(self._farewell(session))
        lane.leaving.add(task)
        task.add_done_callback(lane.leaving.discard)

    async def _farewell(self, session: Session) -> None:
        with self._clock.busy():
            await session.farewell()

    def _closed(
        self,
        started_at: Instant,
        stage: Stage,
        reply: Reply,
        outcome: Outcome,
        host: str,
        tls: bool = False,
        *,
        mail_written: bool = True,
    ) -> Attempt:
        return Attempt(
            stage=stage,
            reply=reply,
            outcome=outcome,
            mail_written=mail_written,
            started_at=started_at,
            ended_at=self._clock.now(),
            host=host,
            tls=tls,
        )


def _idle_since(lane: _Lane) -> float:
    return lane.kept[0][1].parked_at


def _unfit(session: Session, grant: Grant) -> Reply | None:
    """Why this server cannot take this message, before anything is begun."""
    if _PATH.fullmatch(grant.sender) is None:
        return Reply(553, "5.1.7", f"{grant.sender!r} cannot be put into an SMTP command")
    if not grant.recipient or _PATH.fullmatch(grant.recipient) is None:
        return Reply(553, "5.1.3", f"{grant.recipient!r} cannot be put into an SMTP command")
    if not session.utf8 and _needs_utf8(grant):
        return Reply(550, "5.6.7", f"{session.host} does not offer SMTPUTF8, which this message needs")
    if session.size_max and grant.size > session.size_max:
        return Reply(
            552, "5.3.4", f"{grant.size} octets, and {session.host} takes at most {session.size_max}"
        )
    return None


def _needs_utf8(grant: Grant) -> bool:
    return grant.utf8 or not (grant.sender.isascii() and grant.recipient.isascii())


def _commands(session: Session, grant: Grant, content: bytes) -> tuple[bytes, bytes]:
    """MAIL and RCPT as they go over the wire."""
    mail = b"MAIL FROM:<" + grant.sender.encode() + b">"
    if session.sized:
        mail += b" SIZE=%d" % len(content)
    if grant.eight_bit and session.eight_bit:
        mail += b" BODY=8BITMIME"
    if _needs_utf8(grant):
        mail += b" SMTPUTF8"
    return mail, b"RCPT TO:<" + grant.recipient.encode() + b">"
