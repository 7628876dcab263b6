"""What differs between two plans: what they are made from, and what may go on which day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import attrs

from warmup.errors import DataError
from warmup.plan.plan import Plan
from warmup.plan.words import read_date

__all__ = ["Difference", "PlanRecord", "compare_plans"]

INPUTS = ("curve", "target", "start", "timezone", "pattern", "weekdays", "mix", "holidays", "pauses")


@attrs.frozen(kw_only=True)
class PlanRecord:
    """A plan as it was written down: what it was made from, and its caps.

    Attributes:
        head: As :meth:`warmup.plan.Plan.head` gives it.
        caps: Deliveries by (day, source, provider); empty where only the head was kept.
        fingerprint: :attr:`warmup.plan.Plan.fingerprint`, where it is known.
        settings: What else its configuration says of how it is followed, by name, in words; None where
            that is not known.
    """

    head: Mapping[str, Any]
    caps: Mapping[tuple[date, str, str], int]
    fingerprint: str | None = None
    settings: Mapping[str, str] | None = None

    @classmethod
    def of(cls, plan: Plan, settings: Mapping[str, str] | None = None) -> PlanRecord:
        """The record of a plan, over the days of its preview, and of how it is followed."""
        return cls(
            head=plan.head(),
            caps={(row.date, row.ip, row.provider): row.cap for row in plan.rows()},
            fingerprint=plan.fingerprint,
            settings=settings,
        )

    @classmethod
    def read(cls, value: Any, name: str) -> PlanRecord:
        """Read what ``warmup plan --format json`` wrote.

        Args:
            value: The JSON value.
            name: Where it comes from, for people.

        Raises:
            DataError: It is something else.
        """
        mend = "give a file that warmup plan --format json wrote, or a configuration"
        head = value.get("plan") if isinstance(value, dict) else None
        rows = value.get("days") if isinstance(value, dict) else None
        if not isinstance(head, dict) or not isinstance(rows, list):
            raise DataError.of(name, "is no plan", mend)
        sources = head.get("sources", [])
        if not isinstance(sources, list) or not all(isinstance(row, dict) and "ip" in row for row in sources):
            raise DataError.of(name, "has sources that are no IPs", mend)
        caps: dict[tuple[date, str, str], int] = {}
        for number, row in enumerate(rows, 1):
            try:
                on, cap = read_date("date", row["date"]), row["cap"]
                key = (on, str(row["ip"]), str(row["provider"]))
            except (KeyError, TypeError):
                raise DataError.of(name, f"row {number} has no date, ip, provider and cap", mend) from None
            if isinstance(cap, bool) or not isinstance(cap, int) or cap < 0:
                raise DataError.of(name, f"row {number} has the cap {cap!r}", mend)
            caps[key] = cap
        return cls(head=head, caps=caps)

    def totals(self) -> dict[date, int]:
        """Deliveries a day, all IPs together."""
        sums: dict[date, int] = {}
        for (on, _, _), cap in self.caps.items():
            sums[on] = sums.get(on, 0) + cap
        return sums

    def reached(self) -> date | None:
        """The first day on which the target may go; None where that lies beyond the preview."""
        target = self.head.get("target")
        if not isinstance(target, int):
            return None
        return min((on for on, total in self.totals().items() if total >= target), default=None)


@attrs.frozen(kw_only=True)
class Difference:
    """What differs.

    Attributes:
        compared: Whether both records have caps; else only what they are made from was compared.
        since: The caps are those of the days from here on, with the lanes as they stand; None: those of
            previews, from step 1.
        unknown: Why the caps of one are not known, where that is known.
        inputs: (what, before, after) of everything the plans are made from that differs.
        first: The first day that both have on which any cap differs; None where none does.
        days: (day, before, after) of every day that both have whose total differs.
        cells: (day, provider, before, after) of every day that both have on which a provider's caps differ.
        total: Deliveries of the days that both have, before and after.
        providers: By provider: deliveries of the days that both have, before and after, where they differ.
        sources: The same by IP.
        reached: The day on which the target is reached, before and after.
    """

    compared: bool
    since: date | None = None
    unknown: str = ""
    inputs: tuple[tuple[str, Any, Any], ...]
    first: date | None
    days: tuple[tuple[date, int, int], ...]
    cells: tuple[tuple[date, str, int, int], ...] = ()
    total: tuple[int, int] = (0, 0)
    providers: Mapping[str, tuple[int, int]]
    sources: Mapping[str, tuple[int, int]]
    reached: tuple[date | None, date | None]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.inputs and self.first is None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""

        def day(on: date | None) -> str | None:
            return None if on is None else on.isoformat()

        return {
            "same": self.same,
            "caps_compared": self.compared,
            "since": day(self.since),
            "inputs": [{"what": what, "before": old, "after": new} for what, old, new in self.inputs],
            "first": day(self.first),
            "days": [{"date": day(on), "before": old, "after": new} for on, old, new in self.days],
            "caps": [
                {"date": day(on), "provider": name, "before": old, "after": new}
                for on, name, old, new in self.cells
            ],
            "total": list(self.total),
            "providers": {name: list(pair) for name, pair in self.providers.items()},
            "ips": {name: list(pair) for name, pair in self.sources.items()},
            "target_reached": [day(on) for on in self.reached],
        }

    def sentences(self) -> Iterator[str]:
        """The same for people."""
        if self.same:
            yield "The plans are the same."
            return
        for what, old, new in self.inputs:
            yield f"{what}: {_short(old)} becomes {_short(new)}."
        if not self.compared:
            why = self.unknown or "the caps of one are not known"
            yield f"Only what they are made from was compared: {why}."
            return
        if self.since is not None:
            yield (
                f"From {self.since} on, with the lanes as they stand and if every cap is used, "
                f"{self.total[0]:,} becomes {self.total[1]:,} in the days compared."
            )
        if self.first is None:
            yield "On the days that both have, every cap is the same."
        else:
            yield f"Caps differ from {self.first} on."
            if self.since is not None:
                yield "Lower caps hold today already, higher ones from tomorrow on."
        before, after = self.reached
        if before != after:
            if after is None:
                yield f"The target is not reached within the preview, but was on {before}."
            else:
                then = f"on {before}" if before else "after the preview"
                yield f"The target is reached on {after}, not {then}."


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return (text if len(text) <= 60 else text[:57] + "...") or "nothing"


def compare_plans(
    before: PlanRecord, after: PlanRecord, *, since: date | None = None, unknown: str = ""
) -> Difference:
    """Compare two plans, on the days that both have.

    Args:
        before: A plan.
        after: The other.
        since: The first day of their caps, where these are those of lanes as they stand.
        unknown: Why the caps of one are not known, for people.
    """
    inputs = [
        (name, before.head.get(name), after.head.get(name))
        for name in INPUTS
        if before.head.get(name) != after.head.get(name)
    ]
    inputs += _sources(before.head, after.head)
    prints = {before.fingerprint, after.fingerprint}
    if not inputs and len(prints) == 2 and None not in prints:
        # A table was edited, or a pattern of the same name holds other weights.
        inputs.append(("figures of the curve or the pattern", "those", "others under the same name"))
    if before.settings is not None and after.settings is not None:
        old, new = before.settings, after.settings
        names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
        inputs += [(name, old.get(name, ""), new.get(name, "")) for name in names]
    shared = {on for on, _, _ in before.caps} & {on for on, _, _ in after.caps}
    days: dict[date, list[int]] = {}
    providers: dict[str, list[int]] = {}
    sources: dict[str, list[int]] = {}
    cells: dict[tuple[date, str], list[int]] = {}
    first: date | None = None
    for key in before.caps.keys() | after.caps.keys():
        on, source, provider = key
        if on not in shared:
            continue
        pair = before.caps.get(key, 0), after.caps.get(key, 0)
        for row in (
            days.setdefault(on, [0, 0]),
            providers.setdefault(provider, [0, 0]),
            sources.setdefault(source, [0, 0]),
            cells.setdefault((on, provider), [0, 0]),
        ):
            row[0] += pair[0]
            row[1] += pair[1]
        if pair[0] != pair[1] and (first is None or on < first):
            first = on

    def differing(sums: dict[str, list[int]]) -> dict[str, tuple[int, int]]:
        return {name: (old, new) for name, (old, new) in sorted(sums.items()) if old != new}

    return Difference(
        compared=bool(before.caps) and bool(after.caps),
        since=since,
        unknown=unknown,
        inputs=tuple(inputs),
        first=first,
        days=tuple((on, old, new) for on, (old, new) in sorted(days.items()) if old != new),
        cells=tuple((*key, old, new) for key, (old, new) in sorted(cells.items()) if old != new),
        total=(sum(old for old, _ in days.values()), sum(new for _, new in days.values())),
        providers=differing(providers),
        sources=differing(sources),
        reached=(before.reached(), after.reached()),
    )


def _sources(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    old = {row["ip"]: row for row in before.get("sources", [])}
    new = {row["ip"]: row for row in after.get("sources", [])}
    for address in dict.fromkeys((*old, *new)):
        was, becomes = old.get(address), new.get(address)
        if was != becomes:
            yield f"IP {address}", _told(was), _told(becomes)


def _told(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"{row.get('share')} a day from {row.get('start')}"
