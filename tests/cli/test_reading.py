"""Files, standard input and descriptions as what a plan is made from."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmup.cli.lines import LINE_BYTES_MAX, lines_of
from warmup.cli.reading import (
    Inputs,
    read_demand,
    read_history,
    read_mix,
    read_mx_file,
    read_pattern,
    read_weekdays,
)
from warmup.errors import DataError, PlanError, WarmupError
from warmup.plan import parse_mix

TODAY = date(2026, 11, 24)
MIX = parse_mix("google=0.5,other=0.5")


def inputs(**words: object) -> Inputs:
    return Inputs(today=TODAY, **words)  # type: ignore[arg-type]


def log(days: int, a_day: int = 24, *, last: date = date(2026, 11, 23)) -> str:
    """A Postfix log with so many deliveries in each hour of so many days."""
    lines = []
    begin = datetime(last.year, last.month, last.day) - timedelta(days=days - 1)
    for number in range(days * a_day):
        when = begin + timedelta(days=number // a_day, hours=number % a_day % 24)
        stamp = f"{when:%b} {when.day:2d} {when:%H:%M:%S}"
        lines.append(
            f"{stamp} mx1 postfix/smtp[7]: 4YxK{number:06}: to=<u{number}@gmail.com>, relay=none, "
            "delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connection timed out)"
        )
    return "\n".join(lines) + "\n"


def total(read: object) -> list[int]:
    rows = read.demand.by_provider()  # type: ignore[attr-defined]
    return [sum(each) for each in zip(*rows.values(), strict=True)]


def test_a_description_is_a_demand(tmp_path: Path) -> None:
    """What is no file's name is read as a description; a file may hold one too, with comments."""
    here = read_demand("200 a day on weekdays", inputs(), start=TODAY, days=7, mix=MIX)
    file = tmp_path / "forecast.txt"
    file.write_text("# our forecast\n200 a day on weekdays\n")
    there = read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX)
    assert total(here) == total(there) == [200, 200, 200, 200, 0, 0, 200]
    assert here.kind == there.kind == "text"


def test_a_stroke_before_day_makes_no_file_name() -> None:
    """*2,000/day* is a description, and a path with digits in it is none."""
    read = read_demand("2,000/day", inputs(), start=TODAY, days=7, mix=MIX)
    assert total(read) == [2_000] * 7
    for name in ("500/days.csv", "2026/daily"):
        with pytest.raises(DataError, match="there is no such file"):
            read_demand(name, inputs(), start=TODAY, days=7, mix=MIX)


def test_line_ends_of_old_macintoshes_are_named(tmp_path: Path) -> None:
    """A spreadsheet's *CSV (Macintosh)* is refused with what to save it as."""
    file = tmp_path / "sends.csv"
    file.write_bytes(b"date,domain,count\r2026-11-01,gmail.com,10\r2026-11-02,gmail.com,10\r")
    with pytest.raises(DataError, match="carriage returns alone"):
        read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX)


def test_past_sends_become_a_forecast(tmp_path: Path) -> None:
    """A CSV file that ends before the plan is continued: by weekday, and with growth where that is said."""
    file = tmp_path / "sends.csv"
    days = [date(2026, 9, 28) + timedelta(days=n) for n in range(57)]
    file.write_text("date,domain,count\n" + "".join(f"{d},gmail.com,{100 + d.weekday()}\n" for d in days))
    start = date(2026, 12, 1)
    read = read_demand(str(file), inputs(), start=start, days=7, mix=MIX)
    assert total(read) == [101, 102, 103, 104, 105, 106, 100]
    assert read.notes == (
        "forecast from what was sent from 2026-09-28 to 2026-11-23: the median of 8 weeks",
        "57 of 57 lines count",
    )
    grown = read_demand(str(file), inputs(), start=start, days=7, mix=MIX, growth="50%/week")
    assert total(grown)[0] == round(101 * (1 + 0.5 * 8 / 7))


def test_a_schedule_of_the_future_is_taken_as_it_stands(tmp_path: Path) -> None:
    """A CSV file with figures later than today is what will be, unless a forecast is asked for."""
    file = tmp_path / "campaigns.csv"
    file.write_text(
        "date,provider,count\n2026-11-20,google,5\n2026-12-01,google,900\n2026-12-24,yahoo,70000\n"
    )
    read = read_demand(str(file), inputs(), start=date(2026, 12, 1), days=30, mix=MIX)
    assert total(read) == [900, *[0] * 22, 70000, *[0] * 6]
    with pytest.raises(DataError, match="whole"):
        read_demand(str(file), inputs(), start=date(2026, 12, 1), days=30, mix=MIX, use="forecast")
    with pytest.raises(DataError, match="nothing before"):
        read_demand(str(file), inputs(), start=date(2026, 11, 1), days=30, mix=MIX, use="forecast")


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("", bytes),
    (".gz", gzip.compress),
    (".gz", lambda octets: gzip.compress(octets[:5_000]) + gzip.compress(octets[5_000:])),
    (".bz2", bz2.compress),
    (".xz", lzma.compress),
]


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_packed_logs_are_read_as_they_are(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    """gzip, bzip2 and xz are recognised by what they hold, not by their names."""
    for name in (f"mail.log{suffix}", "no-suffix-at-all"):
        file = tmp_path / name
        file.write_bytes(pack(log(16).encode()))
        history = read_history(str(file), inputs())
        assert history.total == 16 * 24
        assert max(history.daily) == date(2026, 11, 23)


def test_rotated_logs_are_one_log(tmp_path: Path) -> None:
    """One name for several files: a message on both sides of a rotation counts once, years are right."""
    lines = log(16).splitlines(keepends=True)
    (tmp_path / "mail.log.1").write_text("".join(lines[:200]))
    (tmp_path / "mail.log").write_text("".join(lines[200:]) + lines[199])
    old = tmp_path / "mail.log.2.gz"
    old.write_bytes(gzip.compress(log(16, last=date(2024, 12, 20)).replace("4YxK", "4YwA").encode()))
    os.utime(old, (1_735_000_000, 1_735_000_000))  # 24 December 2024
    history = read_history(str(tmp_path / "mail.log*"), inputs())
    assert history.total == 2 * 16 * 24
    assert min(history.daily).year == 2024
    (tmp_path / "mail.log.csv").write_text("date,domain\n2026-11-11,gmail.com\n")
    with pytest.raises(DataError, match="one kind of file at a time"):
        read_history(str(tmp_path / "mail.log*"), inputs())


def test_mix_pattern_and_weekdays_come_from_one_reading() -> None:
    """Standard input is read once and serves demand, mix, pattern and weekdays."""
    once = inputs(stdin=io.BytesIO(log(30).encode()))
    assert read_mix("from:-", once).measured.mix.name == "google=1"
    assert set(read_pattern("from:-", once).pattern.weights) == {41, 42}
    assert set(read_weekdays("-", once).weights) == {1}
    read = read_demand("postfix:-", inputs(stdin=io.BytesIO(log(30).encode())), start=TODAY, days=3, mix=MIX)
    assert total(read) == [24, 24, 24]


def test_a_list_gives_a_mix_and_nothing_else(tmp_path: Path) -> None:
    """A list of recipients has no dates: it serves as a mix, and says so where more is asked."""
    file = tmp_path / "list.txt"
    file.write_text("a@gmail.com\nb@firm.example\n" * 20)
    mx = tmp_path / "mx.txt"
    mx.write_text("firm.example mx1.mail.yahoodns.net.\n")
    assert read_mix(str(file), inputs()).measured.mix.name == "google=0.5,other=0.5"
    informed = inputs(mx=read_mx_file(str(mx)))
    assert read_mix(str(file), informed).measured.mix.name == "google=0.5,yahoo=0.5"
    for read in (read_pattern, read_weekdays, read_history):
        with pytest.raises(DataError, match="list of recipients"):
            read(str(file), inputs())
    with pytest.raises(DataError, match="list of recipients"):
        read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX)


def test_a_few_bad_addresses_among_many_are_tolerated(tmp_path: Path) -> None:
    """One line in a hundred of a list may be junk and is reported; in a table of counts no row may."""
    file = tmp_path / "list.txt"
    file.write_text("a@gmail.com\n" * 200 + "junk\n")
    assert any("not understood" in note for note in read_mix(str(file), inputs()).notes)
    file.write_text("a@gmail.com\n" * 50 + "junk\n")
    with pytest.raises(DataError, match=r"list\.txt:51"):
        read_mix(str(file), inputs())
    file.write_text("date,domain,count\n" + "2026-11-01,gmail.com,5\n" * 5_000 + "1.11.2026,gmail.com,5\n")
    with pytest.raises(DataError, match=r"list\.txt:5002: date"):
        read_history(str(file), inputs())


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"hello\nworld\n", "of no kind"),
        (b"\x7fELF\x00\x00\x00", "is no text"),
        ("date,domain\n".encode("utf-16"), "UTF-16"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "zstd"),
        (gzip.compress(b"date,domain\n" * 500)[:-20], "damaged|ended"),
        (gzip.compress(b"date,domain\n" * 500)[:12] + b"garbage" * 9, "damaged"),
        (bz2.compress(b"date,domain\n" * 500)[:-20], "damaged|ended|cannot be read|no past|holds"),
        (lzma.compress(b"date,domain\n" * 500)[:-20], "damaged"),
        (b"x" * (LINE_BYTES_MAX + 3_000_000), "has a line of more than"),
        (b"2026-11-23 10:00:00 exim 4.96 daemon started: pid=812\n" * 20, "no mail that was sent"),
    ],
    # A packed file holds the time at which it was packed: named by it, the tests would differ by the second.
    ids=[
        "empty",
        "blank",
        "words",
        "elf",
        "utf-16",
        "zstd",
        "cut.gz",
        "broken.gz",
        "cut.bz2",
        "cut.xz",
        "long-line",
        "no-mail",
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    """Empty, damaged, binary and unknown files are refused by name, with a mend."""
    file = tmp_path / "odd"
    file.write_bytes(content)
    with pytest.raises(DataError, match=wrong) as caught:
        read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX)
    assert "odd" in str(caught.value)
    assert caught.value.exit_code == 65


def test_a_packed_file_does_not_go_on_for_ever() -> None:
    """What a small packed file unpacks to is bounded."""
    bomb = gzip.compress(b"2026-11-11,gmail.com\n" * 500_000)
    with pytest.raises(DataError, match="longer than"):
        for _ in lines_of(io.BytesIO(bomb), "bomb.gz", bytes_max=1 << 20):
            pass


@pytest.mark.parametrize(
    ("spec", "error", "wrong"),
    [
        ("nowhere.csv", DataError, "no such file"),
        ("logs/mail.log*", DataError, "no such file"),
        ("from:nowhere", DataError, "no such file"),
        (".", DataError, "is a directory"),
        ("\0", DataError, "no such file"),
        ("", PlanError, "says nothing"),
        ("200 on tusdays", PlanError, "means nothing here"),
        ("text:peak", PlanError, "says no number"),
    ],
)
def test_a_spec_that_leads_nowhere_says_so(spec: str, error: type[WarmupError], wrong: str) -> None:
    """A name without a file, and a description with a mistake, are told apart and answered."""
    with pytest.raises(error, match=wrong) as caught:
        read_demand(spec, inputs(), start=TODAY, days=7, mix=MIX)
    assert all(problem.mend for problem in caught.value.problems)


def test_a_description_in_a_file_is_a_matter_of_the_file(tmp_path: Path) -> None:
    """A mistake in a file with a description names the file and exits as bad data does."""
    file = tmp_path / "plan.txt"
    file.write_text("200 a day, peak on 27 November\n")
    with pytest.raises(DataError, match=r"plan\.txt: demand: 'peak on 27 November': says no number"):
        read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX)


@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_leads_to_a_traceback(tmp_path: Path, content: bytes) -> None:
    """Whatever octets a file holds, it is read, or refused with a problem."""
    file = tmp_path / "any"
    file.write_bytes(content)
    for read in (
        lambda: read_demand(str(file), inputs(), start=TODAY, days=7, mix=MIX),
        lambda: read_mix(str(file), inputs()),
        lambda: read_demand(f"csv:{file}", inputs(), start=TODAY, days=7, mix=MIX),
    ):
        try:
            read()
        except WarmupError as error:
            assert error.problems


def test_a_refusal_says_which_file_and_what_it_was_for(tmp_path: Path) -> None:
    """Where several files are named, an error tells which one, and for which option it was read."""
    file = tmp_path / "sends.csv"
    file.write_text("date,domain\n2026-11-01,gmail.com\n")
    for read, option in ((read_pattern, "pattern"), (read_weekdays, "weekdays")):
        with pytest.raises(DataError) as caught:
            read(str(file), inputs())
        assert [(problem.place, problem.field) for problem in caught.value.problems] == [(str(file), option)]
    with pytest.raises(DataError, match="nowhere: mix: there is no such file"):
        read_mix("from:nowhere", inputs())
