"""``warmup queue``: what waits, how old it is, and an operator's hand on single deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.engine import Engine
    from warmup.store.queue import DeliveryRow
    from warmup.timing import Span

__all__ = ["queue"]

F = TypeVar("F", bound=Callable[..., Any])

STATES = ("queued", "held", "leased", "sending", "deferred", "sent", "bounced", "expired", "cancelled")

AGES = ("10min", "1h", "6h", "1d", "3d", "7d")
"""Where the columns of ``queue shape`` end."""

ID_MAX = (1 << 63) - 1


@click.group()
def queue() -> None:
    """Look at deliveries; hold, release or cancel them."""


def _facts(row: DeliveryRow) -> dict[str, Any]:
    from warmup.cli.words import iso
    from warmup.store.queue import NO_DEADLINE

    return {
        "id": row.id,
        "state": row.state.value,
        "provider": row.provider,
        "recipient": row.recipient,
        "sender": row.sender,
        "stream": row.stream,
        "pool": row.pool,
        "priority": row.priority,
        "engagement": 100 - row.rank,
        "message": row.message,
        "message_id": row.message_id,
        "subject": row.subject,
        "size": row.size,
        "domain": row.domain,
        "site": row.site,
        "attempts": row.attempts,
        "submitted_at": iso(row.submitted_at),
        "first_attempt_at": iso(row.first_attempt_at),
        "due_at": iso(row.due_at),
        "deadline": None if row.deadline >= NO_DEADLINE else iso(row.deadline),
    }


@queue.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--provider", metavar="PROVIDER", help="Only those to this provider.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many."
)
@config_option
@format_option()
def list_(state: str | None, provider: str | None, limit: int, config: Path | None, format: str) -> None:
    """List deliveries, the oldest first."""
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import say

    with opened(config) as wm:
        rows = wm.engine.queue_list(state=state, provider=provider, limit=limit + 1)
    emit(
        (_facts(row) for row in rows[:limit]),
        format,
        columns=["id", "state", "provider", ("attempts", "tries"), "recipient", "subject"],
        empty="no such delivery" if state or provider else "the queue is empty",
    )
    if len(rows) > limit:
        say(f"there are more than {limit}; see more with --limit", err=True)


@queue.command()
@config_option
@format_option()
def shape(config: Path | None, format: str) -> None:
    """Count what waits by provider and by age since it was submitted."""
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import iso
    from warmup.config import parse_span
    from warmup.store.census import ages

    edges = [parse_span(edge) for edge in AGES]
    with opened(config) as wm:
        now = wm.clock.now()
        found = wm.database.read(lambda connection: ages(connection, now, edges))
    headings = [*(f"<{edge}" for edge in AGES), f">{AGES[-1]}"]
    if format == "json":
        emit(
            (
                {
                    "provider": one.provider,
                    "total": one.total,
                    "oldest_at": iso(one.oldest_at),
                    "ages": dict(zip(headings, one.counts, strict=True)),
                }
                for one in found
            ),
            "json",
        )
        return
    rows = [_shape_row(one.provider, one.counts, headings, now - one.oldest_at) for one in found]
    if len(rows) > 1:
        sums = tuple(map(sum, zip(*(one.counts for one in found), strict=True)))
        rows.append(_shape_row("all", sums, headings, now - min(one.oldest_at for one in found)))
    emit(rows, format, empty="nothing waits")


def _shape_row(name: str, counts: Sequence[int], headings: Sequence[str], oldest: Span) -> dict[str, Any]:
    from warmup.timing import format_span

    ages = dict(zip(headings, counts, strict=True))
    return {"provider": name, "all": sum(counts), **ages, "oldest": format_span(oldest)}


@queue.command()
@click.argument("delivery", type=click.IntRange(1, ID_MAX), metavar="ID")
@config_option
@format_option()
def show(delivery: int, config: Path | None, format: str) -> None:
    """Show one delivery as it stands. `warmup explain ID` tells how it came to that."""
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import stated_instants
    from warmup.store.queue import load

    with opened(config) as wm:
        story = wm.explain(delivery)
        row = wm.database.read(lambda connection: load(connection, [delivery]))[delivery]
    facts = _facts(row)
    if format == "json":
        emit({**facts, "wait": stated_instants(story.facts["wait"])}, "json")
        return
    emit({**facts, "wait": None if story.wait is None else str(story.wait)})


def _steering(command: F) -> F:
    for option in (
        format_option(),
        config_option,
        click.argument("ids", nargs=-1, required=True, type=click.IntRange(1, ID_MAX), metavar="ID..."),
    ):
        command = option(command)
    return command


def _steer(
    ids: tuple[int, ...],
    config: Path | None,
    format: str,
    wanted: str,
    act: Callable[[Engine], dict[int, str]],
) -> int:
    from warmup.cli.opening import opened
    from warmup.cli.output import emit

    with opened(config) as wm:
        answers = act(wm.engine)
    emit(({"id": delivery, "done": _sentence(answers[delivery])} for delivery in dict.fromkeys(ids)), format)
    fine = all(answer in (wanted, f"left {wanted}") for answer in answers.values())
    return 0 if fine else 65


def _sentence(answer: str) -> str:
    return "there is no such delivery" if answer == "unknown" else answer


@queue.command()
@_steering
def hold(ids: tuple[int, ...], config: Path | None, format: str) -> int:
    """Set deliveries aside until somebody says unhold.

    Only those that wait can be held; of the others it is said how they stand, and the exit code is 65.
    """
    return _steer(ids, config, format, "held", lambda engine: engine.hold(ids))


@queue.command()
@_steering
def unhold(ids: tuple[int, ...], config: Path | None, format: str) -> int:
    """Let deliveries go that were set aside. Exits with 65 where one was not held."""
    return _steer(ids, config, format, "deferred", lambda engine: engine.unhold(ids))


@queue.command()
@_steering
def cancel(ids: tuple[int, ...], config: Path | None, format: str) -> int:
    """Take deliveries out of the queue for good.

    One that is being sent, or has come to its end, stays as it is; the exit code is 65 then.
    """
    return _steer(ids, config, format, "cancelled", lambda engine: engine.cancel(ids))
