"""The engine: one object with the use cases. It decides nothing itself and does no networking.

Pure rooms decide; the store keeps; the courier carries. Every method is synchronous and safe to
call from any thread; those that change something return once it is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warmup.engine import admit as _admit
from warmup.engine import explain as _explain
from warmup.engine import graft as _graft
from warmup.engine import ingest as _ingest
from warmup.engine import outlook as _outlook
from warmup.engine import planned as _planned
from warmup.engine import record as _record
from warmup.engine import release as _release
from warmup.engine import resolve as _resolve
from warmup.engine import status as _status
from warmup.engine import steer as _steer
from warmup.engine import story as _story
from warmup.engine import submit as _submit
from warmup.engine import sweep as _sweep
from warmup.engine import transfer as _transfer
from warmup.engine import trouble as _trouble
from warmup.engine.admit import Asked
from warmup.engine.context import Context
from warmup.engine.explain import Story
from warmup.engine.graft import History
from warmup.engine.outlook import Present
from warmup.engine.release import Released, Room
from warmup.engine.status import DayRecord, LaneStatus, QueueCount
from warmup.engine.transfer import Imported
from warmup.engine.windows import roll
from warmup.model import Attempt, Decision, Grant, LaneKey, Reply, Report, Submission, Taken
from warmup.release.machine import Event
from warmup.reputation.standing import Adjustment
from warmup.store import get_meta, lanes, queue
from warmup.store.findings import FindingRow
from warmup.store.queue import DeliveryRow
from warmup.timing import MINUTE, Instant, Span

__all__ = ["Asked", "Context", "DayRecord", "Engine", "LaneStatus", "QueueCount", "Released", "Story"]

SOURCE_HOLD: Span = 5 * MINUTE
"""How long a source that cannot be bound is left alone before it is tried again."""


class Engine:
    """The use cases over one database."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._clock_accepted = ""
        self._marks: tuple[int, int] | None = None
        self.look_at_clock()

    # Mail in

    def submit(self, batch: Sequence[Submission]) -> list[tuple[int, ...]]:
        """Queue messages durably. See :func:`warmup.engine.submit.submit`."""
        return _submit.submit(self.context, batch)

    # Mail out

    def roll(self) -> None:
        """Open and close windows as of now."""
        now = self.context.clock.now()
        with self.context.clock.busy():
            roll_at = self.context.database.write(lambda connection: roll(self.context, connection, now))
        self.context.roll_at = roll_at

    def release(self, limit: int, room: Room) -> Released:
        """Grant what may go now. See :func:`warmup.engine.release.release`."""
        return _release.release(self.context, limit, room)

    def begin(self, grants: Sequence[Grant]) -> dict[Grant, bytes | None]:
        """Mark grants as being sent and return their contents."""
        return _release.begin(self.context, grants)

    def give_back(self, grants: Sequence[Grant]) -> None:
        """Return grants that nothing was done about."""
        _release.give_back(self.context, grants)

    def record(self, settled: Sequence[tuple[Grant, Attempt]]) -> None:
        """Write down how attempts ended."""
        _record.record(self.context, settled)

    def unresolved(self, limit: int) -> tuple[list[str], Instant | None]:
        """Domains to ask DNS about now, and when the next one is due."""
        return _resolve.unresolved(self.context, limit)

    def resolved(self, domain: str, mx: Sequence[str]) -> None:
        """Take in where a domain's mail goes."""
        _resolve.resolved(self.context, domain, mx)

    def unroutable(self, domain: str, reply: Reply, *, permanent: bool) -> None:
        """Take in that a domain cannot be reached."""
        _resolve.unroutable(self.context, domain, reply, permanent=permanent)

    def hold_source(self, address: str, reason: str, span: Span = SOURCE_HOLD) -> None:
        """Hold a source that cannot be used; the others go on."""
        until = self.context.clock.now() + span
        with self.context.clock.busy():
            self.context.database.write(
                lambda connection: lanes.hold_source(connection, address, until, f"{address}: {reason}")
            )
        self.context.nudge()

    def sweep(self) -> int:
        """Clean up a bounded part of what nobody else does."""
        return _sweep.sweep(self.context)

    def look_at_clock(self) -> None:
        """Learn what the database has seen of time, and whether an operator accepted the clock."""
        with self.context.clock.busy():
            seen, accepted = self.context.database.read(
                lambda connection: (get_meta(connection, "seen_at"), get_meta(connection, "clock_accepted"))
            )
        if accepted is not None and accepted != self._clock_accepted:
            if self._clock_accepted:
                self.context.watch.accept()
            self._clock_accepted = accepted
        self._clock_accepted = self._clock_accepted or "none"
        self.context.watch.seen_at = int(seen or 0)

    def pending(self) -> bool:
        """Whether anything waits or is under way."""
        with self.context.clock.busy():
            return self.context.database.read(queue.pending)

    def changed_elsewhere(self) -> bool:
        """Whether another process queued mail or steered something since the last look."""
        with self.context.clock.busy():
            marks = self.context.database.read(_status.marks)
        if marks == self._marks:
            return False
        before, self._marks = self._marks, marks
        if before is None or before[1] != marks[1]:
            # Somebody steered: standings, caps and the clock may be others than we knew.
            self.look_at_clock()
            self.context.ask_roll()
        self.context.nudge()
        return before is not None

    # Relays that keep their own queue

    def admit(self, asked: Asked) -> Decision:
        """Answer a relay. See :func:`warmup.engine.admit.admit`."""
        return _admit.admit(self.context, asked)

    def settle(self, grant: Grant, attempt: Attempt) -> None:
        """Write down how a relay's conversation ended."""
        _admit.settle(self.context, grant, attempt)

    # Looking and steering

    def explain_delivery(self, delivery: int) -> Story:
        """Tell what happened to a delivery and what it waits for."""
        return _explain.explain_delivery(self.context, delivery)

    def explain_lane(self, key: LaneKey) -> Story:
        """Tell the story of a lane."""
        return _story.explain_lane(self.context, key)

    def explain_source(self, address: str) -> Story:
        """Tell the story of an address: its lanes in short, and what they share."""
        return _story.explain_source(self.context, address)

    def findings(self, source: str | None = None, provider: str | None = None) -> list[FindingRow]:
        """Trouble that waits for a person, the latest first."""
        return _trouble.open_findings(self.context, source, provider)

    def lanes(self) -> list[LaneStatus]:
        """Every lane of the plan, with its account and its wait."""
        return _status.lane_status(self.context)

    def planned(self) -> dict[str, Any] | None:
        """The plan that the database was last run with; see :func:`warmup.engine.planned.recorded`."""
        with self.context.clock.busy():
            return self.context.database.read(_planned.recorded)

    def present(self) -> Present:
        """Today's state, for a forecast. See :func:`warmup.engine.outlook.present`."""
        return _outlook.present(self.context)

    def queue_counts(self) -> list[QueueCount]:
        """How many deliveries stand where."""
        return _status.queue_counts(self.context)

    def queue_list(
        self, *, state: str | None = None, provider: str | None = None, limit: int = 100
    ) -> list[DeliveryRow]:
        """Deliveries, the oldest first."""
        return _status.queue_list(self.context, state=state, provider=provider, limit=limit)

    def days(self) -> list[DayRecord]:
        """Every window of every lane, the earliest first."""
        return _status.days(self.context)

    def pause(self, source: str | None, provider: str | None, note: str = "") -> list[Adjustment]:
        """Stop lanes until they are resumed."""
        return _steer.pause(self.context, source, provider, note)

    def resume(self, source: str | None, provider: str | None, note: str = "") -> list[Adjustment]:
        """Let paused or suspended lanes go on."""
        return _steer.resume(self.context, source, provider, note)

    def step(
        self,
        source: str | None,
        provider: str | None,
        *,
        to: int | None = None,
        by: int = 0,
        note: str = "",
        now: bool = False,
    ) -> list[Adjustment]:
        """Move lanes along their curve. See :func:`warmup.engine.steer.step`."""
        return _steer.step(self.context, source, provider, to=to, by=by, note=note, now=now)

    def graft(
        self,
        source: str,
        provider: str | None,
        *,
        history: History | None = None,
        other: str | None = None,
        note: str = "",
        now: bool = False,
    ) -> list[Adjustment]:
        """Give lanes a past that was lived elsewhere. See :func:`warmup.engine.graft.graft`."""
        return _graft.graft(self.context, source, provider, history=history, other=other, note=note, now=now)

    def export_state(self, sources: Sequence[str] = (), *, journal: bool = False) -> dict[str, Any]:
        """What lanes have earned, as JSON values. See :func:`warmup.engine.transfer.export_state`."""
        return _transfer.export_state(self.context, sources, journal=journal)

    def import_state(self, state: object, **words: Any) -> list[Imported]:
        """Take in what was exported. See :func:`warmup.engine.transfer.import_state`."""
        return _transfer.import_state(self.context, state, **words)

    def reset(
        self,
        source: str | None,
        provider: str | None,
        *,
        step: int | None = None,
        volume: int | None = None,
        warm: bool = False,
        note: str = "",
        now: bool = False,
    ) -> list[Adjustment]:
        """Put lanes at a step, a volume, or the end of their curve."""
        return _steer.reset(
            self.context, source, provider, step=step, volume=volume, warm=warm, note=note, now=now
        )

    def ingest(self, batch: Sequence[Report]) -> list[Taken]:
        """Count what others report. See :func:`warmup.engine.ingest.ingest`."""
        return _ingest.ingest(self.context, batch)

    def hold(self, ids: Sequence[int]) -> dict[int, str]:
        """Set deliveries aside."""
        return _steer.steer_deliveries(self.context, ids, Event.HOLD)

    def unhold(self, ids: Sequence[int]) -> dict[int, str]:
        """Let deliveries go that were set aside."""
        return _steer.steer_deliveries(self.context, ids, Event.UNHOLD)

    def cancel(self, ids: Sequence[int]) -> dict[int, str]:
        """Take deliveries out of the queue for good."""
        return _steer.steer_deliveries(self.context, ids, Event.CANCEL)

    def note(self, text: str) -> None:
        """Write down what an operator did."""
        _steer.note(self.context, text)

    def accept_clock(self) -> None:
        """Believe the clock as it stands."""
        _steer.accept_clock(self.context)
