"""Trouble of one's own house: found, said, kept apart from reputation, and over when it is mended."""

from __future__ import annotations

import sqlalchemy as sa
from engine_house import ACCEPTED, House

from warmup.engine import sweep
from warmup.model import (
    Envelope,
    Grant,
    LaneKey,
    Reply,
    Report,
    ReportKind,
    Stage,
    Standing,
    Submission,
)
from warmup.store.findings import FindingRow, open_findings
from warmup.timing import DAY, HOUR, MINUTE

GOOGLE = LaneKey("127.0.0.2", "google")
SPF = Reply(550, "5.7.26", "This message is unauthenticated: SPF did not pass")
LATER = Reply(451, "4.3.0", "try later")
TOO_MUCH = Reply(421, "4.7.28", "Our system has detected an unusual rate of unsolicited mail")


def found(house: House) -> list[FindingRow]:
    return house.database.read(open_findings)


def letter(sender: str, recipient: str) -> Submission:
    envelope = Envelope(
        sender=sender,
        recipients=(recipient,),
        content=b"Subject: hello\r\n\r\nhello\r\n",
        message_id="<2@example.net>",
    )
    return Submission(envelope=envelope)


def queue(house: House, *senders: str) -> list[int]:
    batch = [letter(sender, f"user{number}@gmail.com") for number, sender in enumerate(senders)]
    ids = [one for row in house.engine.submit(batch) for one in row]
    house.resolve()
    return ids


def due(house: House) -> list[Grant]:
    """What goes when the lane is not silent any more and its retries are due."""
    house.clock.advance(13 * HOUR)
    return house.begin(house.release())


def test_failing_spf_is_a_finding_and_no_matter_of_reputation(house: House) -> None:
    """The mail is kept, the lane is silent and says why, and neither cap nor standing nor step gives way."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    (sent,) = queue(house, "news@broken.example")
    before = next(one for one in house.engine.lanes() if one.lane.key == GOOGLE)
    house.send(SPF)
    after = next(one for one in house.engine.lanes() if one.lane.key == GOOGLE)
    assert house.state(sent) == "deferred"
    assert (after.lane.standing, after.lane.step) == (before.lane.standing, before.lane.step)
    assert after.ledger and before.ledger and after.ledger.cap == before.ledger.cap
    assert after.lane.backoff_until == house.clock.now() + HOUR
    (one,) = found(house)
    assert one.code.startswith("auth-") and one.provider == "google" and "SPF" in one.text
    assert any("a person has to mend this" in line for line in house.engine.explain_lane(GOOGLE).lines)


def test_what_is_accepted_again_is_mended(house: House) -> None:
    """A finding about a domain ends when that domain's mail is accepted, and not when another's is."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    broken = queue(house, "news@broken.example")
    house.send(SPF)
    assert found(house)[0].domain == "broken.example"
    house.engine.hold(broken)
    house.clock.advance(2 * HOUR)
    house.engine.roll()
    fine = queue(house, "shop@fine.example")
    assert [grant.id for grant in house.send()] == fine
    assert [one.domain for one in found(house)] == ["broken.example"]
    house.engine.unhold(broken)
    again = due(house)
    assert [grant.id for grant in again] == broken
    house.settle(again)
    assert not found(house)


def test_one_at_a_time_finds_out_whether_it_is_mended(house: House) -> None:
    """After a silence one delivery is tried, and the others only once it was accepted."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    ids = queue(house, *["news@broken.example"] * 9)
    house.send(SPF)
    for reply in (SPF, SPF, ACCEPTED):
        probe = due(house)
        assert len(probe) == 1 and not house.release()
        house.settle(probe, reply)
    house.clock.advance(6 * HOUR)
    assert len(house.send()) > 1
    assert set(map(house.state, ids)) <= {"queued", "deferred", "sent"}


def test_silence_grows_while_the_trouble_lasts(house: House) -> None:
    """The second silence is about as long as the trouble has lasted, so that few messages are spent on it."""
    house.engine.roll()
    house.clock.advance(HOUR)
    queue(house, "news@broken.example")
    house.send(SPF)
    house.clock.advance(5 * HOUR)
    house.send(SPF)
    lane = next(one.lane for one in house.engine.lanes() if one.lane.key == GOOGLE)
    assert lane.backoff_until == house.clock.now() + 5 * HOUR
    assert lane.standing is Standing.RAMPING


def test_mail_waits_as_long_as_there_is_something_to_mend(house: House) -> None:
    """Weeks of failing authentication expire nothing, and afterwards the rest of the five days is left."""
    house.engine.roll()
    house.clock.advance(HOUR)
    ids = queue(house, *["news@broken.example"] * 5)
    house.send(LATER, Stage.RCPT)
    house.clock.advance(2 * DAY)
    for _ in range(40):
        house.send(SPF)
        house.clock.advance(12 * HOUR)
    assert {house.state(one) for one in ids} <= {"queued", "deferred"}
    for _ in range(4 * 24):
        # One is accepted, the finding is over, and the others meet other trouble from then on.
        house.settle(house.begin(house.release(limit=1))) if found(house) else house.send(LATER, Stage.RCPT)
        house.clock.advance(30 * MINUTE)
    assert not found(house)
    assert sorted({house.state(one) for one in ids}) == ["deferred", "sent"]
    for _ in range(24 * 6):
        house.send(LATER, Stage.RCPT)
        house.clock.advance(HOUR)
    assert sorted({house.state(one) for one in ids}) == ["expired", "sent"]


def test_trouble_of_one_site_holds_up_no_other(house: House) -> None:
    """In `other` a finding is one site's: mail for a site that is merely down expires as ever."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    batch = [letter("news@broken.example", one) for one in ("a@strict.example", "b@down.example")]
    strict, down = (one for row in house.engine.submit(batch) for one in row)
    house.resolve()
    for _ in range(14 * 24):
        going = house.begin(house.release())
        house.settle([grant for grant in going if grant.id == strict], SPF)
        house.settle([grant for grant in going if grant.id == down], LATER, Stage.RCPT)
        house.clock.advance(HOUR)
    assert (house.state(strict), house.state(down)) == ("deferred", "expired")


def test_mail_that_was_leased_before_a_silence_is_given_back(house: House) -> None:
    """What a worker holds for a connection does not go out once the provider asked for silence."""
    house.engine.roll()
    house.clock.advance(12 * HOUR)
    house.submit(*(f"user{number}@gmail.com" for number in range(9)))
    leased = house.release(limit=3)
    assert len(leased) > 1
    first = house.begin(leased[:1])
    house.settle(first, TOO_MUCH, Stage.MAIL)
    assert not house.begin(leased[1:])
    assert [house.state(grant.id) for grant in leased[1:]] == ["queued"] * (len(leased) - 1)


def test_reports_and_old_findings_are_forgotten(house: House) -> None:
    """Names of reports go after three months and findings that are over after a year; counts stay."""
    house.engine.roll()
    house.engine.ingest(
        [Report(id="x", kind=ReportKind.COMPLAINT, occurred_at=house.clock.now(), lane=GOOGLE)]
    )
    house.clock.advance(sweep.HISTORY_KEPT + DAY)
    house.engine.sweep()
    count = sa.text("SELECT count(*) FROM reports")
    assert house.database.read(lambda c: c.execute(count).scalar_one()) == 0
