"""The sources of a plan: which addresses, from when, and how much each shall carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import attrs

from warmup.errors import PlanError
from warmup.plan.mix import seats
from warmup.plan.words import Complaints, read_date

__all__ = ["SOURCES_MAX", "PlannedSource", "canonical_address", "parse_ips", "share_out"]

SOURCES_MAX = 10_000

_LABEL = re.compile(r"ip-[1-9][0-9]{0,4}")

Given = int | str | Iterable["str | tuple[str, date | str]"]
"""How a person may name sources: how many, ``A@DATE,B@DATE``, or a list of them."""


@attrs.frozen
class PlannedSource:
    """One source of a plan.

    Attributes:
        address: Its IP address in canonical form, or ``ip-1`` where only a number was given.
        start: The first day of its ramp.
        share: Deliveries a day it shall carry once warm.
    """

    address: str
    start: date
    share: int


def canonical_address(field: str, text: str) -> str:
    """Return an IP address in its one canonical form; ``ip-1`` and the like stay as they are.

    Raises:
        PlanError: It is no address that mail can leave from.
    """
    text = text.strip()
    if _LABEL.fullmatch(text):
        return text
    import ipaddress

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        mend = "write it as 192.0.2.1 or 2001:db8::1"
        if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text):
            mend = "write four numbers from 0 to 255, without leading zeros"
        elif "/" in text:
            mend = "name single addresses, not a network"
        raise PlanError.of(field, f"{text!r} is not an IP address", mend) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            raise PlanError.of(
                field, f"{text} is an IPv4 address in disguise", f"write {address.ipv4_mapped}"
            )
        if address.scope_id:
            raise PlanError.of(field, f"{text} names an interface", "leave out the % and what follows")
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise PlanError.of(field, f"no mail can leave from {text}", "name an address of this host")
    return str(address)


def parse_ips(given: Given) -> list[tuple[str, date | None]]:
    """Read which sources there are, and when each starts where that was said.

    Args:
        given: A number N (it makes ip-1 to ip-N), ``A,B@2026-12-08`` or a list of such parts or of
            (address, date).

    Raises:
        PlanError: A part cannot be read, or an address comes twice.
    """
    mend = f"give 1 to {SOURCES_MAX:,}"
    if isinstance(given, str):
        text = given.strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            given = int(text)
        else:
            given = [part for part in text.split(",") if part.strip()]
    if isinstance(given, int) and not isinstance(given, bool):
        if not 1 <= given <= SOURCES_MAX:
            raise PlanError.of("ips", f"{given} is out of range", mend)
        return [(f"ip-{number}", None) for number in range(1, given + 1)]
    if not isinstance(given, Iterable):
        raise PlanError.of("ips", f"{given!r} names no addresses", mend)
    parts = list(given)
    if not 1 <= len(parts) <= SOURCES_MAX:
        raise PlanError.of("ips", f"{len(parts)} addresses", mend)
    complaints = Complaints()
    found: dict[str, date | None] = {}
    for part in parts:
        address, start = _part(complaints, part)
        if address in found:
            complaints.add("ips", f"{address} is given twice", "give each address once")
        elif address:
            found[address] = start
    complaints.settle()
    return list(found.items())


def _part(complaints: Complaints, part: object) -> tuple[str, date | None]:
    """Read one address with or without a date; note what is wrong."""
    name, when = part, None
    if isinstance(part, str):
        name, at, after = part.partition("@")
        when = after if at else None
    elif isinstance(part, Sequence) and len(part) == 2:
        name, when = part
    text = name if isinstance(name, str) else repr(name)
    address = complaints.attempt(lambda: canonical_address("ips", text), "")
    start = None if when is None else complaints.attempt(lambda: read_date(f"ips.{text}", when), None)
    return address, start


def share_out(target: int, addresses: Sequence[str], shares: Mapping[str, int]) -> list[int]:
    """Give each source its share of the target: what was said, and the rest evenly.

    Even shares differ by at most one; earlier sources get the larger ones.

    Raises:
        PlanError: The shares do not fit the target, or leave nothing for a source.
    """
    complaints = Complaints()
    given: dict[str, int] = {}
    for name, share in shares.items():
        address = complaints.attempt(lambda name=name: canonical_address("shares", name), "")  # type: ignore[misc]
        if address and address not in addresses:
            complaints.add(
                f"shares.{name}", "is not a source of this plan", "name it among the IPs, or leave it out"
            )
        elif isinstance(share, bool) or not isinstance(share, int) or not 1 <= share <= target:
            complaints.add(
                f"shares.{name}", f"{share!r} is out of range", f"use a whole number from 1 to {target:,}"
            )
        else:
            given[address] = share
    complaints.settle()
    rest = target - sum(given.values())
    others = len(addresses) - len(given)
    if rest < others:
        wrong = f"{target:,} a day" + (f", of which {target - rest:,} are given away," if given else "")
        raise PlanError.of(
            "target", f"{wrong} is too little for {len(addresses)} IPs", "raise it or use fewer IPs"
        )
    if rest and not others:
        raise PlanError.of(
            "target",
            f"the shares of the IPs sum to {target - rest:,}, not {target:,}",
            f"make it {target - rest:,}",
        )
    even = iter(seats(rest, [1] * others))
    return [given[address] if address in given else next(even) for address in addresses]
