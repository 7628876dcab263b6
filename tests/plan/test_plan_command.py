"""``warmup plan`` as a person and as a script meet it, and the pictures it draws."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from warmup.cli.charts import Series, compact, nice_step, svg_chart, text_chart
from warmup.cli.plan import plan as command
from warmup.errors import DataError, StoreError, UsageError, WarmupError
from warmup.plan import plan

SMALL = ["--target", "50000", "--start", "2026-12-01", "--ips", "192.0.2.1"]


def run(*words: str) -> Result:
    return CliRunner().invoke(command, [*SMALL, *words], catch_exceptions=True)


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from warmup.cli import main; main()", "plan", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_table_fits_80_columns_and_says_the_plan() -> None:
    """The table has a row a day with total and providers, a picture, and stays within 80 columns."""
    text = run().output
    lines = text.splitlines()
    assert lines[0] == "50,000 deliveries a day from 192.0.2.1, curve ses"
    assert lines[4].split() == ["1", "2026-12-01", "1,111", "557", "251", "138", "22", "18", "12", "113"]
    assert "█" in text
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("mix", ["us", "b2b", "de", "a_provider_with_a_very_long_name=0.5,other=0.5"])
@pytest.mark.parametrize("target", ["300", "1000000000"])
def test_every_mix_and_size_fits_80_columns(mix: str, target: str) -> None:
    """However many providers and digits there are, what does not fit is summed up as rest."""
    result = CliRunner().invoke(command, ["--target", target, "--start", "2026-12-01", "--mix", mix])
    assert max(map(len, result.output.splitlines())) <= 80


def test_the_columns_of_a_row_sum_to_its_total() -> None:
    """Nothing is lost between the columns: providers and rest sum to the total of each day and IP."""
    result = run("--mix", "b2b", "--ips", "192.0.2.1,2001:db8::2@2026-12-04", "--by", "ip", "--days", "8")
    rows = [line.split() for line in result.output.splitlines() if re.match(r" *[0-9]  2026-", line)]
    assert len(rows) == 16
    for row in rows:
        total, *parts = (int(cell.replace(",", "")) for cell in row[3:])
        assert total == sum(parts)


def test_json_is_what_the_library_gives() -> None:
    """The command prints the object that Plan.to_dict describes, streamed."""
    made = plan(50_000, start="2026-12-01", ips=["192.0.2.1"])
    assert json.loads(run("--format", "json").output) == made.to_dict()


def test_csv_has_a_row_for_each_lane_and_day() -> None:
    """CSV has the five columns and the caps of the JSON."""
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv", "--days", "2").output)))
    assert list(rows[0]) == ["day", "date", "ip", "provider", "cap"]
    assert len(rows) == 2 * 7
    assert sum(int(row["cap"]) for row in rows) == 1_111 + 2_222


def test_svg_is_a_picture_of_every_provider() -> None:
    """The picture is well-formed, loads nothing, and names every provider and its own title."""
    text = run("--format", "svg").output
    root = ET.fromstring(text)
    words = {element.text for element in root.iter() if element.text}
    assert {"google", "yahoo", "other", "50,000", "2026-12-01"} <= words
    assert "href" not in text
    assert "url(" not in text


class Links(HTMLParser):
    """Collects what a page would fetch, and its open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        self.fetched += [
            value for name, value in attrs if value and name in ("href", "src") and not value.startswith("#")
        ]


def test_html_is_one_page_that_fetches_nothing() -> None:
    """The page holds picture, advice, IPs and days, and refers to nothing outside itself."""
    text = run("--format", "html").output
    page = Links()
    page.feed(text)
    assert page.fetched == []
    assert page.rows == 1 + 1 + 1 + 45
    assert "<svg" in text
    assert "AWS publishes only" in text


def test_what_a_person_named_is_text_in_pictures(tmp_path: Path) -> None:
    """The name of a file is shown, and never becomes markup."""
    path = tmp_path / "<b>&.csv"
    path.write_text("50\n100\n")
    for format in ("html", "svg"):
        text = run("--curve", str(path), "--format", format).output
        assert "<b>" not in text
        assert "&lt;b&gt;&amp;" in text


def test_output_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """--output replaces a file in one go, and a failure leaves the old one and no scraps."""
    path = tmp_path / "plan.json"
    path.write_text("old")
    assert run("--format", "json", "--output", str(path)).exit_code == 0
    assert json.loads(path.read_text())["plan"]["target"] == 50_000
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]
    result = run("--output", str(tmp_path / "no" / "plan.txt"))
    assert isinstance(result.exception, StoreError)
    assert result.exception.exit_code == 74
    result = run("--output", str(tmp_path))
    assert isinstance(result.exception, StoreError)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--target", "0"], "--target"),
        (["--curve", "sess"], "--curve"),
        (["--curve", "geometric:start=0"], "--curve geometric.start"),
        (["--curve", "no/such.csv"], "--curve no/such.csv"),
        (["--start", "tomorrow"], "--start"),
        (["--ips", "192.0.2.1@soon"], "--ips 192.0.2.1"),
        (["--mix", "google=1,yahoo=1"], "--mix"),
        (["--timezone", "Mars/Olympus"], "--timezone"),
        (["--pattern", "round"], "--pattern"),
        (["--weekdays", "1,1"], "--weekdays"),
    ],
)
def test_bad_options_are_named_with_the_mend(words: list[str], field: str) -> None:
    """A bad option is reported under the name it was typed with, exit code 64."""
    error = run(*words).exception
    assert isinstance(error, UsageError)
    assert error.exit_code == 64
    assert error.problems[0].field == field
    assert error.problems[0].mend


def test_a_target_is_asked_for() -> None:
    """Without a target there is nothing to plan, and the message says what to write."""
    error = CliRunner().invoke(command, []).exception
    assert isinstance(error, WarmupError)
    assert "--target 50000" in str(error)


def test_a_curve_that_falls_is_a_mistake_in_the_data(tmp_path: Path) -> None:
    """A file whose caps fall is refused with the day, exit code 65."""
    path = tmp_path / "mine.csv"
    path.write_text("50\n40\n")
    error = run("--curve", str(path)).exception
    assert isinstance(error, DataError)
    assert error.exit_code == 65
    assert "falls from 50 to 40 on day 2" in str(error)


def test_the_start_is_today_unless_said() -> None:
    """Without --start the plan starts today in its zone, or with the first of the IPs."""
    made = json.loads(
        CliRunner().invoke(command, ["--target", "9", "--days", "1", "--format", "json"]).output
    )
    assert made["plan"]["start"] >= "2026-01-01"
    words = ["--target", "9", "--days", "1", "--format", "json", "--ips", "192.0.2.1@2031-02-03"]
    assert json.loads(CliRunner().invoke(command, words).output)["plan"]["start"] == "2031-02-03"


def test_curves_are_listed_with_their_sources() -> None:
    """The list of curves says of each curve what it does and who published it, as text or JSON lines."""
    text = CliRunner().invoke(command, ["curves"]).output
    assert "responsys" in text
    assert "https://docs.oracle.com/" in text
    lines = CliRunner().invoke(command, ["curves", "--format", "json"]).output.splitlines()
    assert {"ses", "geometric", "sendgrid"} <= {json.loads(line)["name"] for line in lines}


def test_the_c_locale_gets_ascii() -> None:
    """A terminal that knows only ASCII gets only ASCII, picture included."""
    done = process("--target", "5000", "--start", "2026-12-01", LC_ALL="C")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "#" in done.stdout


def test_a_reader_that_leaves_is_no_error() -> None:
    """Cutting the output short with head ends quietly."""
    words = '"$0" -c "from warmup.cli import main; main()" plan --target 5000 --days 3000 | head -1'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", words, sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.startswith("5,000 deliveries")


def test_a_full_disk_is_an_error_in_words() -> None:
    """Output that cannot be written is exit code 74 and one line."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = process("--target", "5000", "--output", "/dev/full")
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1


def test_planning_loads_nothing_heavy() -> None:
    """The preview starts without the database, DNS, asyncio or rich."""
    code = (
        "import sys; from click.testing import CliRunner; from warmup.cli.plan import plan\n"
        "before = set(sys.modules)\n"
        "plan(['--target', '5000', '--start', '2026-12-01'], standalone_mode=False)\n"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before}"
        " & {'sqlalchemy', 'dns', 'alembic', 'asyncio', 'rich', 'pendulum'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@given(
    bars=st.lists(st.integers(0, 10**9), max_size=200),
    width=st.integers(20, 120),
    height=st.integers(2, 20),
    ascii_only=st.booleans(),
)
def test_a_terminal_picture_keeps_its_bounds(
    bars: list[int], width: int, height: int, ascii_only: bool
) -> None:
    """The picture is as high as asked, no wider than asked, and ASCII where only that is wanted."""
    lines = text_chart(
        bars, labels=[str(n) for n in bars], marks=bars, width=width, height=height, ascii_only=ascii_only
    )
    assert len(lines) == (height + 2 if bars else 0)
    assert all(len(line) <= width for line in lines[:-1])
    if ascii_only:
        assert all(line.isascii() for line in lines)


def test_more_days_than_columns_are_drawn_as_weeks() -> None:
    """No day is left out: 100 days on 80 columns are 15 weeks, each as high as its largest day."""
    bars = [0] * 100
    bars[99] = 50
    lines = text_chart(bars, labels=["first", "last"], width=80, height=4)
    assert lines[0].count("█") == 4 and lines[0].endswith("████")
    assert lines[-2].count("─") == 15 * 5
    assert lines[-1].split() == ["first", "a", "column:", "the", "largest", "of", "7", "days", "last"]
    assert "column" not in text_chart(bars[:70], labels=["first", "last"], width=80)[-1]


@given(
    values=st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), min_size=1, max_size=20),
    kind=st.sampled_from(["stack", "lines"]),
)
def test_a_drawing_is_well_formed(values: list[list[int]], kind: str) -> None:
    """Any number of series is drawn as well-formed SVG; beyond twelve the smallest become one."""
    series = [Series(f"s{index}", row) for index, row in enumerate(values)]
    text = svg_chart(series, ["a", "b", "c"], title="<x>", kind=kind, marks=Series("cap", [1, 2, 3]))  # type: ignore[arg-type]
    names = {element.text for element in ET.fromstring(text).iter() if element.tag.endswith("}text")}
    assert {"cap", "<x>"} <= names
    assert ("rest" in names) == (len(series) > 12)


@given(most=st.integers(1, 10**12), steps=st.integers(1, 12))
def test_axes_have_round_numbers(most: int, steps: int) -> None:
    """The step of an axis is 1, 2 or 5 with zeros, covers the largest value, and is the smallest such."""
    step = nice_step(most, steps)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert step * steps >= most
    assert step == 1 or step * 2 // 5 * steps < most


def test_numbers_on_an_axis_are_short() -> None:
    """Thousands and millions are written in a few characters, exactly."""
    assert [compact(n) for n in (0, 950, 1_500, 20_000, 1_234, 12_500, 3_000_000)] == [
        "0", "950", "1.5k", "20k", "1234", "12.5k", "3M",
    ]  # fmt: skip
