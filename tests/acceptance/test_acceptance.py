"""The acceptance run, small: the script that is run with real mail and three weeks, with a few of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "acceptance.py"


def run(*options: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_days_at_the_receiver_are_the_plan_hour_by_hour() -> None:
    """Count at ten providers: every address and day gets its cap, every hour its share, exactly.

    Every message arrives once and as it was submitted, but for what is said to be changed; a message that
    is none is refused and named.
    """
    facts = run("--clock", "simulated", "--days", "5", "--deliveries", "400")
    assert facts["arrived"] == facts["contents_as_promised"] == 400
    assert facts["hours_off_by_one"] == 0
    assert facts["lane_days"] == 5 * 2 * 10
    assert list(facts["refused"]) == ["refused"]  # type: ignore[call-overload]


@pytest.mark.parametrize("speed", ["60000"])
def test_a_hurrying_clock_keeps_the_days(speed: str) -> None:
    """On a clock that runs and does not jump, days are exact and hours differ by one at their edges."""
    facts = run("--clock", "scaled", "--speed", speed, "--days", "3", "--deliveries", "150")
    assert facts["arrived"] == 150


def test_real_files_are_read_from_a_folder(tmp_path: Path) -> None:
    """Mail of one's own is taken in turn from a folder of .eml files."""
    for number in range(3):
        text = f"From: a@example.net\nTo: b@example.net\nSubject: {number}\n\nHello\n"
        (tmp_path / f"{number}.eml").write_text(text)
    facts = run("--clock", "simulated", "--days", "2", "--deliveries", "60", "--mail", str(tmp_path))
    assert (facts["messages"], facts["arrived"]) == (3, 60)
