"""Findings about where the mail goes and comes from, and about the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from warmup.model import OTHER
from warmup.plan.advice import Advice, listed
from warmup.plan.mix import PROFILES, parse_mix

if TYPE_CHECKING:
    from warmup.plan.plan import Plan

__all__ = ["RULES"]

GATEWAYS = frozenset(
    {
        "appriver",
        "barracuda",
        "broadcom",
        "cisco",
        "cyren",
        "forcepoint",
        "hornetsecurity",
        "mimecast",
        "proofpoint",
        "sophos",
        "spamexperts",
        "trellix",
        "trendmicro",
        "zerospam",
    }
)
"""Providers that stand in front of other people's mailboxes and judge what passes them."""

COLD_DAYS = 30
"""Days of silence after which an IP has to be warmed up again, say Amazon and SendGrid."""


def others(plan: Plan) -> Iterator[Advice]:
    """A mix that forgets somebody, or that misspells one."""
    if OTHER not in plan.providers:
        yield Advice(
            "warning",
            "no-other",
            "The mix has no share for other: mail to anybody who is not named has no cap, and waits.",
            "give other a share",
        )
    if plan.mix.name in PROFILES:
        return
    from difflib import get_close_matches

    known = {provider for name in PROFILES for provider in parse_mix(name).providers} | GATEWAYS
    for provider in plan.providers:
        close = [] if provider in known else get_close_matches(provider, known, n=1, cutoff=0.8)
        if close:
            yield Advice(
                "warning", "mix-name", f"The mix names {provider}; was {close[0]} meant?", f"write {close[0]}"
            )


def gateways(plan: Plan) -> Iterator[Advice]:
    """Mail for companies, which others screen."""
    named = [provider for provider in plan.providers if provider in GATEWAYS]
    if not named and plan.mix.name != "b2b":
        return
    who = (
        f"{listed(named)} {'is a gateway' if len(named) == 1 else 'are gateways'} that"
        if named
        else "Gateways"
    )
    yield Advice(
        "info",
        "security-gateways",
        f"Many companies sit behind security gateways: {who} judge IPs by lists of their own and greylist "
        "first contacts, so that mail may come minutes to hours late. Company domains whose mailboxes are at "
        "Google or Microsoft count against those two.",
        "count your list by MX host, not by domain; keep retries on the same IP",
    )


def neighbours(plan: Plan) -> Iterator[Advice]:
    """IPs that are judged together: Spamhaus CSS lists IPv6 by the /64, Outlook blocks networks (S3140).

    https://www.spamhaus.org/css/
    """
    if len(plan.sources) == 1:
        return
    blocks: dict[str, list[str]] = {}
    for source in plan.sources:
        if "." in source.address or ":" in source.address:
            blocks.setdefault(_block(source.address), []).append(source.address)
    starts = {source.address: source.start for source in plan.sources}
    for block, addresses in blocks.items():
        if len(addresses) == 1:
            continue
        if ":" in block:
            yield Advice(
                "warning",
                "same-64",
                f"{listed(addresses, 3)} lie in one /64, {block}. Blocklists list IPv6 by the /64, and many "
                "receivers count one as a single sender: their reputation is shared.",
                "take addresses from different /64 networks, or plan one IP",
            )
            return  # once is enough
        together = len({starts[address] for address in addresses}) == 1
        yield Advice(
            "info",
            "same-24",
            f"{listed(addresses, 3)} lie in one /24, {block}. Providers judge the neighbourhood too "
            "(Outlook's block S3140 names the network): trouble of one can reach the others, most of all "
            "while all are new.",
            "let them start one after another: --ips A@DATE,B@DATE" if together else "",
        )
        return


def _block(address: str) -> str:
    """The /24 or the /64 that an address lies in."""
    if ":" not in address:
        return address.rpartition(".")[0] + ".0/24"
    import ipaddress

    return str(ipaddress.ip_network((int(ipaddress.IPv6Address(address)) >> 64 << 64, 64)))


def calendar(plan: Plan) -> Iterator[Advice]:
    """Days of rest in the wrong place."""
    days = (plan.start + timedelta(days=at) for at in range(plan.days))
    if all(plan.rests_everywhere(day) for day in days):
        yield Advice(
            "warning",
            "nothing-sent",
            "Every day of this preview is a day of rest.",
            "show more days, or look at holidays, pauses and weekdays",
        )
        return
    resting = [source for source in plan.sources if plan.rests_everywhere(source.start)]
    if resting:
        source = resting[0]
        first = next(
            (
                d
                for d in (source.start + timedelta(days=at) for at in range(370))
                if not plan.rests_everywhere(d)
            ),
            None,
        )
        yield Advice(
            "info",
            "starts-at-rest",
            f"{source.address} starts on {source.start}, a day of rest; its first step is "
            + (f"{first}." if first else "more than a year later."),
        )
    for pause in plan.pauses:
        length = (pause.last - pause.first).days + 1
        if length >= COLD_DAYS:
            yield Advice(
                "warning",
                "pause-goes-cold",
                f"The pause {pause.name} is {length} days long. After {COLD_DAYS} days without mail an IP is "
                "taken for new, and what pauses begins again at step 1.",
                f"keep it under {COLD_DAYS} days, or plan the warm-up anew",
            )


RULES = (others, gateways, neighbours, calendar)
