"""Taking mail in: nothing is answered before it is on disk."""

from __future__ import annotations

from collections.abc import Sequence

from warmup.content.address import parse_address
from warmup.engine.context import Context
from warmup.errors import DataError, UsageError
from warmup.model import Stream, Submission
from warmup.store import Connection, queue
from warmup.store.queue import NO_DEADLINE, Address
from warmup.timing import Instant

__all__ = ["KEY_MAX", "address_of", "stream_of", "submit"]

KEY_MAX = 250
"""Characters of an idempotency key."""


def stream_of(context: Context, name: str) -> Stream:
    """A stream by name.

    Raises:
        UsageError: There is none.
    """
    try:
        return context.streams[name]
    except KeyError:
        raise UsageError.of(
            "stream", f"there is no stream {name!r}", f"use one of: {', '.join(sorted(context.streams))}"
        ) from None


def address_of(context: Context, recipient: str) -> Address:
    """Where a checked recipient belongs: by what DNS said of its domain, else by the domain itself."""
    domain = parse_address(recipient).ascii_domain
    seen = context.recall(domain)
    if seen is not None and seen.site is not None:
        return Address(
            recipient=recipient, domain=domain, provider=context.label(seen.provider), site=seen.site
        )
    provider = context.label(context.directory.by_domain(domain))
    return Address(recipient=recipient, domain=domain, provider=provider, site=None)


def _check(submission: Submission) -> None:
    """See that what a program gave is of the right kind: its type checker may be nobody's."""
    engagement, key, deadline = submission.engagement, submission.key, submission.deadline
    if type(engagement) is not int or not 0 <= engagement <= 100:
        raise UsageError.of("engagement", f"{engagement!r} is out of range", "use a whole number, 0 to 100")
    if key is not None and not (isinstance(key, str) and 1 <= len(key) <= KEY_MAX):
        raise UsageError.of("key", f"{key!r:.60} is no key", f"use text of 1 to {KEY_MAX} characters")
    if deadline is not None and type(deadline) is not int:
        raise UsageError.of(
            "deadline", f"{deadline!r:.60} is no instant", "use a datetime with a zone, or microseconds UTC"
        )


def submit(context: Context, batch: Sequence[Submission]) -> list[tuple[int, ...]]:
    """Queue messages durably; the ids of their deliveries, message by message, in order.

    A key that was used before gives the ids it gave then, and nothing is queued again.

    Raises:
        UsageError: No such stream, or an engagement or key out of range.
        DataError: A deadline that has passed already.
        StoreError: It could not be written; nothing was queued.
    """
    now = context.clock.now()
    rows: list[tuple[Submission, list[Address], str, int, Instant]] = []
    for submission in batch:
        stream = stream_of(context, submission.stream)
        _check(submission)
        deadline = submission.deadline
        if deadline is None and stream.deadline is not None:
            deadline = now + stream.deadline
        if deadline is not None and deadline <= now:
            raise DataError.of("deadline", "it has passed already", "give a later one, or none")
        rows.append(
            (
                submission,
                [address_of(context, recipient) for recipient in submission.envelope.recipients],
                stream.pool,
                stream.priority,
                NO_DEADLINE if deadline is None else deadline,
            )
        )

    def job(connection: Connection) -> list[tuple[int, ...]]:
        ids: list[tuple[int, ...] | None] = []
        new = []
        fresh: dict[str, int] = {}
        twins: list[tuple[int, int]] = []
        for place, row in enumerate(rows):
            key = row[0].key
            seen = None if key is None else queue.known_key(connection, key)
            ids.append(seen)
            if seen is not None:
                continue
            if key is not None:
                if key in fresh:
                    twins.append((place, fresh[key]))
                    continue
                fresh[key] = place
            new.append((place, row))
        if new:
            for (place, _), got in zip(
                new, queue.insert(connection, [row for _, row in new], now), strict=True
            ):
                ids[place] = got
        for place, twin in twins:
            ids[place] = ids[twin]
        return [tuple(one or ()) for one in ids]

    with context.clock.busy():
        ids = context.database.write(job)
    if any(address.site is None for _, addresses, *_ in rows for address in addresses):
        context.resolve_at = 0
    context.nudge({(pool, address.provider) for _, addresses, pool, _, _ in rows for address in addresses})
    context.announce()
    return ids
