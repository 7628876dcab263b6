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

__all__ = ["ORACLE", "Measures", "Meeting", "Score", "contest", "draw_of", "measure", "score", "summed"]

ORACLE = "oracle"

NEARLY = (9, 10)
"""So much of a volume is nearly all of it: the target counts as reached."""

QUIET_DAYS = 7
"""A lane that is held back after so many days without a refusal or a complaint is held back for nothing."""

_HELD = (Standing.SUSPENDED, Standing.REDUCED)


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
        false_alarms: Days on which the lane was suspended or reduced to less than nine tenths of its best
            day, though nothing was refused and nobody complained that day or in the seven before. A lane
            that is kept just under a ceiling is none, nor is a day without mail.
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


def draw_of(world: World, target: int, seed: int, draw: int) -> Chance:
    """The chance that draws a provider of a comparison: strategies meet the same."""
    return Chance(f"{seed}:{world.name}:{target}:{draw}")


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
        chance = draw_of(world, target, seed, draw)
        best = oracle(laid, world, chance)
        tracks = {
            name: run(laid, world.begin(laid.setting, chance), make(laid), name)
            for name, make in pilots.items()
        }
        yield Meeting(draw=draw, target=target, oracle=best, tracks=tracks)


@attrs.frozen(kw_only=True)
class Measures:
    """What counts of one run.

    Attributes:
        delivered: Messages accepted.
        friction: Attempts deferred for volume or blocked, as a share of all.
        blocked_days: Days with a block.
        reached: The first day, from 1, on which 90 % of the target was accepted; None where there is none.
        false_alarms: As in :class:`Score`.
    """

    delivered: int
    friction: float
    blocked_days: int
    reached: int | None
    false_alarms: int


def measure(track: Track, target: int) -> Measures:
    """Take the measures of a run.

    Args:
        track: The run.
        target: Deliveries a day that the lane should carry.
    """
    part, whole = NEARLY
    quiet = false_alarms = most = 0
    for day in track.days:
        quiet = 0 if day.deferred or day.blocked or day.complained else quiet + 1
        below = day.mail and day.cap * whole < most * part
        false_alarms += below and quiet > QUIET_DAYS and day.standing in _HELD
        most = max(most, day.accepted)
    return Measures(
        delivered=track.delivered,
        friction=track.friction,
        blocked_days=track.blocked_days,
        reached=track.reached(-(-target * part // whole)),
        false_alarms=false_alarms,
    )


def summed(
    world: str, strategy: str, target: int, days: int, runs: Sequence[Measures], bests: Sequence[Measures]
) -> Score:
    """Sum up what a strategy made of each draw.

    Args:
        world: The world's name.
        strategy: The strategy's.
        target: Deliveries a day that the lane should carry.
        days: How long the runs were.
        runs: The strategy's, at least one.
        bests: The oracle's, in the same order.
    """

    def middle(found: Sequence[Measures]) -> float | None:
        never = days + 1
        day = median(never if run.reached is None else run.reached for run in found)
        return None if day >= never else day

    return Score(
        world=world,
        strategy=strategy,
        target=target,
        draws=len(runs),
        # Where nothing can be delivered nobody delivers less.
        delivered=median(
            run.delivered / best.delivered if best.delivered else 1.0
            for run, best in zip(runs, bests, strict=True)
        ),
        friction=median(run.friction for run in runs),
        blocked_days=max(run.blocked_days for run in runs),
        days_to_90=middle(runs),
        oracle_days=middle(bests),
        false_alarms=median(run.false_alarms for run in runs),
    )


def score(world: str, strategy: str, meetings: Sequence[Meeting]) -> Score:
    """Sum the meetings of a strategy up.

    Args:
        world: The world's name.
        strategy: The strategy's; ``oracle`` for the oracle's own.
        meetings: At least one.
    """
    target, days = meetings[0].target, len(meetings[0].oracle.days)
    tracks = [one.oracle if strategy == ORACLE else one.tracks[strategy] for one in meetings]
    runs = [measure(track, target) for track in tracks]
    return summed(world, strategy, target, days, runs, [measure(one.oracle, target) for one in meetings])
