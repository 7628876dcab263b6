"""What questions about a plan share: the frame they are asked in, and what an answer looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import attrs

from warmup.errors import PlanError
from warmup.plan import Mix, Plan, PlannedSource, plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.calendar import window_of
from warmup.plan.demand import Demand, DemandStream
from warmup.plan.formulas import STEP_MAX
from warmup.plan.halving import first_holding
from warmup.plan.mix import seats, split

__all__ = ["Answer", "Binding", "Frame", "mailing", "week_of"]

_DAY = timedelta(days=1)
WEEK = 7


@attrs.frozen(kw_only=True)
class Binding:
    """What stands in the way of a better answer.

    Attributes:
        code: ``curve`` (the step on that day), ``curve-end`` (the curve's last figure), ``hourly`` (its
            hourly limit), ``share`` (what an IP may carry), ``floor`` (the volume below which nobody
            notices an IP), ``none`` (nothing does).
        message: The same as a sentence.
        provider: Whose lanes are short, where it is one provider's matter.
        on: The day on which they are.
        have: Deliveries that can go.
        need: Deliveries that would have to.
    """

    code: str
    message: str
    provider: str | None = None
    on: date | None = None
    have: int | None = None
    need: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "code": self.code,
            "message": self.message,
            "provider": self.provider,
            "date": None if self.on is None else self.on.isoformat(),
            "have": self.have,
            "need": self.need,
        }


@attrs.frozen(kw_only=True)
class Answer:
    """An answer, with the plan it stands on and what binds it.

    Attributes:
        question: ``ips``, ``start``, ``promise``, ``stagger`` or ``feed``.
        found: Whether there is one within the bounds of the search.
        text: The answer as a sentence.
        facts: The answer's figures, as JSON values.
        binding: Why it is not better; where there is no answer, why not.
        plan: A plan that does it; None where there is no answer.
        notes: What else should be known.
    """

    question: str
    found: bool
    text: str
    facts: Mapping[str, Any]
    binding: Binding
    plan: Plan | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "question": self.question,
            "found": self.found,
            "answer": self.text,
            **self.facts,
            "binding": self.binding.to_dict(),
            "notes": list(self.notes),
            "plan": None if self.plan is None else self.plan.head(),
        }


@attrs.frozen(kw_only=True)
class Frame:
    """Everything of a plan but its target, its IPs and its start.

    Attributes:
        model: A plan of one IP that has it.
        per_ip: The most one IP shall carry a day; None: as much as the curve gives it.
    """

    model: Plan
    per_ip: int | None = None

    @classmethod
    def read(cls, *, per_ip: int | None = None, **words: Any) -> Frame:
        """Read the frame from what a person gives.

        Args:
            per_ip: The most one IP shall carry a day.
            words: ``curve``, ``mix``, ``timezone``, ``pattern``, ``weekdays``, ``holidays``, ``pauses`` and
                ``base`` of :func:`warmup.plan.plan`.

        Raises:
            PlanError: Something is wrong; every problem found is listed.
            DataError: The curve's file holds something else than a curve.
        """
        check_whole("per-ip", per_ip, TARGET_MAX)
        return cls(model=plan(1, start=date(2001, 1, 1), ips=1, **words), per_ip=per_ip)

    @property
    def mix(self) -> Mix:
        """The shares of the providers."""
        return self.model.mix

    @cached_property
    def curve_name(self) -> str:
        """The curve, for people."""
        return self.model.curve.name

    def plan(
        self,
        target: int,
        ips: int | Sequence[tuple[str, date]],
        start: date,
        days: int = 45,
        weights: Sequence[int] | None = None,
    ) -> Plan:
        """A plan in this frame.

        Args:
            target: Deliveries a day, no fewer than there are IPs.
            ips: How many, or (address, first day) of each.
            start: The first day.
            days: Of its preview.
            weights: How the IPs share the target; evenly unless given.
        """
        named = [(f"ip-{number}", start) for number in range(1, ips + 1)] if isinstance(ips, int) else ips
        shares = seats(target, [1] * len(named) if weights is None else weights)
        return attrs.evolve(
            self.model,
            target=target,
            start=start,
            days=days,
            sources=tuple(
                PlannedSource(address, first, share)
                for (address, first), share in zip(named, shares, strict=True)
            ),
        )

    def rests(self, on: date) -> bool:
        """Whether the whole plan rests on a day."""
        model = self.model
        return all(model.rests(model.sources[0].address, provider, on) for provider in model.providers)

    def share(self, step: int) -> int | None:
        """The share beyond which no lane's cap rises up to a step; None where there is no such share.

        Curves scaled to the share, such as a straight line, have none, unless an IP's share is
        limited. Caps never fall as the share rises, so that halving finds it.
        """
        top = TARGET_MAX if self.per_ip is None else self.per_ip
        full = self._nominal(top, step)
        low = first_holding(1, top, lambda share: self._nominal(share, step) == full)
        return low if self.per_ip is not None or low <= TARGET_MAX // 2 else None

    def _nominal(self, share: int, step: int) -> dict[str, int]:
        source = attrs.evolve(self.model.sources[0], share=share)
        return attrs.evolve(self.model, sources=(source,)).nominal(source.address, step)

    def steps(self, start: date, on: date, provider: str, most: int = 2 * STEP_MAX) -> int:
        """The step of a lane on a day if every day that is not of rest was one; 0 before its start.

        It is not counted beyond ``most``.
        """
        address = self.model.sources[0].address
        days = (on - start).days
        if days < 0:
            return 0
        step = 1
        for number in range(days):
            if step >= most:
                break
            step += not self.model.rests(address, provider, start + number * _DAY)
        return step

    def volume(self, number: int, on: date, mix: Mix | None = None) -> dict[str, int]:
        """A daily volume on a day, by provider: scaled by the weekday, and nothing where the plan rests."""
        weight = self.model.weekdays[on.weekday()]
        address = self.model.sources[0].address
        parts = split(number * weight.numerator // weight.denominator, mix or self.mix)
        return {
            provider: 0 if self.model.rests(address, provider, on) else part
            for provider, part in parts.items()
        }


def check_whole(field: str, value: object, most: int, least: int = 1) -> None:
    """Check a whole number; None passes.

    Raises:
        PlanError: It is none, or out of range.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise PlanError.of(field, f"{value!r} is not a whole number", "write it as 50000")
    if not least <= value <= most:
        raise PlanError.of(field, f"{value:,} is out of range", f"use a number from {least:,} to {most:,}")


def mailing(frame: Frame, number: int, on: date, deadline: int) -> Demand:
    """One volume that arrives on a day and has to be gone some days later."""
    arrivals = {provider: (part,) for provider, part in split(number, frame.mix).items()}
    return Demand(
        name=f"{number:,} on {on}", start=on, streams=(DemandStream(arrivals=arrivals, deadline=deadline),)
    )


def week_of(frame: Frame, number: int, on: date, deadline: int) -> Demand:
    """A daily volume for a week, from a day on: each day's has to be gone some days later."""
    days = [frame.volume(number, on + index * _DAY) for index in range(WEEK)]
    arrivals = {provider: tuple(day[provider] for day in days) for provider in frame.mix.providers}
    return Demand(
        name=f"{number:,} a day from {on}",
        start=on,
        streams=(DemandStream(arrivals=arrivals, deadline=deadline),),
    )


def check_day(frame: Frame, field: str, on: date) -> None:
    """Check that a plan sends on a day.

    Raises:
        PlanError: It rests.
    """
    if window_of(frame.model.zone, on).length == 0 or frame.rests(on):
        raise PlanError.of(field, f"{on} is a day of rest: nothing is sent", "name a sending day")


def many_ips(number: int) -> str:
    """A number of IPs in words."""
    return f"{number:,} IP{'' if number == 1 else 's'}"
