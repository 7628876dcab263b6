"""Growth after the warm-up: how much a lane may send today, seen from what it has sent.

A warm lane has no curve any more, and a jump from its usual volume is what providers ask senders
to avoid. Google advises to raise volume slowly and not to double it suddenly
(https://support.google.com/a/answer/81126); AWS, that volume after warm-up should still rise gradually
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html). Neither publishes a figure; the
30 % and the days here are ours.

The limit is 1.3 times the most that went on one day of a *reference*: the 30 days that ended 7 days
ago. Why not the maximum up to yesterday: today's record would be tomorrow's base, and 30 % would
compound daily (1.3^90, some eighteen thousand million). With the reference ending 7 days ago, a
new record needs 7 days before it is a base: in n days the maximum grows at most 1.3^ceil(n / 7)
times, 1.3^13 = 30 in 90 days. Why a maximum and not a mean: a weekly newsletter is steady mail, and
its big day is what providers know of it. Why 30 days: a monthly mailing stays in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import attrs

from warmup.errors import PlanError

__all__ = ["GrowthPolicy", "growth_limit"]


@attrs.frozen(kw_only=True)
class GrowthPolicy:
    """How fast a warm lane may grow.

    Attributes:
        factor: Times the reference's largest day; 1 or more. 1.3 is ours.
        days: Length of the reference in days, from 1.
        lag: The reference ends this many days ago, from 1; 1 is yesterday and compounds daily.
        least: A limit below this many a day is never set. 500: volumes that providers do not
            notice (AWS: an IP is tracked from several hundred in 24 hours) need no brake, and a lane
            that was silent for the whole reference must be able to speak again.
    """

    factor: Fraction = Fraction(13, 10)
    days: int = 30
    lag: int = 7
    least: int = 500

    def __attrs_post_init__(self) -> None:
        for name, wrong, mend in (
            ("factor", self.factor < 1, "use a number of 1 or more, such as 1.3"),
            ("days", self.days < 1, "use a whole number from 1"),
            ("lag", self.lag < 1, "use a whole number from 1"),
            ("least", self.least < 0, "use a whole number from 0"),
        ):
            if wrong:
                raise PlanError.of(f"growth.{name}", f"{getattr(self, name)} is out of range", mend)


DEFAULT = GrowthPolicy()


def growth_limit(
    history: Sequence[int], policy: GrowthPolicy = DEFAULT, *, proven: int | None = None
) -> int | None:
    """Return the most that a warm lane may send today, or None where nothing governs it.

    Args:
        history: Deliveries accepted or released on each past day, the most recent last: yesterday at the
            end. Days without mail count as 0. More days than the reference needs do no harm.
        policy: How fast it may grow.
        proven: A daily volume the lane is known to carry, whatever the reference says: the
            cap its ramp ended with, or the volume an operator declared it warm at. A ramp of doublings
            has sent far less 7 days ago than it has just earned, and must not be braked by
            its own beginning. None: nothing is known.

    Returns:
        max(least, proven, floor(factor x the reference's largest day)). None if there is neither a
        proven volume nor a day old enough to be in the reference: a lane without a past is the
        business of a ramp, not of this limit.
    """
    reference = history[max(0, len(history) - policy.lag - policy.days + 1) : len(history) - policy.lag + 1]
    if len(history) < policy.lag:
        reference = ()
    if not reference and proven is None:
        return None
    grown = int(policy.factor * max(reference, default=0))  # floors: nothing here is negative
    return max(policy.least, proven or 0, grown)
