"""The door for relays that keep their own queue.

The ledger and the laws are those of our own queue. A unit belongs to (lane, window, id,
recipient); ``attempt`` counts conversations, so asking twice about the same one gives the same
answer and spends nothing. A relay that is told to wait holds a place: the k-th asker is told the
k-th free slot, and for some minutes after that slot nobody who came later takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from warmup.content.address import parse_address
from warmup.engine.context import Context
from warmup.engine.record import Aftermath, judge
from warmup.engine.release import GRANT_MAX, HOLD_RECHECK, SLOT_GRACE, views_of
from warmup.engine.resolve import recognise
from warmup.engine.submit import stream_of
from warmup.engine.windows import roll
from warmup.errors import UsageError
from warmup.model import (
    Attempt,
    Category,
    Decision,
    Grant,
    Limit,
    Outcome,
    Reply,
    Stage,
    Stream,
    Wait,
    WaitReason,
)
from warmup.providers import parse_reply
from warmup.release.hours import stream_limits
from warmup.release.limits import LaneView, limits_of, soonest, wait_of
from warmup.store import Connection, admissions, journal, lanes
from warmup.timing import Instant

__all__ = ["SLOT_GRACE", "Asked", "admit", "attempt_of", "settle"]

SETTLED = frozenset(outcome.value for outcome in Outcome)

NEVER_SENT = frozenset({Stage.RESOLVE, Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS})
"""Stages before MAIL: what failed there spends nothing."""


@attrs.frozen(kw_only=True)
class Asked:
    """A relay's question.

    Attributes:
        id: The relay's own id of the message, the same for every attempt.
        attempt: Which conversation about it this will be, from 1.
        mx: MX hosts, where the relay has looked them up already.
    """

    id: str
    recipient: str
    sender: str = ""
    stream: str = "default"
    attempt: int = 1
    mx: Sequence[str] = ()


def _check(asked: Asked) -> None:
    if not 1 <= len(asked.id) <= 500:
        raise UsageError.of(
            "id", f"{len(asked.id)} characters", "use the relay's own queue id, 1 to 500 characters"
        )
    if asked.attempt < 1:
        raise UsageError.of("attempt", f"{asked.attempt} is out of range", "count conversations from 1")


def admit(context: Context, asked: Asked) -> Decision:
    """Answer a relay: Grant or Wait.

    Raises:
        UsageError: An attempt that was settled, or lower than one that was; a message that was
            accepted; or no such stream.
        DataError: An address that is not one.
        StoreError: The answer could not be written down; nothing was granted.
    """
    _check(asked)
    stream = stream_of(context, asked.stream)
    address = parse_address(asked.recipient)
    if asked.sender:
        parse_address(asked.sender, field="sender")
    domain = address.ascii_domain
    seen = context.recall(domain) if not asked.mx else None
    if seen is not None and seen.site is not None:
        provider, site = seen.provider, seen.site
    else:
        provider, site = recognise(context, domain, asked.mx)
    label = context.label(provider or None)
    now = context.clock.now()
    complaint = context.watch.complaint()
    if complaint is not None:
        return Wait(Limit(WaitReason.CLOCK, now + HOLD_RECHECK, f"the clock is not believed: {complaint}"))

    def job(connection: Connection) -> tuple[Decision, Instant]:
        roll_at = context.roll_at if now < context.roll_at else roll(context, connection, now)
        views = [
            view
            for view in views_of(context, connection, now, label, lock=True, even=False)
            if view.source.pool == stream.pool
        ]
        return _Desk(context, connection, now, asked, domain, label, site, stream, views).answer(), roll_at

    with context.clock.busy():
        decision, context.roll_at = context.database.write(job)
    return decision


class _Desk:
    """One question while it is answered, inside its transaction."""

    def __init__(
        self,
        context: Context,
        connection: Connection,
        now: Instant,
        asked: Asked,
        domain: str,
        provider: str,
        site: str,
        stream: Stream,
        views: list[LaneView],
    ) -> None:
        self.context, self.connection, self.now, self.asked = context, connection, now, asked
        self.domain, self.provider, self.site, self.views = domain, provider, site, views
        self.pool, self.closed = stream.pool, stream_limits(stream, now)
        self.row = admissions.find(connection, asked.id, asked.recipient)
        self.units: frozenset[int] = frozenset()
        if self.row is not None:
            windows = [view.ledger.id for view in views if view.ledger is not None]
            self.units = lanes.held_units(connection, windows, [-self.row.id]).get(-self.row.id, self.units)

    def answer(self) -> Decision:
        row, now = self.row, self.now
        if not self.views:
            return Wait(
                Limit(WaitReason.NO_SOURCE, None, f"no source of pool {self.pool!r} sends to {self.provider}")
            )
        if row is not None and self.asked.attempt < row.attempt:
            raise UsageError.of(
                "attempt", f"{self.asked.attempt} after {row.attempt}", "count conversations upwards"
            )
        if row is not None and row.state == Outcome.ACCEPTED:
            raise UsageError.of(
                "id",
                f"{self.asked.id!r} to {self.asked.recipient} was accepted",
                "give a new message an id of its own",
            )
        if row is not None and row.state in SETTLED and self.asked.attempt == row.attempt:
            raise UsageError.of(
                "attempt",
                f"{row.attempt} was settled as {row.state}",
                "count on: the next conversation is another attempt",
            )
        if row is not None and row.state == "granted" and self.asked.attempt > row.attempt:
            # The conversation before was never accounted for: its MAIL may have gone out.
            lanes.post(self.connection, [(row.window, -row.id)] if row.window is not None else [])
        waits: list[Wait] = []
        for view in sorted(map(self.but_this, self.views), key=self.order):
            if self.pinned_elsewhere(view) and not self.is_repeated(view):
                continue
            if self.closed and not self.is_repeated(view):
                waits.append(wait_of((*limits_of(view, now, site=self.site), *self.closed)))
                continue
            if self.holds_unit(view):
                # Asked twice about the same conversation, or about another one in the same window.
                limits = limits_of(view, now, site=self.site, unit=False)
                if limits:
                    waits.append(wait_of(limits))
                    continue
                if row is not None and self.is_repeated(view):
                    return self.grant(view, row.lease)
                return self.take(view, unit=False)
            before = self.place(view)
            due = admissions.promised(
                self.connection, view.lane.id, now - SLOT_GRACE, before if before is not None else now + 1
            )
            limits = limits_of(view, now, site=self.site, ahead=due)
            if not limits:
                return self.take(view, unit=True)
            ahead = admissions.promised(self.connection, view.lane.id, now - SLOT_GRACE, before)
            waits.append(wait_of(limits_of(view, now, site=self.site, ahead=ahead) or limits))
        return self.wait(soonest(waits))

    def but_this(self, view: LaneView) -> LaneView:
        """A lane as it stands for this question: the conversation it is about is not in its own way."""
        row, ledger = self.row, view.ledger
        mine = row is not None and row.state == "granted" and ledger is not None and row.window == ledger.id
        if not (mine and view.under_way and self.now - GRANT_MAX < (row.asked_at if row else 0)):
            return view
        return attrs.evolve(view, under_way=view.under_way - 1)

    def holds_unit(self, view: LaneView) -> bool:
        return view.ledger is not None and view.ledger.id in self.units

    def is_repeated(self, view: LaneView) -> bool:
        """Whether this very conversation was granted on this lane, in the window that is open."""
        row = self.row
        return (
            row is not None
            and row.state == "granted"
            and row.attempt == self.asked.attempt
            and view.ledger is not None
            and view.ledger.id == row.window
        )

    def place(self, view: LaneView) -> Instant | None:
        """The slot that was promised on this lane; None where there is none, or where its time is over."""
        row = self.row
        if row is None or row.state != "waiting" or row.slot_lane != view.lane.id or row.slot_at is None:
            return None
        return row.slot_at if row.slot_at >= self.now - SLOT_GRACE else None

    def order(self, view: LaneView) -> tuple[bool, bool, int, int]:
        """The lane that granted first, then those where it holds a unit, then the least used one."""
        ledger = view.ledger
        used = 1 << 40 if ledger is None or ledger.cap == 0 else ledger.used * (1 << 40) // ledger.cap
        return (not self.is_repeated(view), not self.holds_unit(view), used, view.lane.id)

    def pinned_elsewhere(self, view: LaneView) -> bool:
        row = self.row
        if row is None or row.pin_source is None or row.pin_until is None or self.now >= row.pin_until:
            return False
        pins = [one for one in self.views if one.source.address == row.pin_source]
        able = any(
            all(limit.not_before is not None and limit.not_before < (row.pin_until or 0) for limit in limits)
            for limits in (limits_of(one, self.now, unit=False) for one in pins)
        )
        return able and view.source.address != row.pin_source

    def values(self) -> dict[str, Any]:
        return {
            "relay_id": self.asked.id,
            "recipient": self.asked.recipient,
            "sender": self.asked.sender,
            "stream": self.asked.stream,
            "domain": self.domain,
            "provider": self.provider,
            "site": self.site,
            "pool": self.pool,
            "attempt": self.asked.attempt,
        }

    def take(self, view: LaneView, *, unit: bool) -> Grant:
        ledger, pace = view.ledger, view.pace
        assert ledger is not None and pace is not None
        lease = 1 if self.row is None else self.row.lease + 1
        changes = {
            **self.values(),
            "state": "granted",
            "lease": lease,
            "window": ledger.id,
            "slot_lane": None,
            "slot_at": None,
        }
        self.row = admissions.save(self.connection, self.row, changes, self.now)
        if unit:
            _, tat = pace.take(self.now, ledger.used, ledger.tat, 1)
            taken = lanes.take_units(self.connection, ledger.id, ledger.used, 1, max(tat, ledger.tat))
            assert taken, "the window was locked when it was read"
            unit_row = {"window": ledger.id, "ref": -self.row.id, "at": self.now, "cap": ledger.cap}
            lanes.reserve(self.connection, [unit_row])
        return self.grant(view, lease)

    def grant(self, view: LaneView, lease: int) -> Grant:
        assert self.row is not None and view.ledger is not None
        return Grant(
            id=-self.row.id,
            lease=lease,
            lane=view.lane.key,
            window_ends_at=view.ledger.window.ends_at,
            pool=view.source.pool,
            ehlo=view.source.ehlo,
            domain=self.domain,
            site=self.site,
            sender=self.asked.sender,
            recipient=self.asked.recipient,
        )

    def wait(self, wait: Wait) -> Wait:
        if self.row is not None and self.row.state == "granted" and self.row.attempt == self.asked.attempt:
            return wait  # it was granted before it was stopped, and may be under way: its account stays open
        lane = next((view.lane.id for view in self.views if view.lane.key == wait.limit.lane), None)
        slotted = wait.not_before is not None and wait.reason in (WaitReason.PATTERN, WaitReason.PACE)
        changes = {
            **self.values(),
            "state": "waiting",
            "slot_lane": lane if slotted else None,
            "slot_at": wait.not_before if slotted else None,
        }
        if self.row is None:
            changes |= {"lease": 0, "window": None}
        admissions.save(self.connection, self.row, changes, self.now)
        return wait


def attempt_of(reply: tuple[int, str] | Reply | None, stage: Stage | None, now: Instant) -> Attempt:
    """Make an attempt of what a relay says of it.

    Args:
        reply: The last reply; None: the connection was lost, or never came about.
        stage: The command it answered; None: the final dot for a success, else RCPT.
        now: When it ended.

    Raises:
        UsageError: It is no reply.
    """
    if isinstance(reply, tuple):
        if len(reply) != 2 or type(reply[0]) is not int or not isinstance(reply[1], str):
            raise UsageError.of("reply", f"{reply!r:.80} is no reply", 'give (250, "2.0.0 OK"), or None')
        if not 200 <= reply[0] <= 599:
            raise UsageError.of("reply", f"{reply[0]} is no reply code", "give three digits, 200 to 599")
        reply = parse_reply(*reply)
    if reply is None:
        reply = Reply(0, "", "the connection was lost")
    if stage is None:
        stage = Stage.DOT if reply.outcome is Outcome.ACCEPTED else Stage.RCPT
    outcome = reply.outcome
    if outcome is Outcome.UNKNOWN and stage is not Stage.DOT:
        outcome = Outcome.DEFERRED
    return Attempt(stage=stage, reply=reply, outcome=outcome, mail_written=True, started_at=now, ended_at=now)


def settle(context: Context, grant: Grant, attempt: Attempt) -> None:
    """Write down how a relay's conversation ended. Recording it twice changes nothing the second time."""
    now = context.clock.now()

    def job(connection: Connection) -> None:
        row = admissions.load(connection, -grant.id)
        after = Aftermath(context, connection, now)
        lane = after.lane(grant.lane)
        if row is None or lane is None:
            return
        current = row.lease == grant.lease and row.state == "granted"
        verdict = judge(context.classifier, grant.lane.provider, attempt)
        values = journal.attempt_values(grant.id, lane.id, row.window or 0, attempt, verdict, applied=current)
        if not current:
            journal.add_attempts(connection, [values] if row.lease != grant.lease else [])
            return
        journal.add_attempts(connection, [values])
        assert row.window is not None
        changes: dict[str, Any] = {"state": verdict.outcome.value, "pin_source": None, "pin_until": None}
        if attempt.stage in NEVER_SENT and attempt.outcome is not Outcome.ACCEPTED:
            if lanes.void(connection, row.window, grant.id):
                changes["window"] = None
        else:
            lanes.post(connection, [(row.window, grant.id)])
        if verdict.category is Category.GREYLIST:
            same = row.pin_source == grant.lane.source
            changes |= {
                "pin_source": grant.lane.source,
                "pin_until": row.pin_until if same else now + context.retry.pin,
            }
        admissions.save(connection, row, changes, now)
        after.count(grant, row.window, row.site, attempt, verdict)
        after.write()

    with context.clock.busy():
        context.database.write(job)
    context.nudge()
