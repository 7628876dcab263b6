"""``warmup plan solve`` as a person types it."""

from __future__ import annotations

import json
import shlex

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
        "stagger", "--demand", "6,000 a day", "--ips", "2", "--start", "2026-12-01", "--days", "40",
        "--curve", "geometric:start=50,growth=1.5",
    )  # fmt: skip
    assert code == 0 and text.startswith("Start ip-1 on 2026-12-01")
    words = ["stagger", "--demand", "2000 a day; 2027-01-11..2027-03-31 9000 a day", "--ips", "2"]
    words += ["--curve", "sparkpost", "--start", "2026-12-01"]
    code, text = run(*words, "--at", "gmail,yahoo")
    assert code == 0 and "ip-2 on 2027-01-" in text
    code, text = run(*words, "--at", "gmial")
    assert code == 64 and "--at: gmial" in text


def test_answers_are_json_for_machines() -> None:
    """One object: the question, the answer, its figures, the binding and the plan it stands on."""
    code, text = run("feed", "--volume", "20000", "--format", "json")
    answer = json.loads(text)
    assert code == 0
    assert answer["question"] == "feed" and answer["ips"] == 2
    assert answer["binding"]["code"] == "floor"


def test_how_many_ips_a_demand_needs() -> None:
    """A description of what arrives, and how long it may wait, is a question too."""
    code, text = run(
        "ips", "--demand", "900 a day", "--deadline", "1", "--start", "2026-12-01", "--days", "30",
        "--curve", "caps:600", "--mix", "google=1", "--per-ip", "500",
    )  # fmt: skip
    assert code == 0 and text.startswith("2 IPs, planned with --target 900")


def test_mail_that_may_wait_needs_no_ips_for_its_largest_day() -> None:
    """With a limit for each IP a weekly peak is spread over its deadline, and one IP less is too few."""
    text = "100 a day on weekdays, 4,000 on tuesdays"
    words = ("--curve", "caps:500", "--mix", "google=1", "--start", "2026-12-01", "--days", "40")
    code, answer = run(
        "ips", "--demand", text, "--deadline", "6", "--per-ip", "500", *words, "--format", "json"
    )
    assert code == 0
    found = json.loads(answer)
    ips, target = found["ips"], found["target"]
    assert ips * 7 * 500 >= 4_400 and (ips, target) == (2, 1_000)
    assert found["binding"]["message"].startswith("With 1 IP, google alone can take 500")
    for number, late in ((ips, False), (ips - 1, True)):
        plan = ["--target", str(number * 500), "--ips", str(number), "--demand", text, "--deadline", "6"]
        plan += [*words, "--ramp", "calendar", "--format", "json"]
        seen = json.loads(CliRunner().invoke(main, ["plan", *plan]).output)["forecast"]
        assert (seen["totals"]["overflow"] > 0) is late


def test_where_there_is_no_answer_the_reason_is_given_and_the_exit_code_says_so() -> None:
    """Scripts see 65 and `found` false; people read what stands in the way."""
    words = ["ips", "--volume", "300000", "--by", "2026-12-20", "--start", "2026-12-01"]
    words += ["--curve", "linear:days=30"]
    code, text = run(*words)
    assert (
        code == 65
        and text.startswith("No number of IPs")
        and "step 20 of 30" in text.replace("\n         ", " ")
    )
    code, text = run(*words, "--format", "json")
    assert code == 65 and json.loads(text)["found"] is False


def test_the_preview_that_is_printed_can_be_typed() -> None:
    """The command under an answer previews that plan, with everything that was asked about."""
    words = ["--on", "2026-12-24", "--start", "2026-12-01", "--curve", "mailtrap", "--ips", "2"]
    words += ["--sending-days", "mon-fri", "--holidays", "2026-12-08", "--mix", "google=0.6,other=0.4"]
    words += ["--pause", "2026-12-10..2026-12-11", "--pattern", "flat", "--timezone", "Europe/Berlin"]
    code, text = run("promise", *words)
    assert code == 0
    command = text[text.index("$ ") + 2 :].replace("\\\n", " ")
    again = CliRunner().invoke(main, [*shlex.split(command)[1:], "--format", "json"])
    assert again.exit_code == 0
    head = json.loads(again.output)["plan"]
    assert head == json.loads(run("promise", *words, "--format", "json")[1])["plan"]


def test_a_question_that_makes_no_sense_names_its_option() -> None:
    """A date that is none, or a start after the day, is refused with the option's name."""
    for words, names in (
        (["ips", "--volume", "10", "--by", "tomorrow"], "--by"),
        (["ips", "--volume", "10", "--by", "2026-12-01", "--start", "2026-12-02"], "--start"),
        (["ips", "--by", "2026-12-01"], "--volume"),
        (["ips", "--volume", "10", "--by", "2026-12-01", "--demand", "10 a day"], "--demand"),
        (["promise", "--on", "2026-12-01", "--curve", "linear", "--start", "2026-11-01"], "--target"),
    ):
        code, text = run(*words)
        assert code == 64 and f"{names}: " in text


@pytest.mark.parametrize(
    "words",
    [
        "ips --volume 3000 --by 2027-01-01 --start 2026-12-01 --target 5000",
        "ips --volume 3000 --by 2027-01-01 --start 2026-12-01 --days 50",
        "feed --volume 20000 --curve sparkpost",
        "feed --volume 20000 --pause 2027-01-01..2027-01-02",
    ],
)
def test_an_option_that_does_not_count_for_the_question_is_refused(words: str) -> None:
    """Nobody takes an answer for one that looked at what it did not look at."""
    code, text = run(*words.split())
    assert code == 64
    assert f"{words.split()[-2]}: given" in text


def test_a_start_that_has_passed_is_said_to_have_passed() -> None:
    """The latest start may lie before today: then it is an answer that cannot be followed any more."""
    question = ("start", "--volume", "100000", "--ips", "4", "--on")
    assert "lies before today" in run(*question, "2025-01-15")[1].replace("\n      ", " ")
    assert "lies before today" not in run(*question, "2199-01-15")[1]
