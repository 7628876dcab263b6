"""Evidence summed up: sliding windows over what a lane's days saw.

Counts stand in the window in which what they speak of occurred: a complaint that arrives a week
late changes the window of its message, and every sum made afterwards. The hypotheses are about
rates, and each rate has the denominator that its publisher means:

=============  ==================================  =====================
rate           counts                              of
=============  ==================================  =====================
complaints     complaints not taken back           deliveries accepted
bounces        no such mailbox                     deliveries answered
deferrals      deferred for volume                 attempts
blocks         refused for what the IP is          attempts
spam           copies in the spam folder           copies whose folder is known
=============  ==================================  =====================

Amazon judges "a representative volume rather than a fixed period": :func:`representative` goes as
far back as it must to find so many trials.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from operator import attrgetter

import attrs

from warmup.model import WindowEvidence
from warmup.timing import Instant

__all__ = ["Rate", "Tally", "carried", "counts", "representative", "since", "tally", "usual_deferrals"]


class Rate(enum.StrEnum):
    """The rates that speak of reputation."""

    COMPLAINTS = "complaints"
    BOUNCES = "hard bounces"
    DEFERRALS = "volume deferrals"
    BLOCKS = "blocks"
    SPAM = "copies in spam folders"

    @property
    def of(self) -> str:
        """What it is counted of, in words."""
        return _OF[self]


_OF = {
    Rate.COMPLAINTS: "accepted",
    Rate.BOUNCES: "answered",
    Rate.DEFERRALS: "attempts",
    Rate.BLOCKS: "attempts",
    Rate.SPAM: "seed copies",
}


_BAD = {
    Rate.COMPLAINTS: attrgetter("complained"),
    Rate.BOUNCES: attrgetter("invalid"),
    Rate.DEFERRALS: attrgetter("deferred"),
    Rate.BLOCKS: attrgetter("blocked"),
    Rate.SPAM: attrgetter("spam"),
}


@attrs.frozen(kw_only=True)
class Tally:
    """Counts of some windows together; the fields are those of ``WindowEvidence``."""

    windows: int = 0
    attempted: int = 0
    accepted: int = 0
    deferred: int = 0
    blocked: int = 0
    invalid: int = 0
    complained: int = 0
    placed: int = 0
    spam: int = 0

    def pair(self, rate: Rate) -> tuple[int, int]:
        """Trials and bad ones among them."""
        return _pair(self, rate)


def _pair(seen: Tally | WindowEvidence, rate: Rate) -> tuple[int, int]:
    if rate is Rate.COMPLAINTS:
        n, k = seen.accepted, seen.complained
    elif rate is Rate.BOUNCES:
        n, k = seen.accepted + seen.invalid, seen.invalid
    elif rate is Rate.DEFERRALS:
        n, k = seen.attempted, seen.deferred
    elif rate is Rate.BLOCKS:
        n, k = seen.attempted, seen.blocked
    else:
        n, k = seen.placed, seen.spam
    # Somebody else's counts: a person may complain about one message twice, a report may be a duplicate.
    k = max(0, k)
    return max(n, k), k


def counts(seen: Sequence[WindowEvidence], rate: Rate) -> list[tuple[int, int]]:
    """Trials and bad ones among them, window by window; empty where there is no bad one at all."""
    bad = _BAD[rate]
    if not any(map(bad, seen)):
        return []
    return [_pair(window, rate) for window in seen]


def tally(seen: Iterable[WindowEvidence]) -> Tally:
    """Sum windows up."""
    windows = attempted = accepted = deferred = blocked = invalid = complained = placed = spam = 0
    for window in seen:
        windows += 1
        attempted += window.attempted
        accepted += window.accepted
        deferred += window.deferred
        blocked += window.blocked
        invalid += window.invalid
        complained += window.complained
        placed += window.placed
        spam += window.spam
    return Tally(
        windows=windows,
        attempted=attempted,
        accepted=accepted,
        deferred=deferred,
        blocked=blocked,
        invalid=invalid,
        complained=complained,
        placed=placed,
        spam=spam,
    )


def since(seen: Sequence[WindowEvidence], instant: Instant) -> list[WindowEvidence]:
    """The windows that ended after an instant."""
    return [window for window in seen if window.window.ends_at > instant]


def representative(seen: Sequence[WindowEvidence], rate: Rate, trials: int) -> list[WindowEvidence]:
    """The latest windows that hold at least so many trials together; all of them where they do not.

    Args:
        seen: Windows, oldest first.
        rate: The rate whose trials are counted.
        trials: How many are enough.
    """
    found = 0
    for index in range(len(seen) - 1, -1, -1):
        found += _pair(seen[index], rate)[0]
        if found >= trials:
            return list(seen[index:])
    return list(seen)


def carried(history: Sequence[WindowEvidence], windows: int) -> int:
    """The most that was accepted in one of the last windows; 0 where there is none.

    Args:
        history: Windows, oldest first.
        windows: How many of the last are looked at.
    """
    return max((window.accepted for window in history[-windows:]), default=0)


LOW = (3, 5)
"""A window is one of low volume where no more than so much of a cap was tried in it."""

ENOUGH_TRIALS = 100
"""Attempts at low volume that say how much a provider defers anyway."""

CREDIT_TRIALS = 50
"""Attempts without a deferral that every provider is credited with, so that one of a few says little."""


def usual_deferrals(history: Sequence[WindowEvidence], cap: int) -> float | None:
    """What a provider defers at any volume, as a share of attempts; None where that is not known.

    A limit defers what lies above it. So what was deferred at little more than half of a volume
    speaks of no limit near that volume: it is what this provider does to everybody.

    Args:
        history: Windows, oldest first.
        cap: The volume whose deferrals are to be judged.
    """
    part, whole = LOW
    low = [window for window in history if window.attempted * whole <= cap * part]
    trials = sum(window.attempted for window in low)
    if trials < ENOUGH_TRIALS:
        return None
    return sum(window.deferred for window in low) / (trials + CREDIT_TRIALS)
