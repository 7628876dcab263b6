"""Strategies compared in a world: the same providers, drawn at random, met by each in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import attrs

from warmup.contracts import World
from warmup.forecast.oracle import oracle
from warmup.forecast.simulate import Track, course, run
from warmup.forecast.strategies import strategy_of
from warmup.model import Standing
from warmup.timing import Chance

__all__ = ["ORACLE", "Meeting", "Score", "contest", "score"]

ORACLE = "oracle"

NEARLY = (9, 10)
"""The target counts as reached on a day on which so much of it is accepted."""

_HELD = (Standing.SUSPENDED, Standing.REDUCED, Standing.COLD)


@attrs.frozen(kw_only=True)
class Meeting:
    """One provider, drawn at random, and what each strategy made of it.

    Attributes:
        draw: Which draw, from 0.
        target: Deliveries a day that the lane should carry.
        oracle: The best run known.
        tracks: By strategy.
    """

    draw: int
    target: int
    oracle: Track
    tracks: dict[str, Track]


@attrs.frozen(kw_only=True)
class Score:
    """A strategy over all draws of a world: medians, and the worst of blocked days.

    Attributes:
        world: The world's name.
        strategy: The strategy's.
        target: Deliveries a day that the lane should carry.
        draws: How many.
        delivered: As a share of what the oracle delivered.
        friction: Attempts deferred for volume or blocked, as a share of all.
        blocked_days: Days with a block, in the worst draw.
        days_to_90: Days until 90 % of the target was accepted in one; None where it never was.
        oracle_days: The same of the oracle.
        false_alarms: Days on which the lane was held back though the provider refused nothing that day or
            in the seven before.
    """

    world: str
    strategy: str
    target: int
    draws: int
    delivered: float
    friction: float
    blocked_days: int
    days_to_90: float | None
    oracle_days: float | None
    false_alarms: float

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return attrs.asdict(self)


def contest(
    world: World, strategies: Sequence[str], *, target: int, days: int, draws: int, seed: int
) -> Iterator[Meeting]:
    """Let strategies meet providers of a world; one meeting a draw.

    Args:
        world: The world.
        strategies: Names, see :func:`warmup.forecast.strategies.strategy_of`.
        target: Deliveries a day once warm.
        days: How long a run lasts.
        draws: How many providers are drawn.
        seed: Other seeds draw others.

    Raises:
        UsageError: There is no such strategy.
        PlanError: A figure is out of range.
    """
    pilots = {name: strategy_of(name) for name in strategies}
    for draw in range(draws):
        laid = course(target, days, seed=seed)
        chance = Chance(f"{seed}:{world.name}:{target}:{draw}")
        best = oracle(laid, world, chance)
        tracks = {
            name: run(laid, world.begin(laid.setting, chance), make(laid), name)
            for name, make in pilots.items()
        }
        yield Meeting(draw=draw, target=target, oracle=best, tracks=tracks)


def _false_alarms(track: Track) -> int:
    quiet = 0
    alarms = 0
    for day in track.days:
        quiet = 0 if day.deferred or day.blocked or day.complained else quiet + 1
        alarms += quiet > 7 and day.standing in _HELD
    return alarms


def score(world: str, strategy: str, meetings: Sequence[Meeting]) -> Score:
    """Sum the meetings of a strategy up.

    Args:
        world: The world's name.
        strategy: The strategy's; ``oracle`` for the oracle's own.
        meetings: At least one.
    """
    target = meetings[0].target
    part, whole = NEARLY
    mark = -(-target * part // whole)
    tracks = [one.oracle if strategy == ORACLE else one.tracks[strategy] for one in meetings]
    bests = [one.oracle for one in meetings]

    def days(found: Sequence[Track]) -> float | None:
        reached = [track.reached(mark) for track in found]
        never = len(tracks[0].days) + 1
        middle = median(never if day is None else day for day in reached)
        return None if middle >= never else middle

    return Score(
        world=world,
        strategy=strategy,
        target=target,
        draws=len(meetings),
        delivered=median(
            track.delivered / max(1, best.delivered) for track, best in zip(tracks, bests, strict=True)
        ),
        friction=median(track.friction for track in tracks),
        blocked_days=max(track.blocked_days for track in tracks),
        days_to_90=days(tracks),
        oracle_days=days(bests),
        false_alarms=median(_false_alarms(track) for track in tracks),
    )
