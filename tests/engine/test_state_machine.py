"""Any order of submitting, sending, crashing, editing and steering, held against a model of the laws."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from engine_house import ACCEPTED, BLOCKED, GREYLISTED, START, UNKNOWN_USER, House, attempt, furnish
from engine_model import Day, Delivery, Facts, Model, check
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from warmup.engine import Asked
from warmup.engine.context import LEASE
from warmup.engine.record import BLOCKS, judge
from warmup.engine.sweep import ADMISSIONS_KEPT
from warmup.errors import UsageError
from warmup.model import OTHER, Attempt, Grant, LaneKey, Outcome, Reply, Stage, Wait, Window
from warmup.plan.calendar import shape
from warmup.providers import Classifier
from warmup.reputation.policy import Policy, Thresholds
from warmup.store import Database, create_or_upgrade
from warmup.timing import DAY, HOUR, MINUTE, SECOND, Instant, SimulatedClock

DOMAINS = ["gmail.com", "gmail.com", "yahoo.com", "icloud.com", "small.example", "tiny.example"]
MIXES = [
    "google=0.5,yahoo=0.3,other=0.2",
    "google=0.5,yahoo=0.2,apple=0.1,other=0.2",
    "google=0.7,other=0.3",
]
ZONES = ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"]
CURVES = ["linear:days=4", "linear:days=1", "geometric:start=10,growth=2"]
TARGETS = [24, 240, 2400, 400_000]

REFUSED = (Reply(0, "", "connection refused"), Stage.CONNECT)
LOST = (Reply(0, "", "connection lost"), Stage.DOT)
ANSWERS = [
    (ACCEPTED, Stage.DOT),
    (ACCEPTED, Stage.DOT),
    (GREYLISTED, Stage.RCPT),
    (Reply(451, "4.3.0", "try later"), Stage.RCPT),
    (Reply(421, "4.7.28", "Gmail has detected an unusual rate of mail"), Stage.MAIL),
    (UNKNOWN_USER, Stage.RCPT),
    (BLOCKED, Stage.MAIL),
    LOST,
]
DRIFT = 15 * MINUTE

NEVER = Thresholds(hold=0.99, back=0.99)
PLAIN = Policy(bounces=NEVER, deferrals=NEVER, blocks=NEVER, suspension_longest=DAY)
"""Only words turn an IP away here: the model knows no statistics, and judgement has tests of its own."""


@attrs.define(eq=False)
class Worker:
    """A process: an engine, and what it can know of the clock."""

    house: House
    wall: Instant
    elapsed: Instant

    @property
    def owner(self) -> str:
        return self.house.engine.context.owner

    def drift(self) -> int:
        clock = self.house.clock
        return abs((clock.now() - self.wall) - (clock.elapsed() - self.elapsed))


@attrs.define(eq=False)
class Claim:
    """A grant in somebody's hand, perhaps a dead man's."""

    worker: Worker
    grant: Grant
    begun: bool = False


@attrs.define
class Relayed:
    """A message in a relay's queue."""

    attempt: int = 1
    grant: Grant | None = None
    asked_at: Instant = 0
    settled: str = ""


class Machine(RuleBasedStateMachine):
    """Two nodes, their ghosts, an operator and a relay, all at one database."""

    open_database: Callable[[], Database]
    close_database: Callable[[Database], None]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.claims: list[Claim] = []
        self.relayed: dict[tuple[str, str], Relayed] = {}
        self.options: dict[str, Any] = {}
        self.may_rise = False
        self.database = type(self).open_database()
        self.clock = SimulatedClock(START)

    def teardown(self) -> None:
        type(self).close_database(self.database)

    @initialize(
        volume=st.sampled_from(TARGETS),
        ips=st.integers(1, 2),
        pattern=st.sampled_from(["flat", "waking", "office"]),
        at=st.integers(0, 23),
    )
    def begin_life(self, volume: int, ips: int, pattern: str, at: int) -> None:
        self.options = {
            "target": volume,
            "ips": [f"127.0.0.{2 + number}" for number in range(ips)],
            "pattern": pattern,
            "curve": "linear:days=1",
        }
        self.clock.advance(at * HOUR)
        self.workers = {node: self._start(node) for node in ("here", "there")}
        for domain in dict.fromkeys(DOMAINS):
            self.submit(domain=domain, count=20, stream="default", engagement=0, deadline=None, key=None)

    # What the model is told

    def _start(self, node: str) -> Worker:
        house = furnish(self.database, self.clock, **self.options, node=node, policy=PLAIN)
        return Worker(house, self.clock.now(), self.clock.elapsed())

    def _read(self) -> Facts:
        """Look at the database; windows that are new, and caps that changed, enter the model."""
        facts = Facts.read(self.database)
        rows = sa.text("SELECT id, date, zone FROM windows")
        zones = {row[0]: (row[1], row[2]) for row in self.database.read(lambda c: c.execute(rows).all())}
        pattern = self.workers["here"].house.engine.context.plan.pattern
        for row in facts.windows:
            day = self.model.days.get(row.id)
            if day is None:
                on, zone = zones[row.id]
                window = Window(date.fromisoformat(on), row.starts_at, row.ends_at)
                day = self.model.days[row.id] = Day(
                    lane=LaneKey(row.source, row.provider),
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    shape=shape(window, zone, pattern),
                    cap=row.cap,
                    caps=[row.cap],
                )
            assert row.cap <= day.cap or self.may_rise, f"{day.lane}: cap {day.cap} rose to {row.cap}"
            if row.cap != day.cap:
                day.cap = row.cap
                day.caps.append(row.cap)
        self.may_rise = False
        return facts

    def _believed(self, worker: Worker) -> bool:
        """Whether a process believes its clock: never when it saw it leave the time that passed."""
        believed = worker.house.engine.context.watch.complaint() is None
        assert worker.drift() <= DRIFT or not believed
        return believed

    def _granted(self, worker: Worker, window: int, grant: Grant) -> None:
        now, lane = self.clock.now(), grant.lane
        day = self.model.days[window]
        assert self._believed(worker), "a grant under a clock that is not believed"
        assert not self.model.silent(lane, now), f"a grant on {lane}, which is paused or suspended"
        assert day.lane == lane
        assert day.starts_at <= now < day.ends_at - 2 * SECOND, "a grant outside of its window"
        day.take(grant.id, max(now, grant.not_before))

    def _judged(self, grant: Grant, tried: Attempt) -> str:
        """What an attempt makes of a delivery; a block silences the lane."""
        verdict = judge(Classifier.default(), grant.lane.provider, tried)
        if verdict.category in BLOCKS and grant.lane.provider != OTHER:
            until = self.model.suspended.get(grant.lane, 0)
            self.model.suspended[grant.lane] = max(until, self.clock.now() + DAY)
        if verdict.outcome is Outcome.REJECTED:
            return "bounced"
        return verdict.outcome.value

    # Mail in, mail out

    @rule(
        domain=st.sampled_from(DOMAINS),
        count=st.integers(1, 12),
        stream=st.sampled_from(["default", "default", "first", "careful"]),
        engagement=st.sampled_from([0, 50]),
        deadline=st.sampled_from([None, None, 2 * HOUR, 2 * DAY]),
        key=st.sampled_from([None, None, "a", "b"]),
    )
    def submit(
        self, domain: str, count: int, stream: str, engagement: int, deadline: int | None, key: str | None
    ) -> None:
        house = self.workers["here"].house
        until = None if deadline is None else self.clock.now() + deadline
        words = {"stream": stream, "engagement": engagement, "deadline": until}
        if key is not None:
            got = house.submit(f"{key}@{domain}", key=key, **words)
            known = self.model.keys.setdefault(key, got)
            assert got == known, "a key queued twice"
        else:
            got = house.submit(*[f"u{number}@{domain}" for number in range(count)], **words)
        for number in got:
            self.model.deliveries.setdefault(number, Delivery(stream, until, self.clock.now()))
        self.workers["there"].house.engine.changed_elsewhere()

    @rule(
        node=st.sampled_from(["here", "there"]), limit=st.sampled_from([1, 3, 1000]), room=st.integers(0, 20)
    )
    def release(self, node: str, limit: int, room: int) -> None:
        worker = self.workers[node]
        grants = worker.house.release(limit, room)
        facts = self._read()
        held = {number: window for window, number in facts.claims}
        for grant in grants:
            one = self.model.deliveries[grant.id]
            assert one.state in ("queued", "deferred"), f"a grant for a delivery that is {one.state}"
            assert grant.lease == one.lease + 1
            one.state, one.lease, one.window = "leased", grant.lease, held[grant.id]
            one.owner, one.lease_until = worker.owner, self.clock.now() + LEASE
            self._granted(worker, one.window, grant)
            self.claims.append(Claim(worker, grant))
        if self._believed(worker):
            self._hold_to_the_plan(worker)

    def _hold_to_the_plan(self, worker: Worker) -> None:
        """An open window allows no more than the plan of today does at its step."""
        plan = worker.house.engine.context.plan
        for one in worker.house.engine.lanes():
            if one.ledger is not None and one.lane.key.provider in plan.providers:
                caps = plan.caps(one.lane.key.source, one.ledger.step, one.ledger.window.date)
                assert one.ledger.cap <= caps[one.lane.key.provider], f"{one.lane.key}: more than the plan"

    def _some(self, first: int, count: int) -> list[Claim]:
        """Claims that lie side by side in one worker's hand."""
        if not self.claims:
            return []
        worker = self.claims[first % len(self.claims)].worker
        return [claim for claim in self.claims if claim.worker is worker][:count]

    @precondition(lambda self: self.claims)
    @rule(first=st.integers(0, 10**6), count=st.integers(1, 20))
    def begin(self, first: int, count: int) -> None:
        chosen = [claim for claim in self._some(first, count) if not claim.begun]
        if not chosen:
            return
        now = self.clock.now()
        worker = chosen[0].worker
        # Where a provider asked for fewer connections, what was claimed before may be too many; and in a
        # silence that it asked for, nothing that was claimed before begins.
        lanes = [one.lane for one in worker.house.engine.lanes()]
        slowed = {lane.key for lane in lanes if lane.learned.connections}
        hushed = {lane.key for lane in lanes if now < lane.backoff_until}
        contents = worker.house.engine.begin([claim.grant for claim in chosen])
        for claim in chosen:
            grant, one = claim.grant, self.model.deliveries[claim.grant.id]
            mine = one.lease == grant.lease and one.state == "leased"
            day = self.model.days[one.window]
            if contents[grant] is not None:
                assert mine and self._believed(worker) and not self.model.silent(grant.lane, now)
                assert grant.lane not in hushed
                day.mail(grant.id, now)
                one.state, claim.begun = "sending", True
                continue
            self.claims.remove(claim)
            if mine:
                assert (
                    now >= day.ends_at - 2 * SECOND
                    or now < grant.not_before - SECOND
                    or not self._believed(worker)
                    or grant.lane in self.model.paused
                    or grant.lane in self.model.suspended
                    or grant.lane in slowed
                    or grant.lane in hushed
                ), "a grant was taken back for nothing"
                self.model.leave(grant.id)

    @precondition(lambda self: self.claims)
    @rule(
        first=st.integers(0, 10**6),
        answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12),
        arrived=st.booleans(),
    )
    def record(self, first: int, answers: list[tuple[Reply, Stage]], arrived: bool) -> None:
        self.laws()
        if not self.claims:
            return
        now = self.clock.now()
        chosen = self._some(first, len(answers))
        settled = []
        for claim, answer in zip(chosen, answers, strict=False):
            reply, stage = answer if claim.begun else REFUSED
            settled.append((claim.grant, attempt(reply, stage, now)))
        chosen[0].worker.house.engine.record(settled)
        for claim, (grant, tried) in zip(chosen, settled, strict=True):
            self.claims.remove(claim)
            one = self.model.deliveries[grant.id]
            if claim.begun and (tried.outcome is Outcome.ACCEPTED or (tried.reply == LOST[0] and arrived)):
                one.copies += 1
            if one.lease == grant.lease and one.state in ("leased", "sending"):
                outcome = self._judged(grant, tried)
                one.doubts += outcome == "unknown"
                self.model.settle(grant.id, outcome, now)
            elif tried.outcome is Outcome.ACCEPTED and one.state in ("deferred", "held"):
                one.state = "sent"

    @precondition(lambda self: self.claims)
    @rule(first=st.integers(0, 10**6), count=st.integers(1, 20))
    def give_back(self, first: int, count: int) -> None:
        chosen = [claim for claim in self._some(first, count) if not claim.begun]
        if chosen:
            chosen[0].worker.house.engine.give_back([claim.grant for claim in chosen])
        for claim in chosen:
            self.claims.remove(claim)
            one = self.model.deliveries[claim.grant.id]
            if one.lease == claim.grant.lease and one.state == "leased":
                self.model.leave(claim.grant.id)

    @rule(
        node=st.sampled_from(["here", "there"]),
        step=st.sampled_from([MINUTE, 11 * MINUTE, 40 * MINUTE, 2 * HOUR]),
        rounds=st.integers(1, 12),
        begun=st.sampled_from([3, 20]),
        answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=20),
    )
    def work(self, node: str, step: int, rounds: int, begun: int, answers: list[tuple[Reply, Stage]]) -> None:
        """Some hours as they are: release, begin, record, and on."""
        for _ in range(rounds):
            self.clock.advance(step)
            self.release(node, 1000, 20)
            if self.claims:
                self.begin(len(self.claims) - 1, begun)
            if self.claims:
                self.record(len(self.claims) - 1, answers, True)

    # Trouble

    @rule(node=st.sampled_from(["here", "there"]), swept=st.booleans())
    def crash(self, node: str, swept: bool) -> None:
        """The process dies with its grants; they stay in a ghost's hand, who may yet answer."""
        self.workers[node] = self._start(node)
        if swept:
            self.sweep(node)

    @rule(node=st.sampled_from(["here", "there"]))
    def sweep(self, node: str) -> None:
        self.workers[node].house.engine.sweep()
        now = self.clock.now()
        if not self._believed(self.workers[node]):
            return
        self.model.sweep(node, self.workers[node].owner, now)
        self.relayed = {
            name: one for name, one in self.relayed.items() if one.asked_at >= now - ADMISSIONS_KEPT
        }

    @precondition(lambda self: self.claims)
    @rule(
        node=st.sampled_from(["here", "there"]),
        begun=st.integers(0, 10),
        answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12),
    )
    def haunt(self, node: str, begun: int, answers: list[tuple[Reply, Stage]]) -> None:
        """A ghost answers when its deliveries are in another worker's hands."""
        self.begin(0, 20)
        self.crash(node, True)
        self.clock.advance(2 * HOUR)
        self.release(node, 1000, 20)
        if begun and self.claims:
            self.begin(len(self.claims) - 1, begun)
        if self.claims:
            self.record(0, answers, True)

    @precondition(lambda self: len(self.claims) > 3)
    @rule()
    def forget(self) -> None:
        """Nobody ever hears of some grants again."""
        del self.claims[: len(self.claims) // 2]

    @rule(span=st.sampled_from([-DAY, -3 * HOUR, -10 * MINUTE, 10 * MINUTE, 3 * HOUR, 9 * DAY]))
    def move_the_clock(self, span: int) -> None:
        self.clock.jump(span)
        if span < 0:
            for day in self.model.days.values():
                day.turned_back = True

    @rule()
    def accept_the_clock(self) -> None:
        here, there = self.workers.values()
        here.house.engine.accept_clock()
        there.house.engine.changed_elsewhere()
        for worker in (here, there):
            worker.wall, worker.elapsed = self.clock.now(), self.clock.elapsed()

    # Time

    @rule(span=st.sampled_from([1, 3 * SECOND, 7 * MINUTE, 31 * MINUTE, 2 * HOUR, 2 * HOUR, 5 * HOUR]))
    def wait(self, span: int) -> None:
        self.clock.advance(span)

    @rule(offset=st.sampled_from([-2 * SECOND - 1, -2 * SECOND, -1, 0, 1, 12 * HOUR]))
    def wait_for_midnight(self, offset: int) -> None:
        ends = [day.ends_at + offset for day in self.model.days.values()]
        later = [end for end in ends if end > self.clock.now()]
        if later:
            self.clock.advance_to(min(later))

    @rule(days=st.sampled_from([1, 2, 35]))
    def wait_days(self, days: int) -> None:
        self.clock.advance(days * DAY)

    # An operator

    @rule(
        volume=st.sampled_from(TARGETS),
        curve=st.sampled_from(CURVES),
        mix=st.sampled_from(MIXES),
        zone=st.sampled_from(ZONES),
        what=st.sampled_from(["target", "curve", "mix", "timezone"]),
    )
    def edit_the_plan(self, what: str, volume: int, curve: str, mix: str, zone: str) -> None:
        changes = {"target": volume, "curve": curve, "mix": mix, "timezone": zone}
        self.options[what] = changes[what]
        self.workers = {node: self._start(node) for node in self.workers}

    def _lane(self, pick: int) -> LaneKey | None:
        known = [one.lane.key for one in self.workers["here"].house.engine.lanes()]
        return known[pick % len(known)] if known else None

    @rule(pick=st.integers(0, 100))
    def pause(self, pick: int) -> None:
        key = self._lane(pick)
        if key is not None:
            self.workers["here"].house.engine.pause(key.source, key.provider)
            self.workers["there"].house.engine.changed_elsewhere()
            self.model.paused.add(key)

    @rule(pick=st.integers(0, 100))
    def resume(self, pick: int) -> None:
        silent = [*self.model.paused, *self.model.suspended]
        if silent:
            key = silent[pick % len(silent)]
            self.workers["here"].house.engine.resume(key.source, key.provider)
            if key in self.model.paused:
                self.model.paused.discard(key)
            else:
                self.model.suspended.pop(key)

    @rule(pick=st.integers(0, 100), step=st.integers(1, 5), now=st.booleans())
    def reset(self, pick: int, step: int, now: bool) -> None:
        key = self._lane(pick)
        if key is not None:
            self.may_rise = now
            self.workers["here"].house.engine.reset(key.source, key.provider, step=step, now=now)
            self.model.paused.discard(key)
            self.model.suspended.pop(key, None)

    @precondition(lambda self: self.model.deliveries)
    @rule(pick=st.integers(0, 10**6), verb=st.sampled_from(["hold", "unhold", "cancel"]))
    def steer(self, pick: int, verb: str) -> None:
        number = list(self.model.deliveries)[pick % len(self.model.deliveries)]
        getattr(self.workers["here"].house.engine, verb)([number])
        one = self.model.deliveries[number]
        if verb == "hold" and one.state in ("queued", "deferred"):
            one.state = "held"
        elif verb == "unhold" and one.state == "held":
            one.state = "deferred"
        elif verb == "cancel" and one.state in ("queued", "deferred", "held"):
            one.state = "cancelled"

    # A relay with a queue of its own

    @rule(
        id=st.sampled_from(["q1", "q2", "q3", "q4", "q5"]),
        domain=st.sampled_from(DOMAINS),
        again=st.booleans(),
        node=st.sampled_from(["here", "there"]),
    )
    def admit(self, id: str, domain: str, again: bool, node: str) -> None:
        worker, recipient = self.workers[node], f"r@{domain}"
        one = self.relayed.setdefault((id, recipient), Relayed())
        before = one.grant
        one.attempt += not again
        asked = Asked(id=id, recipient=recipient, attempt=one.attempt)
        if self._believed(worker) and (one.settled == "accepted" or (again and one.settled)):
            one.attempt -= not again
            with pytest.raises(UsageError):
                worker.house.engine.admit(asked)
            return
        decision = worker.house.engine.admit(asked)
        if not isinstance(decision, Wait) or decision.limit.lane is not None:
            one.settled = ""
            if decision != before:
                one.asked_at = self.clock.now()
        self._read()
        if before is not None and not again:
            # A conversation that was never accounted for: its MAIL may have gone out.
            for day in self.model.days.values():
                if before.id in day.units and day.lane == before.lane:
                    day.spent.add(before.id)
        if not isinstance(decision, Grant):
            one.grant = before if again else None
            return
        query = sa.text('SELECT "window" FROM admissions WHERE id = :id')
        window = self.database.read(lambda c: c.execute(query, {"id": -decision.id}).scalar())
        self._granted(worker, window, decision)
        one.grant = decision

    @precondition(lambda self: any(one.grant for one in self.relayed.values()))
    @rule(
        pick=st.integers(0, 100),
        answer=st.sampled_from([*ANSWERS, REFUSED, (Reply(454, "4.7.0", "TLS"), Stage.STARTTLS)]),
    )
    def settle(self, pick: int, answer: tuple[Reply, Stage]) -> None:
        granted = [one for one in self.relayed.values() if one.grant]
        one = granted[pick % len(granted)]
        assert one.grant is not None
        reply, stage = answer
        tried = attempt(reply, stage, self.clock.now())
        self.workers["here"].house.engine.settle(one.grant, tried)
        one.settled = self._judged(one.grant, tried)
        for day in self.model.days.values():
            if (
                one.grant.id in day.units
                and day.lane == one.grant.lane
                and day.ends_at == (one.grant.window_ends_at)
            ):
                if stage in (Stage.CONNECT, Stage.STARTTLS):
                    day.give_back(one.grant.id)
                else:
                    day.spent.add(one.grant.id)
        one.grant, one.asked_at = None, self.clock.now()

    @invariant()
    def laws(self) -> None:
        if self.options:
            check(self.model, self._read(), self.clock.now())
            self.claims = [claim for claim in self.claims if claim.grant.id in self.model.deliveries]


def _run(machine: type[Machine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            settings.default,
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=[phase for phase in Phase if phase is not Phase.explain],
        ),
    )


CI = os.environ.get("HYPOTHESIS_PROFILE") == "ci"


def test_the_laws_hold_on_sqlite(tmp_path: Path) -> None:
    """Whatever happens in whatever order: caps, units, states and the pace are kept."""
    numbers = iter(range(10**9))

    class OnSQLite(Machine):
        @staticmethod
        def open_database() -> Database:
            database = Database(f"sqlite:///{tmp_path / str(next(numbers))}.db")
            create_or_upgrade(database, "simulated")
            return database

        @staticmethod
        def close_database(database: Database) -> None:
            database.close()
            for path in tmp_path.glob(f"{database.path.name}*"):  # type: ignore[union-attr]
                path.unlink()

    _run(OnSQLite, *((100, 60) if CI else (15, 50)))


def test_the_laws_hold_on_postgresql(postgres: Callable[[], str]) -> None:
    """The same on a server."""
    database = Database(postgres())

    class OnPostgreSQL(Machine):
        @staticmethod
        def open_database() -> Database:
            create_or_upgrade(database, "simulated")
            return database

        @staticmethod
        def close_database(database: Database) -> None:
            def job(connection: sa.Connection) -> None:
                connection.execute(sa.text("DROP SCHEMA public CASCADE"))
                connection.execute(sa.text("CREATE SCHEMA public"))

            database.write(job)

    try:
        _run(OnPostgreSQL, *((15, 50) if CI else (4, 40)))
    finally:
        database.close()
