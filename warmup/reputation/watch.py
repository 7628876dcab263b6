"""The watch of the open window tells chance from a provider that has had enough.

Theory of operation. A provider that has had enough defers almost everything from then on; one
that has not defers a reply now and then. The watch adds up, reply by reply, how much better the
first explains what is seen than the second, and never falls below nothing (Page's cumulative sum):
a deferral adds ln(0.5 / 0.02) = 3.2 nats, anything else takes ln(0.98 / 0.5) = 0.7. A limit is
recognised at ln(cap) + 1.5 nats, so that chance alone raises about equally few false alarms a day on
lanes of every size: two deferrals in a row at a cap of 50, three at 300, four at 20,000. Until then
nothing is lost but these replies; half-way there the lane is silent for half an hour.

When a limit is recognised the cap of the window falls to what was accepted and half of what was
left: the day's pattern then makes a silence by itself and goes on at a lower pace, which is right
where the limit is one of pace. Where the next deferral comes before much more was accepted, the
limit is one of the day: the cap falls to what was accepted, and the lane is silent until the window ends.

The state is what the counts were at the last bad news: good news alone need not be written down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from warmup.model import WindowEvidence
from warmup.model.lane import Learned, Watch
from warmup.reputation.evidence import carried
from warmup.reputation.growth import CARRIED_WINDOWS
from warmup.reputation.policy import Policy
from warmup.timing import HOUR, MINUTE, Instant

__all__ = ["MILLION", "Finding", "idle_talk", "look", "watch_of"]

DOUBT: int = 30 * MINUTE
"""Silence half-way to an alarm; Gmail asks for 10 minutes with 4.7.28."""

SAME_WALL = (3, 100)
"""A limit is the same one where no more than so much was accepted since it was recognised; at least 2."""

FEW = 10
"""Where no more than the tenth part of a cap is left, a limit is not tried a second time that day."""

SCATTERED, SCATTERED_SHARE = 4, 8
"""Deferrals of a window that speak of a limit though acceptances lie between them, as under a limit by the
hour: at least so many, and so many thousandths of the cap."""

NEW_GROUND, NEW_GROUND_LEAST = 3_200, 6_400
"""Beyond what was carried of late a limit is to be expected: a deferral less is enough, two at least."""

KNOWN = 98
"""New ground begins at so many hundredths of what was carried of late."""

TINY, SMALL = 60, 400
"""Nor where the cap is tiny, or on new ground while it is small: a try more is a good part of the day."""

MILLION = 1_000_000

IDLE_TALK = 1_000
"""Deferrals at any volume, in millionths of attempts, from which one of them alone says nothing."""

THRESHOLD_BASE = 1.5
BLOCK_THRESHOLD = 7_500
"""Two blocks, with hardly anything between them."""


@attrs.frozen
class Finding:
    """What the watch makes of the open window.

    Attributes:
        watch: Its new state.
        cap: The cap of the window from now on; None: unchanged.
        silent_until: Nothing goes before this instant; 0: there is no silence.
        blocked: The provider refuses the IP.
        limited: It was recognised that the volume is too much.
    """

    watch: Watch
    cap: int | None = None
    silent_until: Instant = 0
    blocked: bool = False
    limited: bool = False


def idle_talk(learned: Learned) -> bool:
    """Whether a lone deferral asks for no silence: this provider defers a little at any volume.

    Several in short succession are noticed by the watch, whatever is usual.
    """
    return learned.usual >= IDLE_TALK


def watch_of(learned: Learned, seen: WindowEvidence) -> Watch:
    """The state of the watch in a window: a fresh one where the lane remembers another window."""
    start = seen.window.starts_at
    return learned.watch if learned.watch.window == start else Watch(window=start)


def _score(score: int, trials: int, bad: int, usual: float, limit: float) -> int:
    """The sum after some trials; the good ones among them count first, since bad news was seen just now."""
    good = trials - bad
    taken = round(1000 * math.log((1 - usual) / (1 - limit)))
    given = round(1000 * math.log(limit / usual))
    return max(0, score - good * taken) + bad * given


def look(
    learned: Learned, seen: WindowEvidence, history: Sequence[WindowEvidence], now: Instant, policy: Policy
) -> Finding | None:
    """Look at the open window after bad news; None where there is none since the last look.

    Args:
        learned: What the lane knows.
        seen: The open window so far.
        history: The closed windows before it, oldest first.
        now: The time.
        policy: How it is judged.
    """
    before = watch_of(learned, seen)
    bad = seen.complained + seen.invalid
    deferred, blocked = seen.deferred - before.deferred, seen.blocked - before.blocked
    if deferred <= 0 and blocked <= 0 and bad <= before.bad:
        return None
    trials = max(seen.attempted - before.attempted, deferred + blocked, 0)
    usual = max(policy.volume_usual, learned.usual / MILLION)
    volume = _score(before.volume, trials, max(0, deferred), usual, policy.volume_limit)
    block = _score(before.block, trials, max(0, blocked), policy.block_usual, policy.block_limit)
    watch = attrs.evolve(
        before,
        attempted=seen.attempted,
        deferred=max(seen.deferred, before.deferred),
        blocked=max(seen.blocked, before.blocked),
        bad=max(bad, before.bad),
        volume=volume,
        block=block,
    )
    if blocked > 0:
        left = max(0, seen.cap - seen.accepted)
        sure = block >= BLOCK_THRESHOLD
        return Finding(watch, seen.accepted + left // 2, now + HOUR, blocked=sure)
    if deferred <= 0:
        return Finding(watch)
    part, whole = SAME_WALL
    same = watch.alarms > 0 and seen.accepted - watch.wall <= max(2, watch.wall * part // whole)
    if same:
        watch = attrs.evolve(watch, alarms=watch.alarms + 1, volume=0, wall=seen.accepted)
        return Finding(watch, min(seen.cap, seen.accepted), seen.window.ends_at, limited=True)
    threshold = 1000 * (THRESHOLD_BASE + math.log(max(1, seen.cap)))
    best = carried(history, CARRIED_WINDOWS)
    unknown = best > 0 and seen.accepted * 100 >= best * KNOWN
    if unknown:
        threshold = min(threshold, max(NEW_GROUND_LEAST, threshold - NEW_GROUND))
    expected = seen.cap * learned.usual / MILLION
    borne = (watch.alarms + 1) * max(
        SCATTERED, seen.cap * SCATTERED_SHARE // 1000, int(expected + 3 * math.sqrt(expected))
    )
    if volume >= threshold or seen.deferred >= borne:
        watch = attrs.evolve(watch, alarms=watch.alarms + 1, volume=0, wall=seen.accepted)
        left = max(0, seen.cap - seen.accepted)
        if left * FEW <= seen.cap or seen.cap <= TINY or (unknown and seen.cap <= SMALL):
            return Finding(watch, min(seen.cap, seen.accepted), seen.window.ends_at, limited=True)
        return Finding(watch, seen.accepted + left // 2, now + policy.silence, limited=True)
    return Finding(watch, silent_until=now + DOUBT if 2 * volume >= threshold else 0)
