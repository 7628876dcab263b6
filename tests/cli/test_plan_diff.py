"""``warmup plan diff``: two plans compared, and a plan with the one that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from plan_house import house, run

from warmup.cli import main


def test_two_plans_are_compared(tmp_path: Path) -> None:
    """What was changed, from which day caps differ, and by how much a day, a provider and an IP."""
    before, after = tmp_path / "a.json", tmp_path / "b.json"
    run(
        "--target",
        "50000",
        "--ips",
        "2",
        "--start",
        "2026-12-01",
        "--format",
        "json",
        "--output",
        str(before),
    )
    run(
        "--target", "60000", "--ips", "3", "--start", "2026-12-01", "--pause", "2026-12-24..2026-12-31",
        "--format", "json", "--output", str(after),
    )  # fmt: skip
    text = run("diff", str(before), str(after))
    assert "target: 50000 becomes 60000." in text
    assert "IP ip-3: nothing becomes 20000 a day from 2026-12-01." in text
    assert "2026-12-24                  26,666             0       -26,666" in text
    assert run("diff", str(before), str(before)) == "The plans are the same.\n"
    run("diff", "--exit-code", str(before), str(after), code=1)
    assert json.loads(run("diff", "--format", "json", str(before), str(after)))["first"] == "2026-12-01"


@pytest.mark.parametrize(
    "text",
    [
        '{"plan": {}, "days": [{"date": "2026-12-01"}]}',
        '{"plan": {"sources": [1]}, "days": []}',
        '{"plan": {"sources": 1}, "days": []}',
        "[]",
        "{",
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is something else is named with a mend, and is no bug of ours."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text)
    result = CliRunner().invoke(main, ["plan", "diff", str(wrong), str(wrong)])
    assert result.exit_code == 65
    assert "wrong.json" in result.output and "warmup plan --format json" in result.output


def test_an_edit_is_seen_against_the_database(tmp_path: Path) -> None:
    """`db` is the plan that ran last: what an edit makes of the days to come is told from its lanes."""
    from warmup import Warmup

    config = house(tmp_path, more="step = 9\n")
    with Warmup.from_file(config) as wm:
        wm.engine.roll()
        tomorrow = wm.engine.present().tomorrow
    assert run("diff", "db", str(config), "-c", str(config)) == "The plans are the same.\n"
    house(tmp_path, target=200, more="step = 9\n")
    words = ("diff", "db", str(config), "-c", str(config), "--days", "5")
    text = run(*words)
    assert "target: 100 becomes 200." in text
    # Tomorrow is the first window of step 9: 100 x 9 / 45 = 20, and 40 of 200.
    assert re.search(rf"{tomorrow} +20 +40 +\+20", text)
    assert "Lower caps hold today already" in text
    found = json.loads(run(*words, "--format", "json"))
    before, after = ([target * step // 45 for step in range(9, 14)] for target in (100, 200))
    assert [(day["before"], day["after"]) for day in found["days"]] == list(zip(before, after, strict=True))
    assert found["total"] == [sum(before), sum(after)] and found["since"] == tomorrow.isoformat()
    first = [cell for cell in found["caps"] if cell["date"] == tomorrow.isoformat()]
    assert {cell["provider"]: (cell["before"], cell["after"]) for cell in first} == {
        "google": (10, 20), "other": (10, 20),
    }  # fmt: skip


def test_an_address_that_leaves_or_joins_is_seen_from_today(tmp_path: Path) -> None:
    """One that leaves takes the caps of its lanes with it; one that joins begins where it is said to be."""
    from warmup import Warmup

    more = 'step = 44\n[sources."127.0.0.3"]\nehlo = "mx2.example.net"\nstep = 44\n'
    config = house(tmp_path, 2_000, more)
    with Warmup.from_file(config) as wm:
        wm.engine.roll()
    house(
        tmp_path,
        2_000,
        more.replace("127.0.0.3", "127.0.0.4").replace("step = 44\n", "", 2) + "warm = true\n",
    )
    found = json.loads(run("diff", "db", str(config), "-c", str(config), "--days", "3", "--format", "json"))
    assert found["ips"]["127.0.0.3"] == [2_977, 0]
    assert found["ips"]["127.0.0.4"] == [0, 3_000]
    assert "127.0.0.2" not in found["ips"]  # its lanes stand where they stood, whatever is declared later


def test_a_plan_that_cannot_be_made_again_says_so(tmp_path: Path) -> None:
    """Where the file of its curve is gone, the running plan's caps are not guessed at."""
    from warmup import Warmup

    table = tmp_path / "curve.csv"
    table.write_text("10\n20\n50\n100\n")
    config = house(tmp_path)
    plain = config.read_text()
    config.write_text(plain.replace("[plan]\n", f'[plan]\ncurve = "{table}"\n'))
    with Warmup.from_file(config) as wm:
        wm.engine.roll()
    words = ("diff", "db", str(config), "-c", str(config))
    assert run(*words) == "The plans are the same.\n"
    table.write_text("10\n30\n50\n100\n")
    assert "has become another one" in run(*words).replace("\n  ", " ")
    config.write_text(plain)
    table.unlink()
    text = run(*words).replace("\n  ", " ")
    assert "Only what they are made from was compared: that of the database cannot be made again" in text
    assert "every cap is the same" not in text and "target is reached" not in text


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ('ramp = "calendar"', "ramp: health becomes calendar."),
        ('growth = "off"', "growth: 1.3 becomes off."),
        ("smooth = true", "smooth: no becomes yes."),
        ('demand = "9 a day"', "demand: nothing becomes 9 a day."),
        (
            '[streams.bulk]\ndeadline = "2d"',
            "stream bulk: nothing becomes priority 5, pool default, deadline",
        ),
        ('[sources."127.0.0.2"]\nwarm = true', "IP 127.0.0.2 is used to: nothing becomes warm."),
    ],
)
def test_how_a_plan_is_followed_is_compared_too(tmp_path: Path, edit: str, told: str) -> None:
    """Two configurations are not called the same because their caps are: ramp, smoothing, streams count."""
    from warmup import Warmup

    before = house(tmp_path)
    after = tmp_path / "after.toml"
    text, table = before.read_text(), edit.splitlines()[0]
    if table in text:
        after.write_text(text.replace(table, edit))
    elif table.startswith("["):
        after.write_text(f"{text}{edit}\n")
    else:
        after.write_text(text.replace("[plan]\n", f"[plan]\n{edit}\n"))
    found = run("diff", "--exit-code", str(before), str(after), code=1).replace("\n  ", " ")
    assert told in found and "every cap is the same" in found
    assert run("diff", str(before), str(before)) == "The plans are the same.\n"
    with Warmup.from_file(before) as wm:
        wm.engine.roll()
    assert run("diff", "db", str(before), "-c", str(before)) == "The plans are the same.\n"
    against = run("diff", "--exit-code", "db", str(after), "-c", str(before), code=1).replace("\n  ", " ")
    assert told in against


def test_days_ahead_are_a_matter_of_the_database(tmp_path: Path) -> None:
    """Between two files there are no days ahead: --days is refused instead of doing nothing."""
    plan = tmp_path / "a.json"
    plan.write_text(run("--target", "50", "--start", "2026-12-01", "--format", "json"))
    result = CliRunner().invoke(main, ["plan", "diff", str(plan), str(plan), "--days", "5"])
    assert result.exit_code == 64 and "--days: given without db" in result.output
