"""Logs of Postfix and Exim as demand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.demand import EximReader, History, PostfixReader
from warmup.demand.maillog import LINE_MAX, LogReader
from warmup.errors import PlanError, WarmupError
from warmup.providers import Directory

DATA = Path(__file__).parent / "data"
DIRECTORY = Directory.default()
TODAY = date(2026, 11, 24)


def postfix(zone: str = "Europe/Berlin", **words: object) -> PostfixReader:
    return PostfixReader(DIRECTORY, zone, today=TODAY, **words)  # type: ignore[arg-type]


def exim(zone: str = "Europe/Berlin") -> EximReader:
    return EximReader(DIRECTORY, zone, today=TODAY)


def lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").splitlines()


def by_day(history: History) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (_, day, provider), number in history.counts.items():
        found.setdefault(str(day), {})[provider] = number
    return found


def delivery(stamp: str, queue_id: str, to: str, relay: str = "none", status: str = "deferred") -> str:
    return (
        f"{stamp} mx1 postfix/smtp[4106]: {queue_id}: to=<{to}>, relay={relay}, delay=1.1, "
        f"delays=0.04/0.01/0.31/0.74, dsn=2.0.0, status={status} (what the host said)"
    )


def test_postfix_counts_first_attempts_by_the_host_that_answered() -> None:
    """Each recipient counts once, on the day of its first attempt, for the provider whose server answered."""
    reader = postfix()
    reader.feed(lines("postfix.log"))
    history = reader.history()
    assert by_day(history) == {
        # anna and boss (a Google Workspace domain) at Google, the greylisted carl, and dora, who was
        # tried a minute before midnight and reached after it
        "2026-11-23": {"google": 2, "other": 1, "yahoo": 1},
        "2026-11-24": {"other": 1, "gmx": 1},
    }
    assert history.report.outcomes == {"sent": 3, "deferred": 2, "bounced": 1}
    assert history.report.skipped == {
        "lines about something else than a delivery": 9,
        "later attempts of what was counted": 2,
        "address probes": 1,
        "handed to a filter on the machine itself": 1,
    }
    assert history.hours[date(2026, 11, 23)][9] == 3


def test_exim_counts_deliveries_over_smtp_only() -> None:
    """Further recipients, bounces and deferrals count; local, LMTP and unrouted lines do not."""
    reader = exim()
    reader.feed(lines("exim-mainlog.log"))
    history = reader.history()
    assert by_day(history) == {
        "2026-11-23": {"google": 2, "other": 1},
        "2026-11-24": {"yahoo": 1, "other": 1, "microsoft_consumer": 2},
    }
    assert history.report.outcomes == {"delivered": 5, "deferred": 1, "failed": 1}
    assert history.report.skipped["local deliveries"] == 2
    assert history.report.skipped["addresses that were not routed"] == 1


def test_a_later_attempt_that_reached_a_host_tells_the_provider() -> None:
    """Where the first attempt reached nobody, the provider is that of the host that answered later."""
    reader = postfix()
    reader.feed([delivery("2026-11-23T10:00:00Z", "AAAAA1", "boss@shop.example")])
    assert reader.history().providers == {"other": 1}
    relay = "aspmx.l.google.com[142.250.102.26]:25"
    reader.feed([delivery("2026-11-25T10:00:00Z", "AAAAA1", "boss@shop.example", relay, "sent")])
    assert by_day(reader.history()) == {"2026-11-23": {"google": 1}}


def test_what_the_other_side_said_is_not_taken_for_exims_word() -> None:
    """A host's answer that looks like the fields of a log line changes nothing."""
    reader = exim()
    start = "2026-11-24 11:00:02 1tF5Ju-000A1e-30 => paul@firm.example R=local T=mail_spool"
    reader.feed([f'{start} C="250 OK H=gmail-smtp-in.l.google.com [142.250.102.27]"'])
    assert reader.history().report.skipped == {"local deliveries": 1}


def test_times_with_an_offset_are_put_into_the_zone_of_the_plan() -> None:
    """Whatever offset a line names, its day and hour are the plan's; an hour that comes twice holds both."""
    reader = postfix()
    reader.feed(lines("postfix-rfc3339.log"))
    history = reader.history()
    assert by_day(history) == {
        "2026-10-25": {"google": 3, "microsoft_consumer": 1, "gmx": 1},
        "2026-10-26": {"t_online": 1},
    }
    assert history.hours[date(2026, 10, 25)][2] == 2
    assert history.hours[date(2026, 10, 26)][0] == 1


def test_times_without_an_offset_are_those_of_the_host() -> None:
    """Where the host keeps another zone than the plan, saying so moves its lines to the plan's days."""
    line = delivery("Nov 23 23:30:00", "AAAAA1", "a@gmail.com")
    here, there = postfix(), postfix(written="America/New_York")
    here.feed([line])
    there.feed([line])
    assert [*here.history().daily] == [date(2026, 11, 23)]
    assert [*there.history().daily] == [date(2026, 11, 24)]
    assert there.history().hours[date(2026, 11, 24)][5] == 1


@pytest.mark.parametrize(
    ("stamp", "today", "day"),
    [
        ("Nov 24 10:00:00", "2026-11-24", "2026-11-24"),
        ("Nov 25 10:00:00", "2026-11-24", "2026-11-25"),  # a clock a little ahead, or a zone
        ("Nov 26 10:00:00", "2026-11-24", "2025-11-26"),
        ("Dec 31 10:00:00", "2027-01-01", "2026-12-31"),
        ("Jan  1 00:10:00", "2026-12-31", "2027-01-01"),
        ("Feb 29 10:00:00", "2026-11-24", "2024-02-29"),
        ("2025 Mar  2 10:00:00", "2026-11-24", "2025-03-02"),
        ("Mar  2 2025 10:00:00", "2026-11-24", "2025-03-02"),
    ],
)
def test_a_line_without_a_year_is_the_latest_that_can_be(stamp: str, today: str, day: str) -> None:
    """The year of an old syslog line is inferred from the day after which there can be none."""
    reader = PostfixReader(DIRECTORY, "UTC", today=date.fromisoformat(today))
    reader.feed([delivery(stamp, "AAAAA1", "a@gmail.com")])
    assert [str(found) for found in reader.history().daily] == [day]


def test_what_cannot_be_read_is_named_with_line_and_mend() -> None:
    """A delivery without a time, or to no domain, is reported with its line, its field and a mend."""
    reader = PostfixReader(DIRECTORY, "UTC", name="mail.log")
    reader.feed(
        [
            delivery("2026-11-24T10:00:00Z", "AAAAA1", "a@gmail.com"),
            delivery("Nov 24 10:00:00", "AAAAA2", "a@gmail.com"),
            delivery("yesterday", "AAAAA3", "a@gmail.com"),
            delivery("2026-11-31T10:00:00Z", "AAAAA4", "a@gmail.com"),
            delivery("2026-11-24T10:00:00Z", "AAAAA5", "nobody"),
            delivery("2026-11-24T10:00:00Z", "AAAAA6", "x" * LINE_MAX),
        ]
    )
    report = reader.history().report
    assert [problem.place for problem in report.problems] == [f"mail.log:{n}" for n in (2, 3, 4, 5)]
    assert "in which year" in report.problems[0].mend
    assert all(problem.field and problem.mend for problem in report.problems)
    assert report.skipped == {f"lines longer than {LINE_MAX:,} characters": 1}
    with pytest.raises(WarmupError, match=r"mail\.log:2"):
        report.settle()


def test_only_so_many_mistakes_are_kept() -> None:
    """A log full of mistakes lists the first twenty and counts the rest."""
    reader = PostfixReader(DIRECTORY, "UTC")
    reader.feed(delivery("yesterday", f"AAAAA{n}", "a@gmail.com") for n in range(500))
    report = reader.history().report
    assert (report.mistakes, len(report.problems)) == (500, 20)
    with pytest.raises(WarmupError, match="480 more lines"):
        report.settle(999)


def test_memory_is_bounded_and_says_so() -> None:
    """With more recipients under way than are kept, the oldest are forgotten, counted anew, and reported."""
    log = [delivery("2026-11-23T10:00:00Z", f"AAAA{n}", "a@gmail.com") for n in range(10, 20)]
    reader = postfix(waiting_max=4, done_max=2)
    reader.feed(log + log)
    history = reader.history()
    assert history.total == 20
    assert history.report.forgotten == 16
    assert any("forgotten" in sentence for sentence in history.report.sentences())


def test_a_log_given_twice_counts_once() -> None:
    """The same lines again add nothing."""
    reader = postfix()
    reader.feed(lines("postfix.log"))
    once = reader.history()
    reader.feed(lines("postfix.log"))
    assert reader.history().counts == once.counts
    assert reader.history().hours == once.hours


def test_an_unknown_zone_is_refused_at_once() -> None:
    """A reader for a zone that does not exist is not made."""
    with pytest.raises(PlanError, match="Europe/Berlim"):
        PostfixReader(DIRECTORY, "Europe/Berlim")


ADDRESSES = ("a@gmail.com", "b@yahoo.com", "c@firm.example", "d@web.de")
RELAYS = ("none", "mail.firm.example[192.0.2.25]:25")


@st.composite
def logs(draw: st.DrawFn) -> list[str]:
    """Deliveries of some messages, each deferred some times and then done, in the order of time."""
    written = []
    for number in range(draw(st.integers(0, 12))):
        to = draw(st.sampled_from(ADDRESSES))
        minute = draw(st.integers(0, 6_000))
        attempts = draw(st.integers(1, 3))
        for attempt in range(attempts):
            when = datetime(2026, 11, 1) + timedelta(minutes=minute + 400 * attempt)
            status = "sent" if attempt == attempts - 1 else "deferred"
            relay = draw(st.sampled_from(RELAYS))
            stamp = when.strftime("%Y-%m-%dT%H:%M:%S+00:00")
            written.append((when, delivery(stamp, f"4YxK{number:04}", to, relay, status)))
    return [line for _, line in sorted(written)]


def whole(log: list[str]) -> History:
    reader = postfix()
    reader.feed(log)
    return reader.history()


@given(log=logs())
def test_every_line_is_accounted_for(log: list[str]) -> None:
    """Demand is the number of distinct recipients; every line is counted, left out or reported."""
    history = whole(log)
    pairs = {(line.split(": ")[1], line.split("to=")[1].split(",")[0]) for line in log}
    report = history.report
    assert history.total == report.counted == len(pairs)
    assert report.lines == report.counted + sum(report.skipped.values()) + report.mistakes == len(log)
    assert sum(map(sum, history.hours.values())) == history.total
    assert sum(report.outcomes.values()) == history.total


@given(log=logs(), seed=st.integers(0, 1_000), cut=st.integers(0, 40))
def test_order_and_pieces_do_not_matter(log: list[str], seed: int, cut: int) -> None:
    """A log read in pieces, in whichever order, gives the counts of the log read whole."""
    straight = whole(log)
    mixed = log[:]
    random.Random(seed).shuffle(mixed)
    reader = postfix()
    for piece in (mixed[cut:], mixed[:cut]):
        reader.feed(piece)
    found = reader.history()
    assert found.counts == straight.counts
    assert found.hours == straight.hours


@given(log=logs(), cut=st.integers(0, 40))
def test_histories_of_pieces_add_up(log: list[str], cut: int) -> None:
    """Where no message lies on both sides of the cut, the sum of two histories is the whole one."""
    ids = [line.split(": ")[1] for line in log]
    first = [line for line, key in zip(log, ids, strict=True) if key in {*ids[:cut]}]
    second = [line for line, key in zip(log, ids, strict=True) if key not in {*ids[:cut]}]
    added = whole(first) + whole(second)
    straight = whole(log)
    assert added.counts == straight.counts
    assert added.hours == straight.hours
    assert Counter(added.report.skipped) == Counter(straight.report.skipped)
    assert added.report.lines == straight.report.lines


@given(
    junk=st.lists(
        st.text(max_size=60)
        | st.builds(
            delivery,
            st.sampled_from(["Nov 31 10:00:00", "9999-12-31T23:59:59-23:59", "2026-11-24T10:00:00Z", "<1>"]),
            st.text("abcXYZ0129 :", max_size=8),
            st.text(max_size=12),
            st.text(max_size=12),
            st.text("abcdefg", max_size=8),
        )
        | st.text(max_size=20).map(
            lambda text: f"2026-11-24 10:00:00 1tF5Jq-000A1b-2X => {text} T=remote_smtp H="
        )
        | st.text(max_size=20).map(
            lambda text: f"2026-11-24 10:00:00 1tF5Jq-000A1b-2X == a@{text} T=smtp H={text} ["
        )
    )
)
@settings(max_examples=80)
def test_no_line_breaks_a_reader(junk: list[str]) -> None:
    """Whatever stands in a log, reading it ends with a history and a book that balances."""
    readers: tuple[LogReader, ...] = (postfix(), exim())
    for reader in readers:
        reader.feed(junk)
        report = reader.history().report
        assert report.lines == report.counted + sum(report.skipped.values()) + report.mistakes == len(junk)


def test_a_hostile_line_takes_no_long_time() -> None:
    """Lines made to lead the patterns astray are read in a time that grows with their length."""
    bad = [
        "/smtp[1]: ABCDE: to=<x>, relay=x, " * 400,
        "x/smtp[1]: ABCDE: to=<" + "<" * 15_000,
        "2026-11-24 10:00:00 1tF5Jq-000A1b-2X => a@b.example T=smtp" + " H=x (" * 2_500,
        "2026-11-24 10:00:00 1tF5Jq-000A1b-2X => " + '"' * 15_000,
    ] * 50
    for reader in (postfix(), exim()):
        reader.feed(bad)
        assert reader.history().total <= 1
