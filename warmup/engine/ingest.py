"""Taking in what others report: counted once, in the window in which the mail was accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from warmup.engine.adapt import alarm
from warmup.engine.context import Context
from warmup.engine.evidence import KINDS
from warmup.errors import UsageError
from warmup.model import Lane, LaneKey, Report, ReportKind, Taken
from warmup.store import Connection, journal, lanes, reports
from warmup.store.senders import count_senders, sender_of

__all__ = ["ingest"]

ID_MAX = 500
COUNT_MAX = 1_000_000


def _check(report: Report) -> None:
    if not 1 <= len(report.id) <= ID_MAX:
        raise UsageError.of("id", f"{len(report.id)} characters", f"use 1 to {ID_MAX}")
    if isinstance(report.count, bool) or not 1 <= report.count <= COUNT_MAX:
        raise UsageError.of("count", f"{report.count} is out of range", f"use 1 to {COUNT_MAX:,}")
    if (report.delivery is None) == (report.lane is None):
        raise UsageError.of("report", "is about nobody", "name either a delivery or a lane")


def ingest(context: Context, batch: Sequence[Report]) -> list[Taken]:
    """Count reports; what became of each, in order.

    A report about a delivery counts where that was accepted, however late it comes. One about a lane
    counts in the window that was open at its instant. Reports about mail that nobody remembers,
    or about a lane that never was, count nowhere and are said to be nobody's.

    Raises:
        UsageError: A report's id or count is out of range, or it names neither or both of delivery and lane.
    """
    for report in batch:
        _check(report)
    now = context.clock.now()

    def job(connection: Connection) -> tuple[list[Taken], bool]:
        by_key = {lane.key: lane for lane in lanes.lanes_of(connection)}
        by_id = {lane.id: lane for lane in by_key.values()}
        counts: Counter[tuple[int, int, str, str]] = Counter()
        senders: dict[tuple[int, int, str], Counter[str]] = {}
        answers = []
        touched: dict[LaneKey, set[int]] = {}
        for report in batch:
            home = _home(connection, report, by_key)
            if home is None or home[0] not in by_id:
                answers.append(Taken.NOBODYS)
                continue
            lane, window = home
            fresh = reports.take_report(
                connection,
                id=_name(report),
                kind=report.kind.value,
                lane=lane,
                window=window,
                ref=report.delivery,
                count=report.count,
                occurred_at=report.occurred_at,
                taken_at=now,
            )
            answers.append(Taken.COUNTED if fresh else Taken.KNOWN)
            if fresh:
                counts[lane, window, "", KINDS[report.kind]] += report.count
                touched.setdefault(by_id[lane].key, set()).add(window)
                _count_sender(connection, report, lane, window, senders)
        journal.add_evidence(connection, counts)
        count_senders(connection, senders)
        for key in sorted(touched, key=str):
            alarm(context, connection, by_key[key], now, late=touched[key])
        return answers, bool(touched)

    with context.clock.busy():
        answers, touched = context.database.write(job)
    if touched:
        context.ask_roll()
        context.announce()
    return answers


SENDER_COUNTS = {
    ReportKind.COMPLAINT: ("complained", 1),
    ReportKind.NOT_SPAM: ("complained", -1),
    ReportKind.BOUNCE: ("invalid", 1),
}
"""What a report adds to the counts of the domain that sent the message, where it names the message."""


def _name(report: Report) -> str:
    """Under which name an event counts once: who takes a complaint back may call it as the complaint was."""
    return f"not_spam:{report.id}" if report.kind is ReportKind.NOT_SPAM else report.id


def _count_sender(
    connection: Connection,
    report: Report,
    lane: int,
    window: int,
    senders: dict[tuple[int, int, str], Counter[str]],
) -> None:
    if report.delivery is None or report.kind not in SENDER_COUNTS:
        return
    domain = sender_of(connection, report.delivery).rpartition("@")[2].lower()
    if domain:
        name, sign = SENDER_COUNTS[report.kind]
        senders.setdefault((window, lane, domain), Counter())[name] += sign * report.count


def _home(connection: Connection, report: Report, by_key: dict[LaneKey, Lane]) -> tuple[int, int] | None:
    if report.delivery is not None:
        return reports.accepted_in(connection, report.delivery)
    assert report.lane is not None
    lane = by_key.get(report.lane)
    if lane is None:
        return None
    window = reports.window_at(connection, lane.id, report.occurred_at)
    return None if window is None else (lane.id, window)
