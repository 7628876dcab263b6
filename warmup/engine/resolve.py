"""Naming the provider of waiting mail, before anything is reserved for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from warmup.engine.context import Context
from warmup.engine.lifetime import outlived
from warmup.engine.record import settle_row
from warmup.model import Attempt, Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.release.machine import Event, move
from warmup.store import Connection, domains, journal, queue
from warmup.store.domains import Domain
from warmup.store.queue import Claim
from warmup.timing import HOUR, MINUTE, Instant

__all__ = ["recognise", "resolved", "unresolved", "unroutable"]

RETRY_FIRST = 5 * MINUTE
RETRY_LONGEST = 4 * HOUR
AT_ONCE = 1_000
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
        seen = domains.known(connection, [name]).get(name)
        moved = seen is not None and (
            seen.moved or (seen.site is not None and (seen.provider, seen.site) != (provider, site))
        )
        domains.save(connection, attrs.evolve(domain, moved=moved))
        domains.relabel(connection, name, context.label(provider or None), site)

    with context.clock.busy():
        context.database.write(job)
    context.remember(domain)
    context.nudge()


def unroutable(context: Context, name: str, reply: Reply, *, permanent: bool) -> None:
    """Take in that a domain cannot be reached: at all (its mail bounces), or this time (ask later)."""
    now = context.clock.now()

    def job(connection: Connection) -> bool:
        seen = domains.known(connection, [name]).get(name)
        if seen is None:
            seen = Domain(name=name, provider=context.directory.by_domain(name) or "", site=None)
        wait = min(RETRY_LONGEST, RETRY_FIRST << min(seen.failures, 16))
        domains.save(
            connection,
            attrs.evolve(
                seen,
                failures=seen.failures + 1,
                retry_at=now if permanent else now + wait,
                trouble=str(reply).replace("\x00", "\N{REPLACEMENT CHARACTER}"),
            ),
        )
        # Asking DNS is no attempt of a delivery, but its lifetime begins with the first question.
        domains.start_clock(connection, name, now)
        rows = queue.claims(connection, domains.waiting_of(connection, name, AT_ONCE)).values()
        if permanent:
            _bounce(context, connection, rows, reply, now)
        else:
            _give_up_old(context, connection, rows, reply, now)
        return permanent and len(rows) == AT_ONCE

    with context.clock.busy():
        while context.database.write(job):
            pass
    context.nudge()


def _bounce(
    context: Context, connection: Connection, rows: Collection[Claim], reply: Reply, now: Instant
) -> None:
    verdict = Verdict(
        outcome=Outcome.REJECTED,
        category=Category.INVALID_RECIPIENT,
        scope=Scope.DOMAIN,
        reaction=Reaction.DROP_RECIPIENT,
        rule="dns",
    )
    attempt = Attempt(
        stage=Stage.RESOLVE,
        reply=reply,
        outcome=Outcome.REJECTED,
        mail_written=False,
        started_at=now,
        ended_at=now,
    )
    queue.settle(
        connection,
        [settle_row(context, connection, row, "", verdict, now, window=row.window) for row in rows],
    )
    journal.add_attempts(
        connection, [journal.attempt_values(row.id, 0, 0, attempt, verdict, applied=True) for row in rows]
    )


def _give_up_old(
    context: Context, connection: Connection, rows: Collection[Claim], reply: Reply, now: Instant
) -> None:
    # The lifetime to the microsecond is enough: there is no other try within it.
    old = [row for row in rows if outlived(context, connection, row, now + 1)]
    given_up = [{"delivery": row.id, "new_state": move(row.state, Event.EXPIRE).value} for row in old]
    queue.end(connection, given_up, now)
    for row in old:
        journal.note(connection, now, "expired", f"given up: DNS never answered ({reply})", ref=row.id)
