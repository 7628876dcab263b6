"""Who receives: the share of each provider in a day's mail, and a whole number split by it.

The split is Sainte-Lague's: seat after seat goes to the provider with the largest
weight / (2 x seats + 1), ties to the one named first. It is house-monotone: when the whole
rises by one, exactly one part rises by one and none falls, so lanes grow as their source does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import lcm
from pathlib import Path

import attrs

from warmup.errors import PlanError
from warmup.model import OTHER
from warmup.plan.words import Complaints, exact, nearest, pairs

__all__ = ["ALIASES", "PROFILES", "Mix", "about", "parse_mix", "seats", "split"]

ALIASES = {
    "aol": "yahoo",
    "gmail": "google",
    "microsoft": "microsoft_consumer",
    "outlook": "microsoft_consumer",
}
"""Names that people use for a provider's id."""

PROFILES = ("us", "uk", "de", "fr", "pl", "b2b")
"""Mixes with a name; the shares and their sources lie in ``data/mixes.json``."""

PROVIDERS_MAX = 200
SUM_TOLERANCE = Fraction(1, 10**9)
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def seats(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number by weights, after Sainte-Lague; ties go to the earlier weight.

    Rounding each quota, halves down, gives just those seats whose priority weight / (2 x seats - 1)
    exceeds a common threshold: a beginning of the order in which seats are given. At most half as
    many as there are weights are then missing or too many, and go or return in that same order.

    Args:
        total: What to split, 0 or more.
        weights: Integers of 0 or more; where all are 0, so are the parts.
    """
    whole = sum(weights)
    if whole <= 0 or total <= 0:
        return [0] * len(weights)
    double, twice = 2 * total, 2 * whole
    # ceil(total x weight / whole - 1/2), and never below 0
    parts = [-((whole - double * weight) // twice) for weight in weights]
    missing = total - sum(parts)
    while missing > 0:
        best, seat_of = weights[0], 0
        divisor = 2 * parts[0] + 1
        for index in range(1, len(weights)):
            candidate = 2 * parts[index] + 1
            if weights[index] * divisor > best * candidate:
                best, divisor, seat_of = weights[index], candidate, index
        parts[seat_of] += 1
        missing -= 1
    while missing < 0:
        worst, divisor, seat_of = 1, 0, -1
        for index, part in enumerate(parts):
            candidate = 2 * part - 1
            if part and (seat_of < 0 or weights[index] * divisor <= worst * candidate):
                worst, divisor, seat_of = weights[index], candidate, index
        parts[seat_of] -= 1
        missing += 1
    return parts


@attrs.frozen
class Mix:
    """Shares of the providers in a day's mail, in the order in which they were named.

    Attributes:
        name: A profile's name, or ``google=0.5,other=0.5``.
        shares: (provider id, share above 0); they sum to 1 within 1e-9.
    """

    name: str
    shares: tuple[tuple[str, Fraction], ...]
    providers: tuple[str, ...] = attrs.field(init=False, repr=False, eq=False)
    weights: tuple[int, ...] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        common = lcm(*(share.denominator for _, share in self.shares))
        object.__setattr__(self, "providers", tuple(provider for provider, _ in self.shares))
        object.__setattr__(self, "weights", tuple(int(share * common) for _, share in self.shares))


def split(total: int, mix: Mix) -> dict[str, int]:
    """Split a whole number of deliveries among the providers of a mix; the parts sum to it."""
    return dict(zip(mix.providers, seats(total, mix.weights), strict=True))


@cache
def _data() -> dict[str, dict[str, object]]:
    text = Path(__file__).with_name("data").joinpath("mixes.json").read_text(encoding="utf-8")
    data: dict[str, dict[str, object]] = json.loads(text)
    return data


def about(name: str) -> Mapping[str, object]:
    """Return source, title, caveat and shares of a profile."""
    return _data()[name]


@cache
def _profile(name: str) -> Mix:
    shares = _data()[name]["shares"]
    assert isinstance(shares, dict)
    found = [(provider, Fraction(share)) for provider, share in shares.items()]
    rest = 1 - sum((share for _, share in found), Fraction(0))
    return Mix(name, (*found, (OTHER, rest)))


def parse_mix(value: str | Mapping[str, object] | Mix) -> Mix:
    """Read a mix: a profile's name, ``google=0.5,yahoo=0.3,other=0.2``, or a mapping of shares.

    Raises:
        PlanError: No such profile; a share that is not above 0; shares that do not sum to 1.
    """
    if isinstance(value, Mix):
        return value
    if isinstance(value, str) and "=" not in value:
        name = value.strip().lower()
        if name not in PROFILES:
            raise PlanError.of("mix", f"there is no profile {value.strip()!r}", nearest(name, PROFILES))
        return _profile(name)
    if isinstance(value, str):
        value = pairs("mix", value, "google=0.5,other=0.5")
    if not isinstance(value, Mapping) or not value:
        raise PlanError.of("mix", "names no provider", "write a profile or google=0.5,other=0.5")
    if len(value) > PROVIDERS_MAX:
        raise PlanError.of(
            "mix", f"names {len(value)} providers", f"name at most {PROVIDERS_MAX}, the rest is other"
        )
    return _shares(value)


def _shares(value: Mapping[str, object]) -> Mix:
    complaints = Complaints()
    shares: dict[str, Fraction] = {}
    for given, number in value.items():
        name = str(given).strip().lower()
        provider = ALIASES.get(name, name)
        share = complaints.attempt(lambda given=given, number=number: exact(f"mix.{given}", number), None)  # type: ignore[misc]
        if not _ID.fullmatch(provider):
            complaints.add("mix", f"{given!r} is not the name of a provider", "use letters, digits and _")
        elif provider in shares:
            complaints.add(f"mix.{given}", f"{provider} is given twice", "add the two shares up")
        elif share is not None and share == 0:
            complaints.add(f"mix.{given}", "has no share", "give it a share above 0, or leave it out")
        elif share is not None:
            shares[provider] = share
    complaints.settle()
    total = sum(shares.values(), Fraction(0))
    if abs(total - 1) > SUM_TOLERANCE:
        raise PlanError.of("mix", f"the shares sum to {float(total):.10g}", "make them sum to 1")
    text = ",".join(f"{provider}={_short(share)}" for provider, share in shares.items())
    return Mix(text, tuple(shares.items()))


def _short(share: Fraction) -> str:
    """Write a share so that it reads back: as a decimal."""
    scale = 10**20
    digits = f"{share * scale // 1:021d}" if scale % share.denominator == 0 else ""
    return f"{digits[:-20]}.{digits[-20:]}".rstrip("0").rstrip(".") if digits else repr(float(share))
