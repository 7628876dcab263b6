"""What a lane's judgement goes by: thresholds, and how fast it gives way and comes back.

Where somebody publishes a threshold, it is the default; where nobody does, ours stands here with
the reason for it, and ``docs/explanation/judgement.md`` shows what it does in simulation.
"""

from __future__ import annotations

import attrs

from warmup.timing import DAY, HOUR, MINUTE, Span

__all__ = ["POLICY", "Policy", "Thresholds"]


@attrs.frozen(kw_only=True)
class Thresholds:
    """Rates, 0 to 1, above which something is done; None: it is never done for this rate.

    Attributes:
        hold: The lane grows no further.
        back: It steps back to half.
        suspend: It is silent for a while.
    """

    hold: float
    back: float
    suspend: float | None = None


@attrs.frozen(kw_only=True)
class Policy:
    """How a lane is judged.

    Attributes:
        complaints: Of deliveries accepted. Gmail asks for less than 0.1 % and never 0.3 %; Amazon
            reviews at 0.1 %; Yahoo names 0.3 %.
        bounces: Of deliveries answered. Amazon: below 2 % is good, review at 5 %, pause at 10 %.
        deferrals: Of attempts, over days. Ours.
        blocks: Of attempts, over days. Ours.
        spam: Of seed copies. Microsoft's SNDS is yellow from 10 % and red from 90 %; half is ours.
        false_alarm_days: Mean number of days until a rate of exactly the threshold raises an alarm.
        volume_usual, volume_limit: Share of attempts that a lane in order may see deferred, and the
            share that speaks of a limit: what the watch of the open window tells apart.
        block_usual, block_limit: The same of blocks.
        silence: Pause after a volume limit was recognised.
        slack: How far under what was accepted a lane goes after a volume limit, in thousandths, at least.
        borne: Deferrals of a day, in thousandths of its attempts, that a provider is taken to bear.
        under: Where it takes less from day to day, the lane goes to so many thousandths of what it took.
        fall: The least it keeps of its cap after one bad window, in thousandths.
        rest: How long nothing grows after complaints, bounces or blocks: Gmail looks at 7 days in a row.
        suspension: How long the first suspension lasts; each further one within ``memory`` twice as long.
        suspension_longest: No suspension is longer.
        memory: How long a setback counts.
        probes_days: Windows before a known limit is tried again, by how often it held.
        near: Two limits are the same where the later is at most so many thousandths of the earlier.
        fresh: Growth a window after the first limit that a lane meets, in thousandths.
        slowest: The least growth a window, in thousandths.
    """

    complaints: Thresholds = Thresholds(hold=0.001, back=0.003)
    bounces: Thresholds = Thresholds(hold=0.02, back=0.05, suspend=0.10)
    deferrals: Thresholds = Thresholds(hold=0.02, back=0.05)
    blocks: Thresholds = Thresholds(hold=0.005, back=0.02, suspend=0.05)
    spam: Thresholds = Thresholds(hold=0.10, back=0.50)
    false_alarm_days: int = 1000
    volume_usual: float = 0.02
    volume_limit: float = 0.5
    block_usual: float = 0.005
    block_limit: float = 0.3
    silence: Span = 30 * MINUTE
    slack: int = 15
    borne: int = 25
    under: int = 700
    fall: int = 500
    rest: Span = 7 * DAY
    suspension: Span = 24 * HOUR
    suspension_longest: Span = 7 * DAY
    memory: Span = 14 * DAY
    probes_days: tuple[int, ...] = (1, 2, 4, 7, 10)
    near: int = 1080
    fresh: int = 1350
    slowest: int = 1030


POLICY = Policy()
"""The policy where an operator says nothing else."""
