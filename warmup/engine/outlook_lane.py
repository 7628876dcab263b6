"""What a lane's cap will be tomorrow if today goes well: its own judgement, asked in advance.

Well is what is still possible: what the day's pace lets go before it ends, from the end of a silence on.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.engine.evidence import Past
from warmup.engine.windows import held_to_growth
from warmup.model import Lane, Ledger, Standing, Wait, WindowEvidence
from warmup.plan.calendar import window_of
from warmup.release.limits import WINDOW_GUARD
from warmup.reputation import judgement, standing
from warmup.timing import Instant, format_instant

__all__ = ["Tomorrow", "tomorrow_of"]


@attrs.frozen(kw_only=True)
class Tomorrow:
    """The next window, as it will be if nothing speaks against the one that is open.

    Attributes:
        day: Its calendar day in the plan's zone.
        cap: Its cap.
        step: The step it will be at.
        standing: What the lane will be then.
        accepted: What today has to bring for that.
        reason: What judgement would say.
        until: End of a suspension.
    """

    day: date
    cap: int
    step: int
    standing: Standing
    accepted: int
    reason: str
    until: Instant | None = None

    def __str__(self) -> str:
        if self.standing is Standing.PAUSED:
            return "nothing: it stays paused until it is resumed"
        if self.standing is Standing.SUSPENDED and self.until is not None:
            return f"nothing before {format_instant(self.until)}, when its suspension ends"
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"if today goes well, the cap of {self.day} is {self.cap}, "
            f"{self.standing} at step {self.step}{why}"
        )

    def facts(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "date": self.day.isoformat(),
            "cap": self.cap,
            "step": self.step,
            "standing": self.standing.value,
            "accepted": self.accepted,
            "reason": self.reason,
        }


def tomorrow_of(
    context: Context, lane: Lane, past: Past, wait: Wait | None, now: Instant, beside: str = ""
) -> Tomorrow | None:
    """Judge the open window as if all that may still go were accepted; None where there is none.

    Args:
        context: The engine's surroundings.
        lane: The lane.
        past: Its windows of late, the open one last.
        wait: What it waits for now.
        now: The time.
        beside: Why it does not rise though its own evidence is good.
    """
    there = lane.key.source in context.sources and lane.key.provider in context.plan.providers
    if not there or not past or past[-1][0].window.ends_at <= now:
        return None
    ledger, seen = past[-1]
    good = _well(seen, _still(context, lane, ledger, wait, now))
    words: dict[str, Any] = {
        "ramp": context.ramp,
        "last_step": context.plan.last_step(lane.key.source),
        "planned": context.nominal(lane.key),
        "policy": context.policy,
        "beside": beside,
    }
    used = attrs.evolve(lane, last_used_at=max(lane.last_used_at or 0, now)) if good.accepted else lane
    done = judgement.close(used, good, [one for _, one in past[:-1]], ledger.window.ends_at, **words)
    reason = "" if done is None or done.quiet else done.reason
    after = used if done is None else done.lane
    part, whole = standing.USED_SHARE
    if not reason and good.accepted * whole < ledger.cap * part:
        reason = f"no more than {good.accepted} of {ledger.cap} can be accepted today"
    back = standing.wake(after, ledger.window.ends_at)
    if back is not None:
        after, reason = back.lane, back.reason
    day = ledger.window.date + timedelta(days=1)
    fresh = attrs.evolve(ledger, window=window_of(context.plan.zone, day))
    cap = standing.cap_of(after, context.planned(after, fresh)(after.step), day)
    if after.standing in (Standing.SUSPENDED, Standing.PAUSED):
        reason = after.note
    return Tomorrow(
        day=day,
        cap=held_to_growth(context, after, cap, past, day),
        step=after.step,
        standing=after.standing,
        accepted=good.accepted,
        reason=reason,
        until=after.until,
    )


def _still(context: Context, lane: Lane, ledger: Ledger, wait: Wait | None, now: Instant) -> int:
    """How many deliveries may still go in the open window."""
    begin = now if wait is None else wait.not_before
    end = ledger.window.ends_at - WINDOW_GUARD
    if begin is None or begin >= end or ledger.cap <= ledger.used:
        return 0
    pace = context.pace(lane, ledger)
    gone, _ = pace.schedule(max(now, begin), end, ledger.used, ledger.tat, ledger.cap - ledger.used)
    return len(gone)


def _well(seen: WindowEvidence, more: int) -> WindowEvidence:
    return attrs.evolve(seen, accepted=seen.accepted + more, attempted=seen.attempted + more)
