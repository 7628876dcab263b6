"""Curves: formulas, vendors' tables, and files of your own."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.contracts import Curve
from warmup.errors import DataError, PlanError
from warmup.plan.curves import PUBLISHED, known_curves, parse_curve
from warmup.plan.formulas import STEP_MAX, Geometric, Logistic
from warmup.plan.tables import FILE_MAX_BYTES, ProviderTable

NAMES = ("ses", "geometric:start=50,growth=1.3", "linear:days=30", "logistic:days=45,steepness=6", *PUBLISHED)

growths = st.integers(10_001, 100_000).map(lambda n: Fraction(n, 10_000))
curves = st.one_of(
    st.sampled_from(NAMES).map(parse_curve),
    st.builds(Geometric, st.integers(1, 10**6), growths),
    st.builds(Logistic, st.integers(2, 400), st.integers(1, 200_000).map(lambda n: Fraction(n, 10_000))),
    st.integers(1, 400).map(lambda days: parse_curve(f"linear:days={days}")),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any).map(sorted).map(parse_curve),
)
shares = st.one_of(st.integers(0, 3_000), st.integers(0, 10**9))


@given(curve=curves, step=st.integers(1, 500), share=shares)
def test_caps_never_fall_and_never_leave_their_bounds(curve: Curve, step: int, share: int) -> None:
    """A curve's cap lies between 0 and the share, and the next step's is no lower; so its hours."""
    now, then = curve.cap(step, share), curve.cap(step + 1, share)
    assert 0 <= now <= then <= share
    limits = curve.hourly(step, share), curve.hourly(step + 1, share)
    if limits[0] is not None and limits[1] is not None:
        assert 0 <= limits[0] <= limits[1] <= share


@given(curve=curves, share=shares)
def test_steps_never_end(curve: Curve, share: int) -> None:
    """After ten years of steps a curve holds what it has reached."""
    assert curve.cap(STEP_MAX, share) == curve.cap(STEP_MAX + 1, share) == curve.cap(10**12, share)


@given(curve=curves)
def test_a_curve_reads_back_from_its_name(curve: Curve) -> None:
    """The short text form of a curve gives the curve again."""
    assert parse_curve(curve.name) == curve


def test_ses_is_the_straight_line_that_the_docs_state() -> None:
    """Day d of 45 is max(1, floor(share x d / 45)), and no share above 50,000 counts."""
    ses = parse_curve("ses")
    assert [ses.cap(day, 50_000) for day in (1, 2, 44, 45, 46)] == [1_111, 2_222, 48_888, 50_000, 50_000]
    assert [ses.cap(day, 10) for day in (1, 4, 5, 9, 45)] == [1, 1, 1, 2, 10]
    assert ses.cap(45, 80_000) == 50_000
    assert ses.cap(1, 0) == 0


def test_growth_is_exact() -> None:
    """1.3 is thirteen tenths: the cap is the floor of the exact power, on every machine."""
    curve = parse_curve("geometric:start=50,growth=1.3")
    assert [curve.cap(day, 10**6) for day in range(1, 8)] == [50, 65, 84, 109, 142, 185, 241]
    assert curve.cap(39, 10**9) == 50 * 13**38 // 10**38


def test_the_s_curve_is_the_same_on_every_machine() -> None:
    """These caps were computed once and stay; the two ends are symmetric and steep in the middle."""
    curve = parse_curve("logistic:days=45,steepness=6")
    caps = [curve.cap(day, 50_000) for day in range(1, 46)]
    assert caps[:3] + caps[21:24] + caps[-3:] == [37, 87, 151, 23_327, 26_672, 29_958, 49_912, 49_962, 50_000]


def test_published_tables_are_the_published_figures() -> None:
    """Vendors' tables are followed as published; their last figure holds after their end."""
    daily = {
        "sparkpost": "200 500 1000 2000 5000 10000 20000 40000 50000 75000 100000 150000 200000 250000 "
        "325000 400000 500000 600000 750000 1000000 1250000 1750000 2000000 3000000 4250000 5000000 6000000 "
        "7500000 10000000",
        "mailtrap": "300 390 510 660 860 1100 1400 1900 2400 3200 4100 5400 7000 9100 11800 15400 20000 "
        "26000 33700 43900 57000",
        "braze-conservative": "50 50 50 100 100 100 500 500 500 1000 1000 1000 2000 2000 2000 4000 4000 4000 "
        "8000 8000 8000",
        "braze-moderate": "50 100 500 1000 2000 4000 8000 16000 25000 35000 50000 75000 100000 150000 200000 "
        "275000 375000 500000 650000 825000 1000000",
        "braze-aggressive": "50 100 500 1000 5000 10000 20000 40000 70000 100000 150000 250000 400000 600000 "
        "1000000 2000000 4000000",
        "responsys": "32500 32500 32500 37500 37500 50000 50000",
    }
    for name, text in daily.items():
        curve = parse_curve(name)
        figures = [int(figure) for figure in text.split()]
        assert [curve.cap(day, 10**9) for day in range(1, len(figures) + 1)] == figures
        assert curve.cap(len(figures) + 1, 10**9) == figures[-1]
        assert curve.cap(len(figures), 777) == min(777, figures[-1])


def test_hourly_tables_are_the_published_figures() -> None:
    """SendGrid's hours make days of 24 of them; Mailtrap's stand beside its days."""
    sendgrid, mailtrap = parse_curve("sendgrid"), parse_curve("mailtrap")
    hourly = (
        "20 28 39 55 77 108 151 211 295 413 579 810 1000 1587 2222 3111 4356 6098 8583 11953 16734 23427 "
        "32798 45917 64284 89998 125997 176395 246953 345735 484029 677640 948696 1328175 1859444 2603222 "
        "3644511 5102316 7143242 10000539 14000754 19601056"
    )
    for step, figure in enumerate(map(int, hourly.split()), 1):
        assert sendgrid.hourly(step, 10**9) == figure
        assert sendgrid.cap(step, 10**9) == 24 * figure
    beside = "60 80 100 130 170 220 290 380 490 640 830 1100 1400 1800 2400 3100 4000 5200 6700 8800 11400"
    assert [mailtrap.hourly(step, 10**9) for step in range(1, 22)] == [int(n) for n in beside.split()]


def test_responsys_gives_every_provider_its_own_row() -> None:
    """Each named provider follows its row; everybody else shares the row named other."""
    curve = parse_curve("responsys")
    assert isinstance(curve, ProviderTable)
    parts = {"google": 50_000, "microsoft_consumer": 50_000, "yahoo": 50_000, "gmx": 40_000, "other": 60_000}
    assert curve.lanes(1, parts) == {
        "google": 10_000,
        "microsoft_consumer": 7_500,
        "yahoo": 5_000,
        "gmx": 4_000,
        "other": 6_000,
    }
    assert [curve.lanes(step, parts)["microsoft_consumer"] for step in range(1, 9)] == [
        7_500, 7_500, 7_500, 10_000, 10_000, 15_000, 15_000, 15_000,
    ]  # fmt: skip
    assert [curve.lanes(step, parts)["yahoo"] for step in range(1, 8)] == [
        5_000, 5_000, 5_000, 7_500, 7_500, 10_000, 10_000,
    ]  # fmt: skip
    assert [curve.lanes(step, {"google": 10**6})["google"] for step in range(1, 8)] == [10_000] * 5 + [
        12_500
    ] * 2
    assert curve.lanes(7, {"google": 9, "gmx": 1}) == {"google": 9, "gmx": 1}


@pytest.mark.parametrize(
    ("name", "text", "daily", "hourly"),
    [
        ("a.txt", "50\n100\n200\n", [50, 100, 200, 200], None),
        ("a.txt", "# mine\n50 # first\n\n100", [50, 100, 100], None),
        ("a.csv", "day,cap\n1,50\n3,100\n", [50, 50, 100], None),
        ("a.csv", "\ufeff1;50\n2;100\n", [50, 100], None),
        ("a.csv", "day,cap,hourly\r\n1,50,10\r\n2,50,20\r\n", [50, 50], [10, 20]),
        ("a.json", "[50, 100]", [50, 100], None),
        ("a.json", '{"caps": [50, 100], "hourly": [5, 10]}', [50, 100], [5, 10]),
    ],
)
def test_files_of_caps_are_read(
    tmp_path: Path, name: str, text: str, daily: list[int], hourly: list[int] | None
) -> None:
    """Text, CSV and JSON of daily caps make a curve, by path or by table:FILE."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    curve = parse_curve(f"table:{path}")
    assert [curve.cap(step, 10**9) for step in range(1, len(daily) + 1)] == daily
    assert [curve.hourly(step, 10**9) for step in range(1, len(daily) + 1)] == (hourly or [None] * len(daily))
    assert (
        curve
        == parse_curve(str(path))
        == parse_curve(path)
        == parse_curve(name, base=tmp_path).__class__(
            curve.name,
            curve.daily,
            curve.hours,  # type: ignore[attr-defined]
        )
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"50\n100\n80\n", "falls from 100 to 80 on day 3"),
        (b"day,cap\n1,50\n2,49\n", "falls from 50 to 49 on day 2"),
        (b'{"caps": [1, 2], "hourly": [2, 1]}', "hourly limit falls"),
        (b'{"caps": [1, 2], "hourly": [2]}', "2 caps and 1 hourly"),
        (b'{"cap": [1]}', "unknown key"),
        (b"[1, 2.5]", "whole numbers"),
        (b"[true]", "whole numbers"),
        (b"[1, 2", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"", "no cap"),
        (b"day,cap\n", "no cap"),
        (b"0\n0\n", "every cap is 0"),
        (b"-5\n", "the cap -5"),
        (b"9999999999\n", "9999999999"),
        (b"50\nmany\n", "line 2"),
        (b"1,000\n2,000\n", "every cap"),
        (b"2,50\n", "is day 2"),
        (b"1,50\n1,60\n", "is day 1"),
        (b"1,50\n99999,60\n", "is day 99999"),
        (b"1,2,3,4\n", "4 columns"),
        (b"1,50\n60\n", "1 columns"),
        (b"\xff\xfe5\x000\x00", "not UTF-8"),
        (b"1\n" * (FILE_MAX_BYTES // 2 + 1), "larger than 1 MiB"),
        (b"1\n" * 4_000, "has 4000 days"),
    ],
)
def test_bad_files_of_caps_are_refused(tmp_path: Path, text: bytes, wrong: str) -> None:
    """What is wrong with a file of caps is said with its day or line, and so is the mend."""
    path = tmp_path / "mine.csv"
    path.write_bytes(text)
    with pytest.raises(DataError) as caught:
        parse_curve(str(path))
    assert wrong in str(caught.value)
    assert all(problem.mend for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("sess", "no curve"),
        ("", "no curve"),
        ("geometric:start=0", "out of range"),
        ("geometric:start=1.5", "out of range"),
        ("geometric:growth=1", "out of range"),
        ("geometric:growth=1.00001", "out of range"),
        ("geometric:growth=11", "out of range"),
        ("geometric:growth=1e3", "not a number"),
        ("geometric:grow=2", "no parameter 'grow'"),
        ("geometric:start", "NAME=VALUE"),
        ("geometric:start=1,start=2", "twice"),
        ("linear:days=0", "out of range"),
        ("linear:days=99999", "out of range"),
        ("logistic:days=1", "out of range"),
        ("logistic:steepness=0", "out of range"),
        ("ses:days=3", "no parameter"),
        ("mailtrap:days=3", "takes no parameters"),
        ("table:", "names no file"),
        ("table:/nowhere/to/be/found.csv", "cannot be read"),
        ("nowhere.csv", "cannot be read"),
        ("table:/", "names no file"),
        ("caps:1,x", "not a list"),
        ([], "whole numbers"),
        ([1.5], "whole numbers"),
        (7, "not a curve"),
    ],
)
def test_bad_curves_are_refused(value: object, wrong: str) -> None:
    """A name, a parameter or a file that will not do is refused with the mend."""
    with pytest.raises(PlanError) as caught:
        parse_curve(value)  # type: ignore[arg-type]
    assert wrong in str(caught.value)
    assert all(problem.mend for problem in caught.value.problems)


def test_a_list_of_caps_that_falls_is_refused() -> None:
    """Caps given in code are held to what files are held to."""
    with pytest.raises(DataError, match="falls from 5 to 4 on day 2"):
        parse_curve([5, 4])


def test_every_curve_with_a_name_has_a_source() -> None:
    """The list of curves says of each where it comes from; published ones by an address."""
    infos = {info.name: info for info in known_curves()}
    for name in PUBLISHED:
        assert infos[name].source.startswith("https://")
        assert infos[name].caveat
    assert {"ses", "linear", "geometric", "logistic", "table:FILE"} < set(infos)


def test_an_installed_plugin_is_a_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that declares an entry point in warmup.curves adds a curve, with parameters of its own."""
    (tmp_path / "flatcurve.py").write_text(
        "class Flat:\n"
        "    def __init__(self, level='10'):\n"
        "        self.level = int(level)\n"
        "        self.name = f'flat-line:level={level}'\n"
        "    def cap(self, step, share):\n"
        "        return min(share, self.level)\n"
        "    def hourly(self, step, share):\n"
        "        return None\n"
    )
    info = tmp_path / "flatcurve-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flatcurve\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[warmup.curves]\nflat-line = flatcurve:Flat\nbroken = nothing_there:x\n"
    )
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    assert parse_curve("flat-line:level=7").cap(3, 100) == 7
    assert "flat-line" in {found.name for found in known_curves()}
    with pytest.raises(PlanError, match="no parameter 'lvl'"):
        parse_curve("flat-line:lvl=7")
    with pytest.raises(PlanError, match="flat-line"):
        parse_curve("flat-line:level=x")
    with pytest.raises(PlanError, match="cannot be loaded"):
        parse_curve("broken")
