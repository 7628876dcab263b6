"""CSV files of past sends as demand."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.demand import History, SendsReader, read_mx
from warmup.errors import DataError, WarmupError
from warmup.providers import Directory

DATA = Path(__file__).parent / "data"
DIRECTORY = Directory.default()


def read(*lines: str, zone: str = "UTC", **words: object) -> History:
    reader = SendsReader(DIRECTORY, zone, name="sends.csv", **words)  # type: ignore[arg-type]
    reader.feed(lines)
    return reader.history()


def test_a_spreadsheet_export_is_read_as_it_is() -> None:
    """A byte order mark, semicolons, quotes, CRLF, columns in any order and unknown ones are no trouble."""
    text = (DATA / "sends.csv").read_bytes().decode("utf-8")
    history = read(*text.split("\n"), zone="Europe/Berlin")
    assert history.counts == {
        ("bulk", date(2026, 3, 2), "google"): 1200,
        ("bulk", date(2026, 3, 2), "gmx"): 300,
        ("mail", date(2026, 3, 3), "microsoft_consumer"): 1,
        ("transactional", date(2026, 3, 4), "other"): 2,  # half past eleven in New York
    }
    history.report.settle()
    demand = history.demand()
    assert (demand.start, demand.days) == (date(2026, 3, 2), 3)
    assert {stream.name: sum(map(sum, stream.arrivals.values())) for stream in demand.streams} == {
        "bulk": 1500,
        "mail": 1,
        "transactional": 2,
    }


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_the_divider_is_found(divider: str) -> None:
    """Comma, semicolon and tab divide alike."""
    history = read(divider.join(("date", "domain", "count")), divider.join(("2026-03-04", "gmail.com", "7")))
    assert history.providers == {"google": 7}


def test_a_row_without_a_column_for_counts_is_one_message() -> None:
    """Where there is no count, each row counts once."""
    assert read("date,recipient", "2026-03-04,a@gmail.com", "2026-03-04,b@gmail.com").total == 2


def test_mx_names_that_were_looked_up_say_more_than_the_domain() -> None:
    """With a file of MX names a company's own domain is known for its provider's."""
    mx = read_mx((DATA / "mx.txt").read_text().splitlines())
    rows = ("date,domain", "2026-03-04,firm.example", "2026-03-04,shop.example")
    assert read(*rows).providers == {"other": 2}
    assert read(*rows, mx=mx).providers == {"google": 1, "other": 1}


@pytest.mark.parametrize(
    ("row", "field", "mend"),
    [
        ("03/04/2026,gmail.com,1", "date", "2026-04-03 or 2026-03-04"),
        ("3.4.26,gmail.com,1", "date", "2026-04-03 or 2026-03-04"),
        ("1767225600,gmail.com,1", "date", "2026-12-01"),
        ("2026-02-30,gmail.com,1", "date", "2026-12-01"),
        (",gmail.com,1", "date", "2026-12-01"),
        ("9999-01-01,gmail.com,1", "date", "2026-12-01"),
        ("2026-03-04,not a domain,1", "domain", "example.com"),
        ("2026-03-04,anna@gmail.com,1", "domain", "example.com"),
        ("2026-03-04,,1", "recipient", "name a recipient"),
        ("2026-03-04,gmail.com,-1", "count", "whole number"),
        ("2026-03-04,gmail.com,1.5", "count", "whole number"),
        ('2026-03-04,gmail.com,"1,200"', "count", "1200"),
        ("2026-03-04,gmail.com,", "count", "0 where nothing"),
        ("2026-03-04,gmail.com,99999999999", "count", "whole number"),
    ],
)
def test_a_wrong_row_is_named_with_its_line_and_a_mend(row: str, field: str, mend: str) -> None:
    """A row that cannot be right is not guessed at: line, field and mend are said, and nothing is counted."""
    history = read("date,domain,count", "2026-03-04,gmail.com,1", row)
    (problem,) = history.report.problems
    assert (problem.place, problem.field) == ("sends.csv:3", field)
    assert mend in problem.mend
    assert history.total == 1
    with pytest.raises(DataError):
        history.report.settle()


def test_an_unknown_provider_is_answered_with_the_nearest() -> None:
    """A misspelt provider is a mistake; common names for one are not."""
    history = read("date,provider", "2026-03-04,gogle", "2026-03-04,Hotmail", "2026-03-04,other")
    assert "google" in history.report.problems[0].mend
    assert history.providers == {"microsoft_consumer": 1, "other": 1}


@pytest.mark.parametrize(
    ("heading", "wrong"),
    [
        ("domain,count", "date: there is no such column"),
        ("date,count", "recipient: there is no such column"),
        ("daet,domain", "did you mean"),
        ("date,day,domain", "second column with the date"),
        ("2026-03-04,gmail.com", "date: there is no such column"),
    ],
)
def test_a_heading_that_lacks_something_is_refused(heading: str, wrong: str) -> None:
    """Without a date, or without anybody to whom mail went, a file is refused; so is an ambiguous heading."""
    with pytest.raises(DataError, match=wrong):
        read(heading, "2026-03-04,gmail.com,1")


def test_a_quote_that_never_ends_is_refused() -> None:
    """A file that is no CSV is refused with the line on which that shows."""
    with pytest.raises(DataError, match=r"sends\.csv:\d+: is no CSV"):
        read("date,domain", '2026-03-04,"gmail.com', *["2026-03-04,gmail.com"] * 10_000)


def test_two_dates_ten_years_apart_are_no_demand() -> None:
    """A mistyped year does not make a demand of a thousand years."""
    history = read("date,domain", "2026-03-04,gmail.com", "2206-03-04,gmail.com")
    with pytest.raises(DataError, match="mistyped"):
        history.demand()


def test_there_may_be_only_so_many_days_and_streams() -> None:
    """Files that would fill the memory with days or streams are stopped, with a reason."""
    rows = [f"{1970 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02},gmail.com,s{n}" for n in range(9_000)]
    report = read("date,domain,stream", *rows).report
    assert report.mistakes == 9_000 - 50
    report = read("date,domain,other", *rows).report
    assert report.mistakes == 9_000 - 7_320


rows = st.lists(
    st.builds(
        lambda day, domain, count, stream: (
            f"2026-{day // 28 + 1:02}-{day % 28 + 1:02},{domain},{count},{stream}"
        ),
        st.integers(0, 60),
        st.sampled_from(["gmail.com", "yahoo.com", "firm.example"]),
        st.integers(0, 10**6),
        st.sampled_from(["", "bulk"]),
    ),
    max_size=30,
)
HEAD = "date,domain,count,stream"


@given(rows=rows, seed=st.integers(0, 1_000), cut=st.integers(0, 30))
def test_counts_are_kept_whatever_the_order_and_the_pieces(rows: list[str], seed: int, cut: int) -> None:
    """The sum of the demand is the sum of the counts, however the rows are shuffled or divided."""
    whole = read(HEAD, *rows)
    mixed = rows[:]
    random.Random(seed).shuffle(mixed)
    assert read(HEAD, *mixed).counts == whole.counts
    assert (read(HEAD, *rows[:cut]) + read(HEAD, *rows[cut:])).counts == whole.counts
    total = sum(int(row.split(",")[2]) for row in rows)
    assert whole.total == total
    if total:
        demand = whole.demand()
        assert sum(sum(row) for stream in demand.streams for row in stream.arrivals.values()) == total


@given(lines=st.lists(st.text(max_size=40), max_size=8), head=st.sampled_from(["", HEAD, "date\trecipient"]))
def test_no_file_raises_anything_else(lines: list[str], head: str) -> None:
    """Whatever the file holds, it is read or refused, never met with a traceback."""
    try:
        history = read(*([head] if head else []), *lines)
        assert history.report.lines == history.report.counted + history.report.mistakes
    except WarmupError as error:
        assert error.problems
