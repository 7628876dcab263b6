"""Whose trouble it is: a lane's, the whole address's, or the sending domain's.

Theory of operation. A lane's trouble is that lane's: a provider that says no slows no other one. But a
listing, a leaked password or a bad list shows at all of them at once, and then each lane would find out for
itself, one after the other, at its own cost. So lanes are looked at together, and the same kind of trouble
at many providers in the same seven days is put down to what they have in common.

*In trouble* is a provider where the rate, over these days, sounds the alarm of its threshold
(:mod:`warmup.reputation.sequential`), or that has suspended the lane for what it is. *Sound* is one with
enough mail in these days to tell, and no alarm. Trouble is the address's when at least three providers are
in it, and they are at least three quarters of all that can tell. Three, since two of three by chance
are not rare where one cause (a campaign, a holiday) moves two, and nobody's trouble becomes that of
others on one provider's word. With mail to fewer than three providers nothing is ever said of an address.

A *domain* is looked at in the same way, over all addresses that its mail leaves from. It is the domain's
where the mail of other domains, from the same addresses to the same providers, is sound; or where it
leaves from several addresses and is in trouble from each. Where neither can be told it is left to the
address.

The thresholds are those that hold a lane; for deferrals the middle one, since a ramp finds the limits of its
providers by a few deferrals each, and a few at each of them are no common trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from warmup.reputation.evidence import Rate
from warmup.reputation.policy import POLICY, Policy
from warmup.reputation.sequential import Detector

__all__ = ["DAYS", "ENOUGH", "PROVIDERS", "Cell", "Spread", "address_wide", "domain_wide"]

DAYS = 7
"""Days that are looked at together: as many as Gmail looks at before it forgives."""

PROVIDERS = 3
"""Providers in the same trouble, at least."""

SHARE = (3, 4)
"""They are at least so many of those that can tell."""

ENOUGH = 200
"""Trials in these days from which on a provider without an alarm counts as sound: one complaint in so many
would be five times Gmail's threshold."""

Pairs = Sequence[tuple[int, int]]


@attrs.frozen(kw_only=True)
class Cell:
    """What was seen of some mail at one provider, from one address.

    Attributes:
        source: The address.
        provider: The provider's id.
        days: By rate: trials and bad ones among them, day by day, the oldest first.
        stopped: The provider suspended the lane in these days, for what it is.
    """

    source: str
    provider: str
    days: Mapping[Rate, Pairs]
    stopped: bool = False

    def total(self, rate: Rate) -> tuple[int, int]:
        """Trials and bad ones of all days."""
        pairs = self.days.get(rate, ())
        return sum(n for n, _ in pairs), sum(k for _, k in pairs)


@attrs.frozen(kw_only=True)
class Spread:
    """Trouble that many providers have in common.

    Attributes:
        rate: What kind of trouble.
        troubled: Providers in it with trials and bad ones, by name.
        sound: Providers that have enough of the mail and no such trouble.
    """

    rate: Rate
    troubled: tuple[tuple[str, int, int], ...]
    sound: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The figures behind it, as a sentence."""
        told = ", ".join(f"{name} {k} of {n}" for name, n, k in self.troubled)
        rest = f"; not at {', '.join(self.sound)}" if self.sound else ""
        return f"{self.rate} at {len(self.troubled)} providers within {DAYS} days ({told}{rest})"


def _threshold(rate: Rate, policy: Policy) -> float:
    return {
        Rate.COMPLAINTS: policy.complaints.hold,
        Rate.BOUNCES: policy.bounces.hold,
        Rate.DEFERRALS: policy.deferrals.back,
        Rate.BLOCKS: policy.blocks.hold,
        Rate.SPAM: policy.spam.hold,
    }[rate]


def _in_trouble(cell: Cell, rate: Rate, policy: Policy) -> bool:
    pairs = cell.days.get(rate, ())
    if not any(k for _, k in pairs):
        return False
    if rate is Rate.BLOCKS and cell.stopped:
        return True
    return Detector(_threshold(rate, policy), policy.false_alarm_days).alarms(pairs)


def _merged(cells: Iterable[Cell]) -> list[Cell]:
    """One cell for each provider: what was seen there from all addresses, day by day."""
    by_provider: dict[str, list[Cell]] = {}
    for cell in cells:
        by_provider.setdefault(cell.provider, []).append(cell)
    merged = []
    for provider, mine in sorted(by_provider.items()):
        days: dict[Rate, list[tuple[int, int]]] = {}
        for rate in Rate:
            rows = [cell.days.get(rate, ()) for cell in mine]
            # The last day is the same one for all; some are known for fewer days.
            length = max(len(row) for row in rows)
            padded = [[(0, 0)] * (length - len(row)) + list(row) for row in rows]
            days[rate] = [
                (sum(n for n, _ in day), sum(k for _, k in day)) for day in zip(*padded, strict=True)
            ]
        stopped = any(cell.stopped for cell in mine)
        merged.append(Cell(source="", provider=provider, days=days, stopped=stopped))
    return merged


def _common(cells: Sequence[Cell], rate: Rate, policy: Policy) -> Spread | None:
    troubled = [cell for cell in cells if _in_trouble(cell, rate, policy)]
    if len(troubled) < PROVIDERS:
        return None
    names = {cell.provider for cell in troubled}
    sound = [cell for cell in cells if cell.provider not in names and cell.total(rate)[0] >= ENOUGH]
    part, whole = SHARE
    if len(troubled) * whole < (len(troubled) + len(sound)) * part:
        return None
    return Spread(
        rate=rate,
        troubled=tuple((cell.provider, *cell.total(rate)) for cell in troubled),
        sound=tuple(cell.provider for cell in sound),
    )


def address_wide(cells: Sequence[Cell], policy: Policy = POLICY) -> tuple[Spread, ...]:
    """Trouble of an address as a whole, by kind; none where it is that of lanes.

    Args:
        cells: What was seen of its mail, one for each provider.
        policy: The thresholds.
    """
    found = (_common(cells, rate, policy) for rate in Rate)
    return tuple(one for one in found if one is not None)


def domain_wide(
    cells: Sequence[Cell], others: Callable[[], Sequence[Cell]], policy: Policy = POLICY
) -> tuple[Spread, ...]:
    """Trouble of a sending domain, by kind; none where it is that of lanes or addresses.

    Args:
        cells: What was seen of its mail, for each address and provider.
        others: The same of the mail of all other domains, at the same addresses; asked only where it matters.
        policy: The thresholds.
    """
    together = _merged(cells)
    found = []
    for rate in Rate:
        spread = _common(together, rate, policy)
        if spread is not None and (_everywhere(cells, rate, policy) or _alone(spread, others(), policy)):
            found.append(spread)
    return tuple(found)


def _alone(spread: Spread, others: Sequence[Cell], policy: Policy) -> bool:
    """Whether the mail of others is sound at the providers in question."""
    names = {name for name, _, _ in spread.troubled}
    there = [cell for cell in _merged(others) if cell.provider in names]
    able = [cell for cell in there if cell.total(spread.rate)[0] >= ENOUGH]
    return len(able) >= PROVIDERS and not any(_in_trouble(cell, spread.rate, policy) for cell in there)


def _everywhere(cells: Sequence[Cell], rate: Rate, policy: Policy) -> bool:
    """Whether it is in the same trouble from each of several addresses."""
    sources = {
        cell.source for cell in cells if cell.total(rate)[0] >= ENOUGH or _in_trouble(cell, rate, policy)
    }
    return len(sources) >= 2 and all(
        _common([cell for cell in cells if cell.source == source], rate, policy) is not None
        for source in sources
    )
