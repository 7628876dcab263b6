"""Findings that wait for a person: open until what they say is no longer seen."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.store.schema import findings
from warmup.timing import Instant

__all__ = ["FindingRow", "end_findings", "find", "findings_of", "forget_findings", "open_findings"]


@attrs.frozen(kw_only=True)
class FindingRow:
    """Trouble that is a person's to mend.

    Attributes:
        code: Stable, for scripts: ``auth-dkim``, ``ip-trouble``.
        source, provider, domain: Whom it is about; empty where that says nothing.
        first_at, last_at: When it was seen first and last.
        count: How often it was seen.
        text: What was said, for people.
        ended_at: When it was over; None while it is not.
    """

    code: str
    source: str = ""
    provider: str = ""
    domain: str = ""
    first_at: Instant
    last_at: Instant
    count: int
    text: str
    ended_at: Instant | None = None


def find(
    connection: Connection,
    now: Instant,
    code: str,
    text: str,
    *,
    source: str = "",
    provider: str = "",
    domain: str = "",
) -> bool:
    """Note a finding; False where it was open already and only counts on."""
    where = (
        (findings.c.code == code)
        & (findings.c.source == source)
        & (findings.c.provider == provider)
        & (findings.c.domain == domain)
        & findings.c.ended_at.is_(None)
    )
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    seen = sa.update(findings).where(where).values(last_at=now, count=findings.c.count + 1, text=text)
    if connection.execute(seen).rowcount:
        return False
    about = {"code": code, "source": source, "provider": provider, "domain": domain}
    connection.execute(sa.insert(findings).values(**about, first_at=now, last_at=now, count=1, text=text))
    return True


def end_findings(
    connection: Connection,
    now: Instant,
    *,
    source: str,
    provider: str,
    domains: Collection[str],
    prefix: str,
) -> list[str]:
    """End the open findings of a lane about some sender domains whose codes begin so; whom each was about."""
    over = (
        sa.update(findings)
        .where(
            findings.c.ended_at.is_(None),
            findings.c.source == source,
            findings.c.provider == provider,
            findings.c.domain.in_(sorted(domains)),
            findings.c.code.startswith(prefix, autoescape=True),
        )
        .values(ended_at=now)
        .returning(findings.c.domain)
    )
    return sorted(row[0] for row in connection.execute(over))


def findings_of(
    connection: Connection, provider: str, domains: Collection[str], prefix: str
) -> list[FindingRow]:
    """Findings at a provider about some sender domains, open or over, whose codes begin so."""
    rows = connection.execute(
        sa.select(findings)
        .where(
            findings.c.provider == provider,
            findings.c.domain.in_(sorted(domains)),
            findings.c.code.startswith(prefix, autoescape=True),
        )
        .order_by(findings.c.first_at, findings.c.id)
    )
    return [_row(row) for row in rows]


def forget_findings(connection: Connection, before: Instant) -> None:
    """Drop findings that were over before an instant."""
    connection.execute(sa.delete(findings).where(findings.c.ended_at < before))


def open_findings(connection: Connection) -> list[FindingRow]:
    """Findings that are not over, the latest first."""
    rows = connection.execute(
        sa.select(findings)
        .where(findings.c.ended_at.is_(None))
        .order_by(findings.c.last_at.desc(), findings.c.id)
    )
    return [_row(row) for row in rows]


def _row(row: sa.Row[Any]) -> FindingRow:
    return FindingRow(**{k: v for k, v in row._mapping.items() if k != "id"})
