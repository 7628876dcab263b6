"""The same trouble on many lanes is the address's, or the sending domain's, and is told as that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from engine_house import START, House

from warmup.model import Category, RampClock, Reply, Stage, Standing
from warmup.store import journal, lanes
from warmup.store.findings import open_findings
from warmup.store.senders import count_senders
from warmup.timing import DAY, HOUR

MIX = "google=0.3,yahoo=0.2,microsoft_consumer=0.2,apple=0.1,gmx=0.1,other=0.1"
TURNED_AWAY = Reply(554, "5.7.1", "Connection refused: your IP address has a poor reputation")


@pytest.fixture
def town(furnished: Callable[..., House]) -> House:
    """Two addresses, five providers and the rest, on the third day of a healthy ramp."""
    house = furnished(
        target=20_000, mix=MIX, ramp=RampClock.HEALTH, ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=10"
    )
    house.engine.roll()
    return house


def saw(
    house: House, provider: str, source: str = "127.0.0.2", sender: str = "a.example", **counts: int
) -> None:
    """Count what became of a domain's mail in the open window, as attempts and reports would."""
    kinds = {
        "attempted": "attempted",
        "accepted": Category.ACCEPTED.value,
        "blocked": Category.IP_REPUTATION_BLOCK.value,
        "complained": "complained",
    }

    def job(connection):  # type: ignore[no-untyped-def]
        lane = next(one for one in lanes.lanes_of(connection, provider) if one.key.source == source)
        ledger = lanes.ledgers_of(connection, provider)[lane.id]
        evidence = {(lane.id, ledger.id, "", kinds[name]): count for name, count in counts.items()}
        journal.add_evidence(connection, Counter(evidence))
        lanes.add_accepted(connection, {ledger.id: counts.get("accepted", 0)})
        count_senders(connection, {(ledger.id, lane.id, sender): counts})
        lanes.touch_lanes(connection, {lane.id: house.clock.now()})

    house.database.write(job)


def day_ends(house: House) -> dict[str, str]:
    """Close the day; findings that are open then: code with whom it is about, and what was seen."""
    house.clock.advance_to(START + ((house.clock.now() - START) // DAY + 1) * DAY)
    house.engine.roll()
    rows = house.database.read(open_findings)
    return {f"{row.code} {row.source or row.domain}": row.text for row in rows}


def full_day(house: House, bad: dict[str, int], source: str = "127.0.0.2", sender: str = "a.example") -> None:
    """Every lane of an address uses its cap; some of their mail is complained about."""
    for status in house.engine.lanes():
        if status.lane.key.source == source and status.ledger is not None:
            cap = status.ledger.cap
            saw(
                house, status.lane.key.provider, source, sender,
                attempted=cap, accepted=cap, complained=bad.get(status.lane.key.provider, 0),
            )  # fmt: skip


def steps(house: House, source: str) -> dict[str, int]:
    return {
        status.lane.key.provider: status.lane.step
        for status in house.engine.lanes()
        if status.lane.key.source == source
    }


def test_complaints_everywhere_are_the_addresss(town: House) -> None:
    """Complaints at four of five providers: a finding with its figures; no lane of that address rises."""
    full_day(town, {"google": 8, "yahoo": 8, "microsoft_consumer": 8, "apple": 8})
    full_day(town, {}, "127.0.0.3", "b.example")
    found = day_ends(town)
    assert list(found) == ["ip-wide-complaints 127.0.0.2"]
    assert "google 8 of 300" in found["ip-wide-complaints 127.0.0.2"]
    assert steps(town, "127.0.0.2")["gmx"] == steps(town, "127.0.0.2")["other"] == 1
    assert set(steps(town, "127.0.0.3").values()) == {2}
    gmx = next(one for one in town.engine.lanes() if str(one.lane.key) == "127.0.0.2:gmx")
    assert gmx.lane.standing is Standing.RAMPING
    assert "trouble of the whole address" in gmx.lane.learned.hold
    story = "\n".join(town.engine.explain_lane(gmx.lane.key).lines)
    assert "ip-wide-complaints: complaints at 4 providers within 7 days" in story
    assert "look for what is new in what this address sends" in story
    full_day(town, {})
    coming = town.engine.explain_lane(gmx.lane.key).facts["tomorrow"]
    assert (coming["step"], coming["cap"]) == (1, 100)


def test_it_is_over_when_it_is_not_seen_any_more(town: House) -> None:
    """A week without mail, or good mail enough, ends the finding, and the lanes rise again."""
    full_day(town, {"google": 8, "yahoo": 8, "microsoft_consumer": 8, "apple": 8})
    found = [bool(day_ends(town)) for _ in range(10)]
    assert found == [True] * 7 + [False] * 3
    full_day(town, {})
    assert not day_ends(town)
    assert steps(town, "127.0.0.2")["gmx"] == 2


def test_one_provider_slows_no_other(town: House) -> None:
    """However loud one provider is, or two, the others' lanes rise as if nothing had been said."""
    full_day(town, {"google": 100, "yahoo": 60})
    assert not day_ends(town)
    assert {steps(town, "127.0.0.2")[name] for name in ("microsoft_consumer", "apple", "gmx", "other")} == {2}


def test_a_listing_is_seen_at_once(town: House) -> None:
    """Three providers that turn the address away at their first words need no statistics."""
    town.clock.advance(10 * HOUR)
    names = ["gmail.com", "yahoo.com", "outlook.com"]
    town.submit(*(f"a{number}@{name}" for name in names for number in range(30)))
    grants = town.begin(town.release())
    mine = {}
    for grant in grants:
        if grant.lane.source == "127.0.0.2":
            mine.setdefault(grant.lane.provider, grant)
    assert len(mine) == 3
    town.settle([grant for grant in grants if grant not in mine.values()])
    town.settle(list(mine.values()), TURNED_AWAY, Stage.GREETING)
    assert list(day_ends(town)) == ["ip-wide-blocks 127.0.0.2"]


def test_a_domain_in_trouble_is_not_the_address(town: House) -> None:
    """Where other domains' mail is sound the domain is named, and lanes go by their own evidence alone."""
    for status in town.engine.lanes():
        key = status.lane.key
        if status.ledger is None or key.source != "127.0.0.2":
            continue
        bad = key.provider not in ("gmx", "other")
        saw(town, key.provider, sender="good.example", attempted=220, accepted=220)
        saw(town, key.provider, sender="bad.example", attempted=60, accepted=50, blocked=10 if bad else 0)
    found = day_ends(town)
    assert list(found) == ["domain-wide-blocks bad.example"]
    assert "google 10 of 60" in found["domain-wide-blocks bad.example"]
    assert "domain-wide-blocks" in "\n".join(town.engine.explain_lane(town.engine.lanes()[0].lane.key).lines)
    for _ in range(7):
        full_day(town, {}, sender="good.example")
        found = day_ends(town)
    assert not found


def test_reports_count_for_the_domain_that_sent(town: House) -> None:
    """A complaint that names its message counts for the sender's domain; what is old is forgotten."""
    from warmup.model import Report, ReportKind
    from warmup.store.schema import sender_days

    town.clock.advance(10 * HOUR)
    (sent, *_) = town.submit("a@gmail.com", "b@gmail.com")
    town.send()
    town.engine.ingest(
        [Report(id="1", kind=ReportKind.COMPLAINT, delivery=sent, occurred_at=town.clock.now())]
    )

    def rows():  # type: ignore[no-untyped-def]
        return town.database.read(lambda connection: connection.execute(sender_days.select()).all())

    assert [(row.domain, row.complained) for row in rows() if row.complained] == [("example.net", 1)]
    assert sum(row.accepted for row in rows()) == 2
    for _ in range(9):
        day_ends(town)
    assert not rows()
