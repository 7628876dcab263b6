"""Settling attempts: what a reply means for the delivery, the unit, the lane and the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from warmup.engine.adapt import alarm
from warmup.engine.context import Context
from warmup.engine.evidence import DOMAIN_BLOCK, kind_of
from warmup.engine.lifetime import outlived
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
    Stage,
    Verdict,
    WaitReason,
)
from warmup.providers import Classifier
from warmup.release.limits import SiteHold
from warmup.release.machine import Event, move
from warmup.release.retry import AMBIGUOUS_WAIT, next_attempt_at
from warmup.reputation import recipes
from warmup.reputation.watch import idle_talk
from warmup.store import Connection, findings, journal, lanes, queue
from warmup.store.queue import Claim
from warmup.store.senders import count_senders
from warmup.timing import HOUR, MINUTE, Instant, Span, format_span

__all__ = ["Aftermath", "judge", "record", "unknown_verdict"]

BLOCKS = frozenset({Category.IP_REPUTATION_BLOCK, Category.BLOCKLISTED})

BEFORE_RCPT = frozenset({Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.MAIL})

BAD_NEWS = frozenset(
    {
        *(category.value for category in BLOCKS),
        Category.VOLUME_LIMITED.value,
        Category.INVALID_RECIPIENT.value,
    }
)
"""What makes judgement look at a lane at once."""

SENDER_COUNTS = {
    Category.ACCEPTED.value: "accepted",
    Category.VOLUME_LIMITED.value: "deferred",
    **dict.fromkeys((DOMAIN_BLOCK, *(category.value for category in BLOCKS)), "blocked"),
    Category.INVALID_RECIPIENT.value: "invalid",
}
"""Under which name an attempt is counted for its sending domain; here a refusal of the domain counts, too."""

REFUSED = BAD_NEWS - {Category.INVALID_RECIPIENT.value}
"""What a provider that asked for fewer connections does not take well yet."""

BACKOFF = {Category.VOLUME_LIMITED: 10 * MINUTE}
"""Silence for a lane whose provider asks for it without saying how long: Gmail names 10 minutes
for 4.7.28."""

AUTH_SILENCE_MAX: Span = 12 * HOUR
"""Failing authentication is a person's to mend, and every message would fail: a lane is silent for
an hour, then about as long again as the trouble has lasted, and no longer than this."""


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


def judge(classifier: Classifier, provider: str, attempt: Attempt) -> Verdict:
    """What an attempt means. A refusal that is about us and not about the message keeps the message."""
    if attempt.outcome is Outcome.UNKNOWN:
        return unknown_verdict("no-answer")
    verdict = classifier.classify(provider, attempt.reply, attempt.stage)
    if attempt.outcome is Outcome.ACCEPTED:
        return verdict
    about_us = verdict.category in BLOCKS or verdict.reaction is Reaction.STOP_PROVIDER
    if about_us and verdict.outcome is Outcome.REJECTED:
        return attrs.evolve(verdict, outcome=Outcome.DEFERRED)
    return verdict


@attrs.frozen
class _Trouble:
    """A reply that speaks of the lane: which, for which site and whose mail, and what was said."""

    key: LaneKey
    site: str
    sender: str
    verdict: Verdict
    said: str
    stage: Stage

    @property
    def turned_away(self) -> bool:
        """Whether the provider will have nothing from this IP: a listing, or no even before a recipient."""
        if kind_of(self.verdict) not in BAD_NEWS or self.verdict.category not in BLOCKS:
            return False
        return self.verdict.category is Category.BLOCKLISTED or self.stage in BEFORE_RCPT


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].lower()


class Aftermath:
    """What a batch of attempts means for lanes, gathered first and written once."""

    def __init__(self, context: Context, connection: Connection, now: Instant) -> None:
        self._context = context
        self._connection = connection
        self._now = now
        self._lanes: dict[LaneKey, Lane] = {}
        self._keys: dict[int, LaneKey] = {}
        self._bad_news: set[LaneKey] = set()
        self._refused: set[LaneKey] = set()
        self._evidence: Counter[tuple[int, int, str, str]] = Counter()
        self._accepted: Counter[int] = Counter()
        self._used: dict[int, Instant] = {}
        self._senders: dict[tuple[int, int, str], Counter[str]] = {}
        self._accepted_from: dict[int, set[str]] = {}
        self._trouble: list[_Trouble] = []
        self._loaded: set[str] = set()

    def lane(self, key: LaneKey) -> Lane | None:
        """The lane as it stands."""
        if key.provider not in self._loaded:
            self._loaded.add(key.provider)
            for lane in lanes.lanes_of(self._connection, key.provider):
                self._lanes[lane.key] = lane
                self._keys[lane.id] = lane.key
        return self._lanes.get(key)

    def count(self, grant: Grant, window: int, site: str, attempt: Attempt, verdict: Verdict) -> None:
        """Take one attempt into account, in the window that is open when its answer comes.

        Args:
            grant: What it was made for.
            window: The window that its unit belongs to.
            site: Where it went.
            attempt: How it ended.
            verdict: What that means.
        """
        key = grant.lane
        lane = self.lane(key)
        if lane is None:
            return
        where = site if key.provider == OTHER else ""
        seen = window
        if self._now >= grant.window_ends_at and (ledger := self.ledger(lane)) is not None:
            seen = ledger.id
        kind = kind_of(verdict)
        self._evidence[lane.id, seen, where, "attempted"] += 1
        self._evidence[lane.id, seen, where, kind] += 1
        domain = _domain(grant.sender)
        if domain and key.provider != OTHER:
            of = self._senders.setdefault((seen, lane.id, domain), Counter())
            of["attempted"] += 1
            if kind in SENDER_COUNTS:
                of[SENDER_COUNTS[kind]] += 1
        if kind in BAD_NEWS:
            self._bad_news.add(key)
        if kind in REFUSED:
            self._refused.add(key)
        if verdict.outcome is Outcome.ACCEPTED:
            self._accepted[window] += 1
            self._used[lane.id] = self._now
            self._accepted_from.setdefault(lane.id, set()).add(domain)
        elif (
            verdict.category in BLOCKS
            or verdict.reaction in (Reaction.PAUSE_PROVIDER, Reaction.STOP_PROVIDER)
            or recipes.recipe_for(key.provider, verdict.rule) is not None
        ):
            # PostgreSQL refuses NUL in text, and a server may say anything.
            said = str(attempt.reply)[:200].replace("\n", " ").replace("\x00", "\N{REPLACEMENT CHARACTER}")
            self._trouble.append(_Trouble(key, site, grant.sender, verdict, said, attempt.stage))

    def write(self) -> None:
        """Write it down: evidence, the accounts, and what the lanes' standing becomes."""
        journal.add_evidence(self._connection, self._evidence)
        count_senders(self._connection, self._senders)
        lanes.add_accepted(self._connection, self._accepted)
        lanes.touch_lanes(self._connection, self._used)
        self._went_well()
        seen: set[tuple[LaneKey, str, str, str]] = set()
        for trouble in self._trouble:
            where = trouble.site if trouble.key.provider == OTHER else ""
            one = (trouble.key, where, trouble.verdict.rule, trouble.verdict.finding)
            if one in seen:
                continue  # one incident of the batch is enough for each lane or site
            seen.add(one)
            self._react(trouble)
        said = {trouble.key: trouble.said for trouble in self._trouble}
        for trouble in self._trouble:
            if trouble.turned_away and trouble.key.provider != OTHER:
                self._judge(trouble.key, trouble.said, refused=True)
                self._bad_news.discard(trouble.key)
        for key in sorted(self._bad_news, key=str):
            self._judge(key, said.get(key, ""))
        self._mended()

    def _react(self, trouble: _Trouble) -> None:
        """Be silent as the provider asks, or as long as trouble that a person has to mend goes on."""
        key, verdict = trouble.key, trouble.verdict
        lane = self.lane(key)
        assert lane is not None
        recipe = recipes.recipe_for(key.provider, verdict.rule)
        pause = verdict.pause or BACKOFF.get(verdict.category, 10 * MINUTE)
        if recipe is not None:
            pause = max(
                recipe.silence, verdict.pause if verdict.reaction is not Reaction.SLOW_PROVIDER else 0
            )
        if verdict.category is Category.AUTH_FAILURE:
            pause = self._find(trouble)
        if key.provider == OTHER:
            self._hold_site(lane, trouble, pause)
            return
        if kind_of(verdict) in BAD_NEWS and verdict.category in BLOCKS:
            return  # judgement says what becomes of the lane
        if verdict.category is Category.VOLUME_LIMITED and idle_talk(lane.learned):
            return  # it says so at any volume; several in a row are noticed by the watch
        changed = attrs.evolve(lane, learned=recipes.asked(lane.learned, recipe))
        text = f"{recipes.told(changed.learned)}: {trouble.said}"
        if pause:
            until = max(lane.backoff_until, self._now + pause)
            changed = attrs.evolve(changed, backoff_until=until, backoff_reason=trouble.said)
            text = f"silent for {format_span(pause)}, then {text}"
        self._save(changed, "backoff", text)

    def _went_well(self) -> None:
        """What acceptances mean for lanes whose provider asked for fewer connections."""
        for lane in list(self._lanes.values()):
            if not lane.learned.connections or self._now < lane.backoff_until:
                continue  # what is accepted during a silence was on its way before it
            learned = lane.learned
            if lane.id in self._used:
                usual = self._context.directory.limits(lane.key.provider).connections
                learned = recipes.went_well(learned, self._now, usual)
            if lane.key in self._refused:
                learned = recipes.spoiled(learned)
            if learned == lane.learned:
                continue
            more = learned.connections != lane.learned.connections
            text = recipes.told(learned) or "as many connections as usual again"
            self._save(attrs.evolve(lane, learned=learned), "backoff", text if more else "")

    def _hold_site(self, lane: Lane, trouble: _Trouble, pause: Span) -> None:
        blocked = trouble.verdict.category in BLOCKS and trouble.verdict.scope is Scope.IP
        site, said = trouble.site, trouble.said
        until = self._now + (self._context.policy.suspension if blocked else pause)
        reason = WaitReason.SUSPENDED if blocked else WaitReason.BACKOFF
        lanes.hold_site(self._connection, lane.id, site, SiteHold(until, reason, f"{site} said: {said}"))
        word = "suspended" if blocked else "silent"
        journal.note(self._connection, self._now, "site", f"{site} {word}: {said}", lane=lane.id)

    def _find(self, trouble: _Trouble) -> Span:
        """Keep what has to be mended in the sender's own house; how long to be silent about it."""
        key, verdict = trouble.key, trouble.verdict
        code = f"auth-{verdict.finding or 'failure'}"
        domain = _domain(trouble.sender) if verdict.scope is Scope.DOMAIN else ""
        about = {"source": key.source, "provider": key.provider, "domain": domain}
        first = findings.find(self._connection, self._now, code, trouble.said, **about)
        self._context.troubled.add(key)
        since = next(
            one.first_at
            for one in findings.open_findings(self._connection)
            if (one.code, one.source, one.provider, one.domain) == (code, *about.values())
        )
        if first:
            whose = f" for {domain}" if domain else ""
            text = f"{code}{whose}: a person has to mend this; it is no matter of reputation ({trouble.said})"
            lane = self.lane(key)
            assert lane is not None
            journal.note(self._connection, self._now, "finding", text, lane=lane.id)
        # Each silence about as long as the trouble has lasted: a mended record is noticed soon.
        return max(HOUR, min(AUTH_SILENCE_MAX, self._now - since))

    def _mended(self) -> None:
        """Where a sender's mail is accepted again, what had to be mended is mended."""
        for lane, domains in self._accepted_from.items():
            key = self._keys[lane]
            if key not in self._context.troubled:
                continue
            about = {"source": key.source, "provider": key.provider}
            # The address itself is in order when anybody's mail is accepted; a domain, when its own is.
            ended = findings.end_findings(
                self._connection, self._now, domains={"", *domains}, prefix="auth-", **about
            )
            if ended:
                whose = ", ".join(dict.fromkeys(domain for domain in ended if domain))
                of = f" of {whose}" if whose else ""
                text = f"mail{of} is accepted again: what failed to authenticate is mended"
                journal.note(self._connection, self._now, "finding", text, lane=lane)
                self._context.ask_roll()

    def ledger(self, lane: Lane) -> Ledger | None:
        """The account of a lane's open window."""
        return lanes.ledgers_of(self._connection, lane.key.provider).get(lane.id)

    def _judge(self, key: LaneKey, said: str, *, refused: bool = False) -> None:
        """Bad news acts at once."""
        lane = self.lane(key)
        assert lane is not None
        changed = alarm(self._context, self._connection, lane, self._now, said=said, refused=refused)
        if changed is not None:
            self._lanes[key] = changed

    def _save(self, lane: Lane, kind: str, text: str) -> None:
        lanes.save_lanes(self._connection, [lane])
        if text:
            journal.note(self._connection, self._now, kind, text, lane=lane.id)
        self._lanes[lane.key] = lane
        self._context.note_slowed(lane)
        self._context.ask_roll()


def _event(context: Context, connection: Connection, row: Claim, verdict: Verdict, due: Instant) -> Event:
    if verdict.outcome is Outcome.ACCEPTED:
        return Event.ACCEPTED
    if verdict.outcome is Outcome.REJECTED:
        return Event.REJECTED
    unknown = verdict.outcome is Outcome.UNKNOWN
    stream = context.streams.get(row.stream)
    if unknown and stream is not None and stream.on_unknown is OnUnknown.HOLD:
        return Event.UNKNOWN_HOLD
    if verdict.category is not Category.AUTH_FAILURE and outlived(context, connection, row, due):
        return Event.EXPIRE
    return Event.UNKNOWN_RETRY if unknown else Event.DEFERRED


def settle_row(
    context: Context,
    connection: Connection,
    row: Claim,
    source: str,
    verdict: Verdict,
    now: Instant,
    *,
    window: int | None,
) -> dict[str, Any]:
    """What is written to a delivery after an attempt."""
    tried = row.attempts + 1
    due = next_attempt_at(now, tried, verdict, context.retry, context.chance, row.id)
    event = _event(context, connection, row, verdict, due)
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
            verdict = judge(context.classifier, grant.lane.provider, attempt)
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
                    after.count(grant, window, row.site or "", attempt, verdict)
                continue
            keeps: int | None = window
            # Marked or not: where no MAIL was written the peer did not see it, and the unit goes back.
            unseen = row.state is DeliveryState.LEASED or not attempt.mail_written
            if not unseen:
                spent.append((window, row.id))
            elif lanes.void(connection, window, row.id):
                keeps = None
            outcomes.append(
                settle_row(context, connection, row, grant.lane.source, verdict, now, window=keeps)
            )
            after.count(grant, window, row.site or "", attempt, verdict)
        lanes.post(connection, spent)
        queue.settle(connection, outcomes)
        journal.add_attempts(connection, tries)
        after.write()

    with context.clock.busy():
        context.database.write(job)
    context.nudge({(grant.pool, grant.lane.provider) for grant, _ in settled})
