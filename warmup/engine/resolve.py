"""Naming the provider of waiting mail, before anything is reserved for it."""

from __future__ import annotations

from collections.abc import Sequence

from warmup.engine.context import Context
from warmup.engine.record import settle_row
from warmup.model import Attempt, Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.store import Connection, domains, journal, queue
from warmup.store.domains import Domain
from warmup.timing import HOUR, MINUTE, Instant

__all__ = ["recognise", "resolved", "unresolved", "unroutable"]

RETRY_FIRST = 5 * MINUTE
RETRY_LONGEST = 4 * HOUR
BOUNCE_AT_ONCE = 1_000
RESOLVE_RECHECK = HOUR


def unresolved(context: Context, limit: int) -> tuple[list[str], Instant | None]:
    """Domains to ask DNS about now, and when the next one is due."""
    now = context.clock.now()
    if now < context.resolve_at:
        return [], context.resolve_at
    with context.clock.busy():
        due, later = context.database.read(lambda connection: domains.unresolved(connection, now, limit))
    if not due:
        # Nothing to ask until then, unless mail for a new domain comes: submit() resets this.
        context.resolve_at = now + RESOLVE_RECHECK if later is None else later
    return due, later


def recognise(context: Context, name: str, mx: Sequence[str]) -> tuple[str, str]:
    """The recognised provider's id (or the empty string) and the site of a domain with these MX hosts."""
    provider = context.directory.by_mx(mx) if mx else context.directory.by_domain(name)
    return provider or "", context.directory.site(name, mx)


def resolved(context: Context, name: str, mx: Sequence[str]) -> None:
    """Take in what DNS said: label the mail that waits for it, and what is submitted from now on."""
    now = context.clock.now()
    provider, site = recognise(context, name, mx)
    domain = Domain(name=name, provider=provider, site=site, resolved_at=now)

    def job(connection: Connection) -> None:
        domains.save(connection, domain)
        domains.relabel(connection, name, context.label(provider or None), site)

    with context.clock.busy():
        context.database.write(job)
    context.remember(domain)
    context.nudge()


def unroutable(context: Context, name: str, reply: Reply, *, permanent: bool) -> None:
    """Take in that a domain cannot be reached: at all (its mail bounces), or this time (ask later)."""
    now = context.clock.now()
    outcome = Outcome.REJECTED if permanent else Outcome.DEFERRED
    verdict = Verdict(
        outcome=outcome,
        category=Category.INVALID_RECIPIENT if permanent else Category.TRANSIENT_INFRASTRUCTURE,
        scope=Scope.DOMAIN,
        reaction=Reaction.DROP_RECIPIENT if permanent else Reaction.RETRY,
        rule="dns",
    )
    attempt = Attempt(
        stage=Stage.RESOLVE, reply=reply, outcome=outcome, mail_written=False, started_at=now, ended_at=now
    )

    def job(connection: Connection) -> bool:
        seen = domains.known(connection, [name]).get(name)
        failures = 1 if seen is None else seen.failures + 1
        wait = min(RETRY_LONGEST, RETRY_FIRST << min(failures - 1, 16))
        provider = context.directory.by_domain(name) or ""
        retry_at = now if permanent else now + wait
        domains.save(
            connection,
            Domain(
                name=name,
                provider=provider,
                site=None,
                failures=failures,
                retry_at=retry_at,
                trouble=str(reply),
            ),
        )
        # A retry of DNS is no attempt of the delivery, but its lifetime begins with the first one.
        rows = queue.claims(connection, domains.waiting_of(connection, name, BOUNCE_AT_ONCE))
        settled = [settle_row(context, row, "", verdict, now, window=row.window) for row in rows.values()]
        queue.settle(connection, settled)
        journal.add_attempts(
            connection,
            [journal.attempt_values(row.id, 0, 0, attempt, verdict, applied=True) for row in rows.values()],
        )
        return len(rows) == BOUNCE_AT_ONCE

    with context.clock.busy():
        while context.database.write(job):
            if not permanent:
                break
    context.nudge()
