"""Settling attempts: what a reply means for the delivery, the unit, the lane and the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.model import (
    OTHER,
    Attempt,
    Category,
    DeliveryState,
    Grant,
    Lane,
    LaneKey,
    Ledger,
    OnUnknown,
    Outcome,
    Reaction,
    Scope,
    Verdict,
    WaitReason,
)
from warmup.providers import classify
from warmup.release.limits import SiteHold
from warmup.release.machine import Event, move
from warmup.release.retry import AMBIGUOUS_WAIT, next_attempt_at
from warmup.reputation import standing
from warmup.store import Connection, journal, lanes, queue
from warmup.store.queue import Claim
from warmup.timing import HOUR, MINUTE, Instant

__all__ = ["Aftermath", "judge", "record", "unknown_verdict"]

BLOCKS = frozenset({Category.IP_REPUTATION_BLOCK, Category.BLOCKLISTED})

BACKOFF = {Category.VOLUME_LIMITED: 10 * MINUTE, Category.AUTH_FAILURE: HOUR}
"""Silence for a lane whose provider asks for it without saying how long: Gmail names 10 minutes
for 4.7.28; failing authentication is a person's to mend, and every message would fail."""


def unknown_verdict(rule: str) -> Verdict:
    """The verdict on an attempt of which nobody knows how it ended."""
    return Verdict(
        outcome=Outcome.UNKNOWN,
        category=Category.TRANSIENT_INFRASTRUCTURE,
        scope=Scope.IP,
        reaction=Reaction.RETRY,
        retry_after=AMBIGUOUS_WAIT,
        rule=rule,
    )


def judge(provider: str, attempt: Attempt) -> Verdict:
    """What an attempt means. A refusal that is about us and not about the message keeps the message."""
    if attempt.outcome is Outcome.UNKNOWN:
        return unknown_verdict("no-answer")
    verdict = classify(provider, attempt.reply, attempt.stage)
    if attempt.outcome is Outcome.ACCEPTED:
        return verdict
    about_us = verdict.category in BLOCKS or verdict.reaction is Reaction.STOP_PROVIDER
    if about_us and verdict.outcome is Outcome.REJECTED:
        return attrs.evolve(verdict, outcome=Outcome.DEFERRED)
    return verdict


@attrs.frozen
class _Trouble:
    """A reply that speaks of the lane: which, in which window and for which site, and what was said."""

    key: LaneKey
    window: int
    site: str
    verdict: Verdict
    said: str


class Aftermath:
    """What a batch of attempts means for lanes, gathered first and written once."""

    def __init__(self, context: Context, connection: Connection, now: Instant) -> None:
        self._context = context
        self._connection = connection
        self._now = now
        self._lanes: dict[LaneKey, Lane] = {}
        self._ledgers: dict[int, Ledger] = {}
        self._evidence: Counter[tuple[int, int, str, str]] = Counter()
        self._accepted: Counter[int] = Counter()
        self._used: dict[int, Instant] = {}
        self._trouble: list[_Trouble] = []
        self._loaded: set[str] = set()

    def lane(self, key: LaneKey) -> Lane | None:
        """The lane as it stands."""
        if key.provider not in self._loaded:
            self._loaded.add(key.provider)
            for lane in lanes.lanes_of(self._connection, key.provider):
                self._lanes[lane.key] = lane
        return self._lanes.get(key)

    def count(self, key: LaneKey, window: int, site: str, attempt: Attempt, verdict: Verdict) -> None:
        """Take one attempt into account."""
        lane = self.lane(key)
        if lane is None:
            return
        where = site if key.provider == OTHER else ""
        self._evidence[lane.id, window, where, "attempted"] += 1
        self._evidence[lane.id, window, where, verdict.category.value] += 1
        if verdict.outcome is Outcome.ACCEPTED:
            self._accepted[window] += 1
            self._used[lane.id] = self._now
        elif verdict.category in BLOCKS or verdict.reaction in (
            Reaction.PAUSE_PROVIDER,
            Reaction.STOP_PROVIDER,
        ):
            # PostgreSQL refuses NUL in text, and a server may say anything.
            said = str(attempt.reply)[:200].replace("\n", " ").replace("\x00", "\N{REPLACEMENT CHARACTER}")
            self._trouble.append(_Trouble(key, window, site, verdict, said))

    def write(self) -> None:
        """Write it down: evidence, the accounts, and what the lanes' standing becomes."""
        journal.add_evidence(self._connection, self._evidence)
        lanes.add_accepted(self._connection, self._accepted)
        lanes.touch_lanes(self._connection, self._used)
        seen: set[tuple[LaneKey, str, Category]] = set()
        for trouble in self._trouble:
            where = trouble.site if trouble.key.provider == OTHER else ""
            if (trouble.key, where, trouble.verdict.category) in seen:
                continue  # one incident of the batch is enough for each lane or site
            seen.add((trouble.key, where, trouble.verdict.category))
            self._react(trouble)

    def _react(self, trouble: _Trouble) -> None:
        key, site, verdict, reply = trouble.key, trouble.site, trouble.verdict, trouble.said
        lane = self.lane(key)
        assert lane is not None
        blocked = verdict.category in BLOCKS and verdict.scope is Scope.IP
        pause = verdict.pause or BACKOFF.get(verdict.category, 10 * MINUTE)
        if key.provider == OTHER:
            until = self._now + (standing.SUSPENSION if blocked else pause)
            reason = WaitReason.SUSPENDED if blocked else WaitReason.BACKOFF
            lanes.hold_site(self._connection, lane.id, site, SiteHold(until, reason, f"{site} said: {reply}"))
            word = "suspended" if blocked else "silent"
            journal.note(self._connection, self._now, "site", f"{site} {word}: {reply}", lane=lane.id)
            return
        if blocked:
            ledger = lanes.ledgers_of(self._connection, key.provider).get(lane.id)
            if ledger is None:
                return
            # The cap that was too much is that of the day on which it was used, which may be over.
            cap = lanes.cap_of(self._connection, trouble.window) or ledger.cap
            plan = self._context.plan

            def planned(step: int) -> int:
                return plan.nominal(key.source, step).get(key.provider, 0)

            adjustment = standing.block(lane, self._now, cap, planned, reply)
            if adjustment.cap_now is not None:
                lanes.lower_cap(self._connection, ledger.id, adjustment.cap_now)
            lanes.spoil(self._connection, ledger.id)
            changed, kind, text = adjustment.lane, "standing", adjustment.reason
        else:
            until = max(lane.backoff_until, self._now + pause)
            changed = attrs.evolve(lane, backoff_until=until, backoff_reason=reply)
            kind, text = "backoff", f"silent for {pause // MINUTE} min, as the provider asked: {reply}"
        lanes.save_lanes(self._connection, [changed])
        journal.note(self._connection, self._now, kind, text, lane=lane.id)
        self._lanes[key] = changed
        self._context.ask_roll()


def _event(context: Context, row: Claim, verdict: Verdict, due: Instant) -> Event:
    if verdict.outcome is Outcome.ACCEPTED:
        return Event.ACCEPTED
    if verdict.outcome is Outcome.REJECTED:
        return Event.REJECTED
    unknown = verdict.outcome is Outcome.UNKNOWN
    stream = context.streams.get(row.stream)
    if unknown and stream is not None and stream.on_unknown is OnUnknown.HOLD:
        return Event.UNKNOWN_HOLD
    first = row.first_attempt_at
    if first is not None and due - first > context.retry.lifetime:
        return Event.EXPIRE
    return Event.UNKNOWN_RETRY if unknown else Event.DEFERRED


def settle_row(
    context: Context, row: Claim, source: str, verdict: Verdict, now: Instant, *, window: int | None
) -> dict[str, Any]:
    """What is written to a delivery after an attempt."""
    tried = row.attempts + 1
    due = next_attempt_at(now, tried, verdict, context.retry, context.chance, row.id)
    event = _event(context, row, verdict, due)
    # What failed for another reason on the way back does not undo that the server has seen this source.
    pin, pin_until = row.pin_source, row.pin_until
    if verdict.category is Category.GREYLIST:
        # The clock of the pin runs from the first greylisting by this source.
        same = row.pin_source == source
        pin, pin_until = source, row.pin_until if same else now + context.retry.pin
    return {
        "delivery": row.id,
        "new_state": move(row.state, event).value,
        "due": due if event in (Event.DEFERRED, Event.UNKNOWN_RETRY) else now,
        "tried": tried,
        "first": row.first_attempt_at if row.first_attempt_at is not None else now,
        "in_window": window,
        "pin": pin,
        "pin_end": pin_until,
    }


def record(context: Context, settled: Sequence[tuple[Grant, Attempt]]) -> None:
    """Write down how attempts ended, in one transaction.

    An answer whose claim was given to somebody else meanwhile is journalled and changes nothing,
    except that a late acceptance ends a delivery that waits again.
    """
    now = context.clock.now()

    def job(connection: Connection) -> None:
        rows = queue.claims(connection, [grant.id for grant, _ in settled])
        after = Aftermath(context, connection, now)
        tries: list[dict[str, Any]] = []
        outcomes: list[dict[str, Any]] = []
        spent: list[tuple[int, int]] = []
        for grant, attempt in settled:
            row = rows.get(grant.id)
            lane = after.lane(grant.lane)
            if row is None or lane is None:
                continue
            verdict = judge(grant.lane.provider, attempt)
            current = row.lease == grant.lease and row.state in (DeliveryState.LEASED, DeliveryState.SENDING)
            window = row.window or 0
            tries.append(journal.attempt_values(row.id, lane.id, window, attempt, verdict, applied=current))
            if not current:
                if verdict.outcome is Outcome.ACCEPTED and row.state in (
                    DeliveryState.DEFERRED,
                    DeliveryState.HELD,
                ):
                    late = move(row.state, Event.LATE_ACCEPTED)
                    queue.end(connection, [{"delivery": row.id, "new_state": late.value}], now)
                    after.count(grant.lane, window, row.site or "", attempt, verdict)
                continue
            keeps: int | None = window
            # Marked or not: where no MAIL was written the peer did not see it, and the unit goes back.
            unseen = row.state is DeliveryState.LEASED or not attempt.mail_written
            if not unseen:
                spent.append((window, row.id))
            elif lanes.void(connection, window, row.id):
                keeps = None
            outcomes.append(settle_row(context, row, grant.lane.source, verdict, now, window=keeps))
            after.count(grant.lane, window, row.site or "", attempt, verdict)
        lanes.post(connection, spent)
        queue.settle(connection, outcomes)
        journal.add_attempts(connection, tries)
        after.write()

    with context.clock.busy():
        context.database.write(job)
    context.nudge({(grant.pool, grant.lane.provider) for grant, _ in settled})
