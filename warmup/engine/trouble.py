"""Trouble that is a person's to mend: what is open, and what mends it."""

from __future__ import annotations

from typing import Any

from warmup.engine.context import Context
from warmup.store import findings
from warmup.store.findings import FindingRow
from warmup.timing import format_instant

__all__ = ["MENDS", "finding_facts", "mend_for", "open_findings", "tell_finding"]

AUTHENTICATION = "auth-"
"""What codes of failed authentication begin with."""

MENDS = {
    "auth-spf": "publish an SPF record (RFC 7208) for the envelope's domain that names this address",
    "auth-dkim": "sign with DKIM (RFC 6376), and see that the selector's public key is in DNS",
    "auth-dmarc": "let SPF or DKIM pass for the domain of From itself, as its DMARC policy asks (RFC 7489)",
    "auth-ptr": "give the address a PTR whose name leads back to it: warmup doctor looks at both",
    "auth-helo": "set ehlo of the source to a full host name that leads to its address",
    "auth-tls": "the provider wants TLS: see that STARTTLS is not switched off, and what stands in its way",
    "auth-sender-domain": "give the sender's domain an MX or an address; look whether it is spelled right",
    "auth-unauthenticated": "let SPF and DKIM both pass: the provider takes no mail without",
    "auth-failure": "look at SPF, DKIM, DMARC and the PTR of the address; the reply says which is meant",
    "ip-wide-complaints": "look for what is new in what this address sends: a list, a campaign, a customer",
    "ip-wide-bounces": "look where the addresses come from that do not exist, and stop writing to them",
    "ip-wide-deferrals": "send less from this address, or climb more slowly: a flatter curve, more addresses",
    "ip-wide-blocks": "see whether the address is listed (check.spamhaus.org), and what was sent from it",
    "ip-wide-spam": "look at what the copies in spam folders have in common",
    "domain-wide-complaints": "look for what is new in this domain's mail: a list, a campaign, a customer",
    "domain-wide-bounces": "look where this domain's addresses come from that do not exist",
    "domain-wide-deferrals": "send less mail of this domain, whatever address it leaves from",
    "domain-wide-blocks": "see whether the domain is listed (check.spamhaus.org), and whether others use it",
}
"""What mends a finding, by its code. Google's sender guidelines (support.google.com/a/answer/81126) and
Yahoo's (senders.yahooinc.com/best-practices) ask for the first ones, one and all."""


def mend_for(code: str) -> str:
    """What mends a finding; for a code of a later program, where to look."""
    return MENDS.get(code, "see what was said")


def open_findings(
    context: Context, source: str | None = None, provider: str | None = None
) -> list[FindingRow]:
    """Findings that are not over, the latest first.

    Args:
        context: The engine's surroundings.
        source: Those of this address and of no address in particular; None: of all.
        provider: The same for a provider.
    """
    with context.clock.busy():
        rows = context.database.read(findings.open_findings)
    return [
        row
        for row in rows
        if (source is None or row.source in ("", source))
        and (provider is None or row.provider in ("", provider))
    ]


def finding_facts(row: FindingRow) -> dict[str, Any]:
    """A finding for machines; instants are microseconds UTC."""
    return {
        "code": row.code,
        "source": row.source or None,
        "provider": row.provider or None,
        "domain": row.domain or None,
        "first_at": row.first_at,
        "last_at": row.last_at,
        "count": row.count,
        "said": row.text,
        "mend": mend_for(row.code),
    }


def tell_finding(row: FindingRow) -> str:
    """A finding as a sentence."""
    where = ":".join(part for part in (row.source, row.provider) if part)
    whose = f" for {row.domain}" if row.domain else ""
    times = "once" if row.count == 1 else f"{row.count} times"
    return (
        f"{row.code}{f' at {where}' if where else ''}{whose}, {times} since {format_instant(row.first_at)}, "
        f"last {format_instant(row.last_at)}: {row.text} ({mend_for(row.code)})"
    )
