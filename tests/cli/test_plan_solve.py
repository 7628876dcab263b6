"""``warmup plan solve`` as a person types it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from warmup.cli import main


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["plan", "solve", *words])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("ips --volume 300000 --by 2027-01-15 --start 2026-12-01 --curve sparkpost", "1 IP, planned with"),
        ("start --volume 100000 --on 2027-01-15 --ips 4", "Start on 2026-12-24 at the latest"),
        ("promise --on 2026-12-24 --start 2026-12-01 --ips 2 --curve mailtrap", "114,000 on 2026-12-24"),
        ("feed --volume 20000", "20,000 a day feed 2 IPs"),
    ],
)
def test_each_question_has_an_answer_and_what_binds_it(words: str, says: str) -> None:
    """The answer comes first, then its reason, within 80 columns."""
    code, text = run(*words.split())
    assert code == 0
    assert text.startswith(says)
    assert "binding: " in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_staggered_starts_of_a_described_demand() -> None:
    """A description is enough to ask when each IP may start."""
    code, text = run(
        "stagger", "--demand", "4,000 a day", "--ips", "2", "--start", "2026-12-01", "--days", "40",
        "--curve", "geometric:start=50,growth=1.5",
    )  # fmt: skip
    assert code == 0 and text.startswith("Start ip-1 on 2026-12-01")


def test_answers_are_json_for_machines() -> None:
    """One object: the question, the answer, its figures, the binding and the plan it stands on."""
    code, text = run("feed", "--volume", "20000", "--format", "json")
    answer = json.loads(text)
    assert code == 0
    assert answer["question"] == "feed" and answer["ips"] == 2
    assert answer["binding"]["code"] == "floor"


def test_a_question_that_makes_no_sense_names_its_option() -> None:
    """A date that is none, or a start after the day, is refused with the option's name."""
    code, _ = run("ips", "--volume", "10", "--by", "tomorrow")
    assert code != 0
    late = ["ips", "--volume", "10", "--by", "2026-12-01", "--start", "2026-12-02"]
    assert run(*late)[0] != 0
