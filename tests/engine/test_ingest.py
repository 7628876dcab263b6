"""What others report of mail: counted once, where it belongs."""

from __future__ import annotations

import pytest
from engine_house import START, House

from warmup.errors import UsageError
from warmup.model import LaneKey, Report, ReportKind, Taken
from warmup.timing import DAY, HOUR

GOOGLE = LaneKey("127.0.0.2", "google")


def counts(house: House, date: str) -> dict[str, int]:
    """The evidence of the Google lane on a day."""
    days = [day for day in house.engine.days() if day.lane == GOOGLE]
    return next(day.evidence for day in days if day.ledger.window.date.isoformat() == date)


def report(id: str, kind: ReportKind = ReportKind.COMPLAINT, **words: object) -> Report:
    return Report(id=id, kind=kind, **{"occurred_at": START, **words})  # type: ignore[arg-type]


def test_a_late_complaint_counts_where_its_mail_was_accepted(house: House) -> None:
    """A complaint that comes three days later speaks of the day on which the message was taken."""
    house.engine.roll()
    house.clock.advance(12 * HOUR)
    (sent,) = house.submit("user@gmail.com")
    house.send()
    house.clock.advance(3 * DAY)
    house.engine.roll()
    assert house.engine.ingest([report("arf-1", delivery=sent)]) == [Taken.COUNTED]
    assert counts(house, "2026-12-01")["complained"] == 1
    assert "complained" not in counts(house, "2026-12-04")


def test_what_is_reported_twice_counts_once(house: House) -> None:
    """The same event from two feeds, or a mailbox that was read twice, is one event."""
    house.engine.roll()
    once = report("day-1", lane=GOOGLE, count=3, occurred_at=START + HOUR)
    assert house.engine.ingest([once, once]) == [Taken.COUNTED, Taken.KNOWN]
    assert house.engine.ingest([once]) == [Taken.KNOWN]
    assert counts(house, "2026-12-01")["complained"] == 3


def test_a_complaint_is_taken_back_under_its_own_name(house: House) -> None:
    """A provider that sends *not spam* with the name of the complaint takes that one back, once."""
    house.engine.roll()
    complaint = report("arf-7", lane=GOOGLE, occurred_at=START + HOUR)
    back = report("arf-7", ReportKind.NOT_SPAM, lane=GOOGLE, occurred_at=START + HOUR)
    taken = house.engine.ingest([complaint, back, back])
    assert taken == [Taken.COUNTED, Taken.COUNTED, Taken.KNOWN]
    assert (counts(house, "2026-12-01")["complained"], counts(house, "2026-12-01")["not_spam"]) == (1, 1)


def test_late_news_of_the_days_before_a_setback_acts_once(house: House) -> None:
    """What nobody knew when the lane stepped back is acted on when it comes, and not a second time."""
    for day in range(3):
        house.engine.roll()
        house.submit(*(f"u{number}@gmail.com" for number in range(25)))
        house.until(START + (day + 1) * DAY)
        house.engine.roll()

    def level() -> int:
        lane = next(one.lane for one in house.engine.lanes() if one.lane.key == GOOGLE)
        return lane.cap_limit or 1_000

    before = level()
    house.engine.ingest([report("dsn-1", ReportKind.BOUNCE, lane=GOOGLE, count=20, occurred_at=START + HOUR)])
    first = level()
    assert first < before
    house.clock.advance(DAY)
    house.engine.roll()
    house.engine.ingest([report("seen-1", ReportKind.INBOX, lane=GOOGLE, occurred_at=START + HOUR)])
    assert level() == first
    house.engine.ingest(
        [report("dsn-2", ReportKind.BOUNCE, lane=GOOGLE, count=20, occurred_at=START + 2 * HOUR)]
    )
    assert level() < first


def test_a_report_about_nobody_is_said_to_be_so(house: House) -> None:
    """What speaks of an unknown delivery, an unknown lane or a time before the first day counts nowhere."""
    house.engine.roll()
    nowhere = [
        report("1", delivery=999),
        report("2", lane=LaneKey("192.0.2.1", "google")),
        report("3", lane=GOOGLE, occurred_at=START - DAY),
    ]
    assert house.engine.ingest(nowhere) == [Taken.NOBODYS] * 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"lane": GOOGLE, "count": 0}, "out of range"),
        ({}, "about nobody"),
        ({"lane": GOOGLE, "delivery": 1}, "about nobody"),
    ],
)
def test_a_report_that_cannot_be_counted_is_refused(
    house: House, words: dict[str, object], says: str
) -> None:
    """A report without a subject, or with a count that makes no sense, changes nothing."""
    house.engine.roll()
    with pytest.raises(UsageError, match=says):
        house.engine.ingest([report("x", lane=GOOGLE), report("y", **words)])
    assert "complained" not in counts(house, "2026-12-01")
