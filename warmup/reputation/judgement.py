"""What a lane's evidence makes of it: every move of a cap or a standing, with its reason.

Theory of operation. ``close`` judges a window that ended, ``alarm`` looks at the open one whenever
bad news came. Both are pure: the same lane, evidence, policy and time give the same adjustment, so
the journal replayed gives the same decisions. In this order:

1. Idleness (:mod:`warmup.reputation.idling`): less each day after a week, *cold* after thirty.
2. Rates over days (complaints, hard bounces, deferrals, blocks, spam placement) above the last
   threshold they have: *suspended*, with an end; above the middle one: a *step back* to half, once,
   then seven days of rest; above the first: *held*, no growth while the evidence stands.
3. A volume limit recognised in the window: the level goes a little under what was accepted.
4. Nothing wrong: one step on by the ramp's clock, or from below the curve along it.

Bad news acts at once and good news after a full window, never faster than the curve. Evidence that is missing
(a feed was lost) is counted as nothing: it never raises a cap, since growth needs a used window whose
replies were seen, and never lowers one. Evidence that was acted on is not judged twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from warmup.model import Lane, RampClock, Standing, WindowEvidence
from warmup.model.lane import Learned, Watch
from warmup.reputation import idling, standing
from warmup.reputation.evidence import since, usual_deferrals
from warmup.reputation.growth import beyond, bump, grown, step_holding
from warmup.reputation.policy import POLICY, Policy
from warmup.reputation.rates import Severity, Verdict, judge_rates
from warmup.reputation.standing import Adjustment, Planned
from warmup.reputation.watch import MILLION, look, watch_of
from warmup.reputation.weekdays import FULL, eased, share_of
from warmup.timing import DAY, Instant, format_instant, format_span

__all__ = ["POLICY", "Policy", "alarm", "close", "level_of", "refuse", "review"]

HISTORY_DAYS = 30
"""Evidence older than this is not judged: the memory of providers that most vendors name."""

_AT_REST = (Standing.PAUSED, Standing.SUSPENDED)


def level_of(lane: Lane, planned: Planned) -> int:
    """The most the lane may send on a full day."""
    return standing.cap_of(lane, planned(lane.step))


def _at_level(lane: Lane, level: int, planned: Planned, last_step: int) -> Lane:
    """The lane at a level: limited where that is below the plan, at the curve again where it is not."""
    share = planned(last_step)
    if level >= share and not lane.learned.bumps:
        return attrs.evolve(lane, step=last_step, cap_limit=None, standing=Standing.WARM)
    step = step_holding(planned, last_step, level)
    if lane.step > step and planned(lane.step) == planned(step):
        step = lane.step
    return attrs.evolve(lane, step=step, cap_limit=level, standing=Standing.REDUCED)


def _reduced(lane: Lane, level: int, planned: Planned, last_step: int) -> Lane:
    """The lane at a level after bad news: reduced, whatever the plan gives it, and on no later step."""
    lower = _at_level(lane, level, planned, last_step)
    return attrs.evolve(lower, step=min(lane.step, lower.step), cap_limit=level, standing=Standing.REDUCED)


def _judged(
    history: Sequence[WindowEvidence], seen: WindowEvidence, learned: Learned, now: Instant
) -> list[WindowEvidence]:
    return [*since(history, max(learned.judged_from, now - HISTORY_DAYS * DAY)), seen]


def _setback(learned: Learned, now: Instant, judged_from: Instant, policy: Policy) -> Learned:
    recent = learned.setbacks and now - learned.setback_at <= policy.memory
    return attrs.evolve(
        idling.spoiled(learned),
        judged_from=judged_from,
        setbacks=learned.setbacks + 1 if recent else 1,
        setback_at=now,
        stride=min(learned.stride, policy.fresh),
    )


@attrs.frozen(kw_only=True)
class _Case:
    """What every judgement of a lane needs.

    Attributes:
        lane: The lane as it stands.
        level: The most it may send on a full day.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
        ends_at: When the window ends that is looked at: what it holds is acted on with what is found.
        now: The time.
        policy: How it is judged.
    """

    lane: Lane
    level: int
    planned: Planned
    last_step: int
    ends_at: Instant
    now: Instant
    policy: Policy

    @classmethod
    def of(
        cls,
        lane: Lane,
        seen: WindowEvidence,
        now: Instant,
        *,
        planned: Planned,
        last_step: int,
        policy: Policy,
    ) -> _Case:
        """The case of a lane in a window."""
        return cls(
            lane=lane,
            level=level_of(lane, planned),
            planned=planned,
            last_step=last_step,
            ends_at=seen.window.ends_at,
            now=now,
            policy=policy,
        )


def _suspend(case: _Case, why: str) -> Adjustment:
    lane, policy = case.lane, case.policy
    learned = _setback(lane.learned, case.now, case.ends_at, policy)
    span = min(policy.suspension << min(learned.setbacks - 1, 16), policy.suspension_longest)
    until = case.now + span
    learned = attrs.evolve(learned, rest_until=until + policy.rest, hold=why)
    half = max(1, case.level // 2)
    paused = lane.standing is Standing.PAUSED
    changed = attrs.evolve(
        lane,
        standing=Standing.PAUSED if paused else Standing.SUSPENDED,
        before_pause=Standing.SUSPENDED if paused else None,
        until=max(until, lane.until or 0),
        cap_limit=half,
        step=min(lane.step, step_holding(case.planned, case.last_step, half)),
        learned=learned,
        note=why,
    )
    text = (
        f"suspended for {format_span(span)}, until {format_instant(until)}, then at most {half} a day: {why}"
    )
    return Adjustment(changed, text, cap_now=half)


def _step_back(case: _Case, why: str) -> Adjustment:
    lane = case.lane
    learned = _setback(lane.learned, case.now, case.ends_at, case.policy)
    learned = attrs.evolve(learned, rest_until=case.now + case.policy.rest, hold=why)
    half = max(1, case.level // 2)
    taught = attrs.evolve(lane, learned=learned, note=why)
    changed = _reduced(taught, half, case.planned, case.last_step)
    rest = format_instant(learned.rest_until)
    text = f"back from {case.level} to {half} a day, with no growth before {rest}: {why}"
    return Adjustment(changed, text, cap_now=half)


def _severe(case: _Case, verdict: Verdict) -> Adjustment | None:
    if case.lane.standing in _AT_REST:
        return None
    if verdict.severity is Severity.SUSPEND:
        return _suspend(case, verdict.reason)
    if verdict.severity is Severity.BACK:
        return _step_back(case, verdict.reason)
    return None


def refuse(
    lane: Lane,
    seen: WindowEvidence,
    now: Instant,
    *,
    planned: Planned,
    last_step: int,
    said: str,
    policy: Policy = POLICY,
) -> Adjustment:
    """Suspend a lane whose provider turns the IP away: one such word is enough.

    A listing, or a refusal before any recipient was named, is no sample of anything: it speaks of
    every message. One that comes while the lane is suspended lengthens that.

    Args:
        lane: The lane as it stands.
        seen: The open window so far.
        now: When it was said.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
        said: What the provider said.
        policy: How it is judged.
    """
    if lane.standing is Standing.SUSPENDED or lane.before_pause is Standing.SUSPENDED:
        until = max(lane.until or 0, now + policy.suspension)
        return Adjustment(
            attrs.evolve(lane, until=until),
            f"refused again: suspended until {format_instant(until)} ({said})",
        )
    case = _Case.of(lane, seen, now, planned=planned, last_step=last_step, policy=policy)
    case = attrs.evolve(case, level=min(case.level, seen.cap) or case.level)
    return _suspend(case, f"the provider said: {said}")


def alarm(
    lane: Lane,
    seen: WindowEvidence,
    history: Sequence[WindowEvidence],
    now: Instant,
    *,
    planned: Planned,
    last_step: int,
    policy: Policy = POLICY,
) -> Adjustment | None:
    """Look at the open window after bad news; None where it changes nothing at all.

    The cap it gives is never above the window's; a standing it gives is never a better one.

    Args:
        lane: The lane as it stands.
        seen: The open window so far, with the cap in force.
        history: The closed windows before it, oldest first.
        now: The time.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
        policy: How it is judged.
    """
    finding = look(lane.learned, seen, history, now, policy)
    if finding is None:
        return None
    before = watch_of(lane.learned, seen)
    watched = attrs.evolve(lane, learned=attrs.evolve(lane.learned, watch=finding.watch))
    # What came before a setback has been acted on with it, the open window included: what that holds up to
    # now must not count again when it is judged.
    case = _Case.of(watched, seen, now, planned=planned, last_step=last_step, policy=policy)
    if finding.blocked and lane.standing not in _AT_REST:
        why = f"{seen.blocked} of {seen.attempted} attempts in this window refused for the IP's reputation"
        return _suspend(case, why)
    if seen.complained + seen.invalid > before.bad:
        verdict = judge_rates(_judged(history, seen, lane.learned, now), policy, lane.learned.usual / MILLION)
        severe = _severe(case, verdict)
        if severe is not None:
            return severe
    if finding.silent_until > lane.backoff_until:
        text = f"{seen.deferred} of {seen.attempted} attempts in this window deferred for volume"
        if seen.blocked > before.blocked:
            text = (
                f"{seen.blocked} of {seen.attempted} attempts in this window refused for the IP's reputation"
            )
        watched = attrs.evolve(watched, backoff_until=finding.silent_until, backoff_reason=text)
    if finding.cap is None or finding.cap >= seen.cap:
        return Adjustment(watched, _deferred_text(seen, finding.watch), quiet=True)
    told = _deferred_text(seen, finding.watch)
    text = f"cap {seen.cap} lowered to {finding.cap} for this window, {seen.accepted} accepted: {told}"
    return Adjustment(watched, text, cap_now=finding.cap)


def review(
    lane: Lane,
    seen: WindowEvidence,
    history: Sequence[WindowEvidence],
    now: Instant,
    *,
    planned: Planned,
    last_step: int,
    late: Sequence[WindowEvidence] = (),
    policy: Policy = POLICY,
) -> Adjustment | None:
    """Judge the rates again after news about windows that are closed; None where it changes nothing.

    Only bad news acts here, and evidence that was acted on is not acted on again.

    Args:
        lane: The lane as it stands.
        seen: The open window so far.
        history: The closed windows before it, oldest first, as they are known now.
        now: The time.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
        late: Windows from before the last setback, with only that bad news of theirs which came after it.
        policy: How it is judged.
    """
    judged = [*late, *_judged(history, seen, lane.learned, now)]
    verdict = judge_rates(judged, policy, lane.learned.usual / MILLION)
    case = _Case.of(lane, seen, now, planned=planned, last_step=last_step, policy=policy)
    return _severe(case, verdict)


def _deferred_text(seen: WindowEvidence, watch: Watch) -> str:
    told = [f"{seen.deferred} of {seen.attempted} attempts deferred for volume"] if seen.deferred else []
    if seen.blocked:
        told.append(f"{seen.blocked} of {seen.attempted} attempts refused for the IP's reputation")
    return " and ".join(told) or f"{seen.complained} complaints, {seen.invalid} hard bounces"


def _used(seen: WindowEvidence) -> bool:
    part, whole = standing.USED_SHARE
    return seen.accepted * whole >= seen.cap * part


def _moves(lane: Lane, seen: WindowEvidence, ramp: RampClock, *, slow: bool) -> bool:
    if seen.partial or seen.step != lane.step or lane.standing in _AT_REST:
        return False
    if ramp is RampClock.CALENDAR:
        return True
    if ramp is RampClock.SENDING_DAY:
        return seen.accepted > 0
    # A slow weekday shows nothing of the others.
    return not slow and _used(seen)


def close(
    lane: Lane,
    seen: WindowEvidence,
    history: Sequence[WindowEvidence],
    now: Instant,
    *,
    ramp: RampClock = RampClock.HEALTH,
    last_step: int,
    planned: Planned,
    policy: Policy = POLICY,
    beside: str = "",
) -> Adjustment | None:
    """Judge a window that closed; None where nothing changes.

    Args:
        lane: The lane as it stands.
        seen: The evidence of the window.
        history: Closed windows before it, oldest first, as they are known now; 30 days suffice.
        now: When it was closed, at or after its end.
        ramp: What moves the ramp.
        last_step: First step at which the curve carries its whole share.
        planned: The plan's cap of the lane on a full day, by step.
        policy: How it is judged.
        beside: Why it does not rise though its own evidence is good: trouble of the whole address.
    """
    lapsed = idling.lapse(
        lane,
        [*history, seen],
        now,
        planned=planned,
        last_step=last_step,
        fades=ramp is not RampClock.CALENDAR,
    )
    if lane.standing in _AT_REST or (lapsed is not None and lapsed.lane.standing is Standing.COLD):
        return lapsed
    level = level_of(lane, planned)
    before, usual = lane, usual_deferrals(history, level)
    if usual is not None:
        lane = attrs.evolve(lane, learned=attrs.evolve(lane.learned, usual=round(usual * MILLION)))
    learned = lane.learned
    verdict = (
        judge_rates(_judged(history, seen, learned, now), policy, learned.usual / MILLION)
        if seen.window.ends_at > learned.judged_from
        else Verdict()
    )
    case = _Case.of(lane, seen, now, planned=planned, last_step=last_step, policy=policy)
    severe = _severe(case, verdict)
    if severe is not None:
        return severe
    watch = watch_of(learned, seen)
    if watch.alarms:
        limit, taught = bump(idling.spoiled(learned), seen, history, level, policy)
        limit = min(limit, level)
        reduced = _reduced(attrs.evolve(lane, learned=taught), limit, planned, last_step)
        moved = f"back from {level} to {limit} a day" if limit < level else f"again {level} a day"
        text = (
            f"{moved}: {seen.accepted} accepted, then {seen.deferred} of "
            f"{seen.attempted} attempts deferred for volume"
        )
        return Adjustment(reduced, text)
    if lapsed is not None:
        return lapsed
    held = verdict.reason if verdict.severity is Severity.HOLD else ""
    if not held and now < learned.rest_until:
        held = learned.hold or f"at rest until {format_instant(learned.rest_until)}"
    held = held or beside
    # On its curve only the clock that asks for good health is held; below it, after trouble, every lane is.
    if held and (ramp is RampClock.HEALTH or lane.cap_limit is not None):
        if held == learned.hold:
            return None
        kept = attrs.evolve(lane, learned=attrs.evolve(idling.spoiled(learned), hold=held))
        return Adjustment(kept, f"held at {level} a day: {held}", quiet=bool(learned.hold))
    free = attrs.evolve(lane, learned=attrs.evolve(learned, hold=""))
    on = seen.window.date
    slow = share_of(learned, on) < FULL
    if slow and _used(seen) and seen.accepted:
        free = attrs.evolve(free, learned=eased(free.learned, on))
    if not _moves(lane, seen, ramp, slow=slow) or (lane.standing is Standing.COLD and not seen.accepted):
        over = f"no longer held: {learned.hold}"
        if learned.hold:
            return Adjustment(free, over, quiet=True)
        return Adjustment(free, "its memory changed", quiet=True) if free != before else None
    return _forward(attrs.evolve(case, lane=free), before, seen, history)


def _forward(
    case: _Case, before: Lane, seen: WindowEvidence, history: Sequence[WindowEvidence]
) -> Adjustment | None:
    lane, level, now, policy = case.lane, case.level, case.now, case.policy
    planned, last_step = case.planned, case.last_step
    learned = beyond(lane.learned, seen, policy) if _used(seen) and seen.accepted else lane.learned
    lane = attrs.evolve(lane, learned=learned)
    if lane.cap_limit is None:
        # An edit may have shortened the curve: nobody steps back for that.
        step = max(lane.step, min(lane.step + 1, last_step))
        moved = attrs.evolve(
            lane, step=step, standing=Standing.WARM if step >= last_step else Standing.RAMPING
        )
    else:
        aim = grown(lane, now, level, [*history, seen], planned, last_step, policy)
        moved = _at_level(lane, aim, planned, last_step)
        further = min(moved.step + 1, last_step)
        if aim == level and moved.step == before.step and planned(further) == planned(moved.step):
            # Steps of one cap, which a small share has, are passed like others: nobody gets stuck there.
            moved = attrs.evolve(moved, step=further)
    text = f"{seen.accepted} of {seen.cap} accepted, nothing against it"
    short = idling.shortcut(learned, level, now) if _used(seen) and seen.accepted else 0
    if short > level_of(moved, planned):
        moved = _at_level(lane, short, planned, last_step)
        text += f", on the short way back to {learned.volume} a day"
    moved = attrs.evolve(moved, learned=idling.reached(moved.learned, level_of(moved, planned), now))
    if moved == before:
        return None
    if moved.step != before.step and moved.cap_limit is None:
        return Adjustment(moved, f"step {before.step} to {moved.step} of {last_step}: {text}")
    after = level_of(moved, planned)
    if after != level:
        return Adjustment(moved, f"from {level} to {after} a day: {text}")
    if moved.standing is not before.standing:
        return Adjustment(moved, f"{before.standing} to {moved.standing}: {text}")
    return Adjustment(moved, text, quiet=True)
