"""Curves that are formulas: the cap of a source by step, scaled to its share or growing on its own.

Exact arithmetic throughout: integers, or decimals at a fixed precision whose ``exp`` is correctly
rounded (the General Decimal Arithmetic Specification asks for it), so that every machine finds
the same plan.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

import attrs

from warmup.errors import PlanError
from warmup.plan.words import decimal_text, exact

__all__ = ["SES_DAYS", "SES_SHARE_MAX", "STEP_MAX", "Geometric", "Linear", "Logistic", "Ses"]

STEP_MAX = 3_650
"""Ten years of days: from here on every curve holds what it has reached."""

SES_DAYS = 45
SES_SHARE_MAX = 50_000


def _whole(curve: str, name: str, text: str, low: int, high: int) -> int:
    """Read a whole-number parameter between two bounds."""
    number = exact(f"curve.{curve}.{name}", text)
    if number.denominator != 1 or not low <= number <= high:
        raise PlanError.of(
            f"curve.{curve}.{name}", f"{text} is out of range", f"use a whole number from {low:,} to {high:,}"
        )
    return int(number)


def _part(curve: str, name: str, text: str, low: Fraction, high: int) -> Fraction:
    """Read a parameter with up to four decimals, above one bound and up to another."""
    number = exact(f"curve.{curve}.{name}", text)
    if not low < number <= high or 10_000 % number.denominator:
        raise PlanError.of(
            f"curve.{curve}.{name}",
            f"{text} is out of range",
            f"use a number above {low} and up to {high}, with at most four decimals",
        )
    return number


@attrs.frozen
class Ses:
    """The frame that AWS publishes for standard dedicated IPs: at most 50,000 a day within 45 days.

    The steps in between are not published. A straight line through the frame is our model of
    them. https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html
    """

    relative: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "ses"

    def cap(self, step: int, share: int) -> int:
        """max(1, floor(share x step / 45)), the share being at most 50,000."""
        share = min(share, SES_SHARE_MAX)
        return min(share, max(1, share * min(step, SES_DAYS) // SES_DAYS))

    def hourly(self, step: int, share: int) -> int | None:
        return None


@attrs.frozen
class Linear:
    """A straight line to the share.

    Attributes:
        days: The step at which the share is reached, 1 to 3,650.
    """

    relative: ClassVar[bool] = True

    days: int = 30

    @classmethod
    def parse(cls, days: str = "30") -> Linear:
        """Read the parameters from text."""
        return cls(_whole("linear", "days", days, 1, STEP_MAX))

    @property
    def name(self) -> str:
        return f"linear:days={self.days}"

    def cap(self, step: int, share: int) -> int:
        """max(1, floor(share x step / days))."""
        return min(share, max(1, share * min(step, self.days) // self.days))

    def hourly(self, step: int, share: int) -> int | None:
        return None


@attrs.frozen
class Geometric:
    """The same growth every day, until the share.

    Attributes:
        start: Deliveries on the first day, 1 to 10,000,000.
        growth: How many times the day before, above 1 and up to 10, at most four decimals.
    """

    relative: ClassVar[bool] = False

    start: int = 50
    growth: Fraction = Fraction("1.3")

    @classmethod
    def parse(cls, start: str = "50", growth: str = "1.3") -> Geometric:
        """Read the parameters from text."""
        return cls(
            _whole("geometric", "start", start, 1, 10_000_000),
            _part("geometric", "growth", growth, Fraction(1), 10),
        )

    @property
    def name(self) -> str:
        return f"geometric:start={self.start},growth={decimal_text(self.growth)}"

    def cap(self, step: int, share: int) -> int:
        """min(share, floor(start x growth^(step - 1)))."""
        if share <= self.start:
            return share
        return _geometric(
            self.start, self.growth.numerator, self.growth.denominator, share, min(step, STEP_MAX)
        )

    def hourly(self, step: int, share: int) -> int | None:
        return None


@lru_cache(maxsize=65_536)
def _geometric(start: int, above: int, below: int, share: int, step: int) -> int:
    # The powers grow by at most 17 bits a step, so that STEP_MAX bounds the work too.
    power: int = above ** (step - 1)
    scale: int = below ** (step - 1)
    return min(share, start * power // scale)


@attrs.frozen
class Logistic:
    """Slow, fast, slow: an S between nothing and the share.

    Attributes:
        days: The step at which the share is reached, 2 to 3,650.
        steepness: How far the S is from a straight line: above 0 and up to 20, at most four decimals.
    """

    relative: ClassVar[bool] = True

    days: int = 45
    steepness: Fraction = Fraction(6)

    @classmethod
    def parse(cls, days: str = "45", steepness: str = "6") -> Logistic:
        """Read the parameters from text."""
        return cls(
            _whole("logistic", "days", days, 2, STEP_MAX),
            _part("logistic", "steepness", steepness, Fraction(0), 20),
        )

    @property
    def name(self) -> str:
        return f"logistic:days={self.days},steepness={decimal_text(self.steepness)}"

    def cap(self, step: int, share: int) -> int:
        """max(1, floor(share x G(step / days))), G being the S scaled to run from 0 to 1."""
        if step >= self.days:
            return share
        parts = _logistic(self.days, self.steepness, step)
        return min(share, max(1, share * parts // _LOGISTIC_PARTS))

    def hourly(self, step: int, share: int) -> int | None:
        return None


_LOGISTIC_PARTS = 10**30
_EXACTLY = Context(prec=60, rounding=ROUND_HALF_EVEN)


@lru_cache(maxsize=65_536)
def _logistic(days: int, steepness: Fraction, step: int) -> int:
    """G(step / days) in parts of 10^30, with k the steepness.

    S(x) = 1 / (1 + e^(-k (2x - 1))) and G(x) = (S(x) - S(0)) / (S(1) - S(0)).
    """
    context = _EXACTLY

    def sigmoid(exponent: Fraction) -> Decimal:
        power = context.exp(context.divide(Decimal(-exponent.numerator), Decimal(exponent.denominator)))
        return context.divide(Decimal(1), context.add(Decimal(1), power))

    low, high = sigmoid(-steepness), sigmoid(steepness)
    here = sigmoid(steepness * (Fraction(2 * step, days) - 1))
    parts = context.divide(context.subtract(here, low), context.subtract(high, low))
    return int(context.multiply(parts, Decimal(_LOGISTIC_PARTS)))
