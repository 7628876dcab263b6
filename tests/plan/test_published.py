"""Published schedules: every figure against an independent copy of what the vendors published."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from warmup.cli.plan import plan as command
from warmup.errors import PlanError
from warmup.plan import known_curves, parse_curve, plan
from warmup.plan.compare import compare, figures, steps_of
from warmup.plan.curves import PUBLISHED
from warmup.plan.published import about

FACTS: dict[str, dict[str, Any]] = {
    fact["id"]: fact
    for fact in json.loads(Path(__file__).with_name("data").joinpath("published-facts.json").read_text())
}
START = date(2026, 12, 1)
BIG = 10**9

DAILY = {
    "sendgrid-manual": "sendgrid-manual-daily",
    "sendgrid-doubling": "sendgrid-mc-doubling-example",
    "sparkpost": "sparkpost-auto-stages",
    "sparkpost-manual": "sparkpost-manual-daily",
    "sparkpost-ui": "sparkpost-ui-stages-20",
    "mailtrap": "mailtrap-daily",
    "braze-conservative": "braze-conservative",
    "braze-moderate": "braze-moderate",
    "braze-aggressive": "braze-aggressive",
    "salesforce": "sfmc-weekly-caps",
    "salesforce-domain": "sf-mcnext-domain",
    "misar": "misar-typical-ramp",
    "acelle": "acelle-30day",
    "responsys": "responsys-total",
    "resend-existing": "resend-existing-daily",
    "resend-new": "resend-new-daily",
    "highlevel": "highlevel-domain-stages",
    "sendbolt": "sendbolt-tiers",
    "campaign-deputy": "campaign-deputy",
}
HOURLY = {
    "sendgrid": "sendgrid-auto-hourly",
    "mailtrap": "mailtrap-hourly",
    "resend-existing": "resend-existing-hourly",
    "resend-new": "resend-new-hourly",
}
BY_PROVIDER = {
    "responsys": {
        "google": "responsys-gmail",
        "microsoft_consumer": "responsys-hotmail",
        "yahoo": "responsys-yahoo",
        "other": "responsys-other",
    },
    "acelle-by-provider": {
        "google": "acelle-gmail-permille",
        "microsoft_consumer": "acelle-microsoft-permille",
        "microsoft365": "acelle-microsoft-permille",
        "yahoo": "acelle-yahoo-permille",
        "apple": "acelle-icloud-permille",
    },
}
RELATIVE = {"adobe": "adobe-ajo-permille"}


def held(fact: str) -> list[int]:
    """The figures of a schedule day by day from its first: each holds until the next listed day."""
    days, volumes = FACTS[fact]["days"], FACTS[fact]["volumes"]
    first = days[0]
    known = dict(zip(days, volumes, strict=True))
    row: list[int] = []
    for day in range(first, days[-1] + 1):
        row.append(known.get(day, row[-1] if row else 0))
    return row


def test_no_published_schedule_is_missing() -> None:
    """Each schedule that was found published is a curve, or part of one; ses models the rest."""
    used = {*DAILY.values(), *HOURLY.values(), *RELATIVE.values()}
    used.update(fact for rows in BY_PROVIDER.values() for fact in rows.values())
    assert used | {"ses-standard-auto-endpoint"} == set(FACTS)
    assert {*DAILY, *HOURLY, *BY_PROVIDER, *RELATIVE} == set(PUBLISHED)


@pytest.mark.parametrize("name", sorted(DAILY))
def test_days_are_the_published_figures(name: str) -> None:
    """A plan for one provider and a large target has, day by day, the vendor's figures as its caps."""
    wanted = held(DAILY[name])
    curve = parse_curve(name)
    assert [curve.cap(step, BIG) for step in range(1, len(wanted) + 3)] == wanted + 2 * wanted[-1:]
    if name not in BY_PROVIDER:
        mix = "google=1"
        made = plan(BIG, start=START, curve=name, mix=mix, pattern="flat", days=len(wanted))
        assert [sum(caps) for *_, caps in made.grid()] == wanted


@pytest.mark.parametrize("name", sorted(HOURLY))
def test_hours_are_the_published_figures(name: str) -> None:
    """The published limit of an hour is the curve's, from the first day that has one."""
    fact = FACTS[HOURLY[name]]
    curve = parse_curve(name)
    first = max(1, fact["days"][0])
    assert [curve.hourly(step, BIG) for step in range(1, first)] == [None] * (first - 1)
    steps = range(first, first + len(fact["volumes"]))
    assert [curve.hourly(step, BIG) for step in steps] == fact["volumes"]
    assert curve.hourly(steps[-1] + 9, BIG) == fact["volumes"][-1]
    if name not in DAILY:
        assert [curve.cap(step, BIG) for step in steps] == [24 * hour for hour in fact["volumes"]]


@pytest.mark.parametrize("name", sorted(RELATIVE))
def test_relative_days_are_the_published_parts(name: str) -> None:
    """A relative curve takes the published thousandths of the share, rounded down and at least 1."""
    wanted = held(RELATIVE[name])
    curve = parse_curve(name)
    for share in (1, 80, 1_000, 50_000, 123_457):
        caps = [curve.cap(step, share) for step in range(1, len(wanted) + 2)]
        assert caps == [max(1, share * part // 1_000) for part in [*wanted, wanted[-1]]]


@pytest.mark.parametrize("name", sorted(BY_PROVIDER))
def test_each_provider_follows_its_own_row(name: str) -> None:
    """Lanes of a plan have the figures of their provider's row, or its thousandths of their part."""
    rows = {provider: held(fact) for provider, fact in BY_PROVIDER[name].items()}
    share = 10**6
    mix = dict.fromkeys(rows, "0.1") | {"other": str(round(1 - 0.1 * len(set(rows) - {"other"}), 1))}
    made = plan(share, start=START, curve=name, mix=mix, pattern="flat", days=len(next(iter(rows.values()))))
    parts = made.parts_of(share)
    for day, _, _, caps in made.grid():
        lanes = dict(zip(made.providers, caps, strict=True))
        for provider, row in rows.items():
            figure = row[day - 1]
            if name == "responsys":
                assert lanes[provider] == min(parts[provider], figure)
            else:
                assert lanes[provider] == parts[provider] * figure // 1_000
        if name == "acelle-by-provider":
            careful = min(row[day - 1] for row in rows.values())
            assert lanes["other"] == parts["other"] * careful // 1_000


@given(
    name=st.sampled_from(PUBLISHED),
    share=st.integers(20, 2_000_000),
    mix=st.sampled_from(["us", "de", "b2b", "google=0.97,apple=0.01,other=0.02"]),
    pattern=st.sampled_from(["flat", "office", "waking"]),
    step=st.integers(1, 50),
)
def test_parts_sum_and_never_fall(name: str, share: int, mix: str, pattern: str, step: int) -> None:
    """Under every schedule the hours of each lane sum to its cap, and no later step allows a lane less."""
    made = plan(share, start=START, curve=name, mix=mix, pattern=pattern, days=1)
    now, then = made.lanes_of(share, step), made.lanes_of(share, step + 1)
    assert all(0 <= now[provider] <= then[provider] for provider in made.providers)
    assert sum(now.values()) <= max(made.curve.cap(step, share), 0)
    for row in made.rows():
        assert sum(made.row_hours(row)) == row.cap


def test_every_schedule_says_what_it_is() -> None:
    """Vendor, address, unit, subject, evidence and caveat stand with each schedule as in the facts."""
    for info in known_curves():
        if info.kind != "published":
            continue
        assert info.vendor
        assert info.caveat
        assert info.unit in {"day", "hour", "stage"}
        fact = FACTS[
            HOURLY[info.name]
            if info.name == "sendgrid"
            else DAILY.get(info.name) or RELATIVE.get(info.name) or BY_PROVIDER[info.name]["google"]
        ]
        assert (info.source, info.subject, info.grade) == (
            fact["source_url"], fact["subject"], fact["evidence"],
        )  # fmt: skip
        assert info.unit == fact["unit"]
        assert about(info.name)["read"] == "2026-11"


def test_the_comparison_is_the_figures() -> None:
    """First day, days to three volumes and the steepest step are those of the caps themselves."""
    found = {info.name: does for info, does in compare()}
    assert set(PUBLISHED) | {"ses", "linear", "geometric", "logistic"} <= set(found)
    braze = found["braze-moderate"]
    assert (braze.day_1, list(braze.reaches.values()), braze.final) == (50, [8, 11, 21], 1_000_000)
    assert (braze.steepest, braze.steepest_step) == (5, 3)
    assert found["salesforce"].reaches == {10_000: 1, 50_000: 1, 1_000_000: 36}
    assert found["ses"].reaches == {10_000: 9, 50_000: 45, 1_000_000: None}
    assert found["geometric"].final is None
    for name, does in found.items():
        caps = steps_of(parse_curve(name))
        assert does.day_1 == caps[0]
        for mark, step in does.reaches.items():
            if step is None:
                assert max(caps) < mark
            else:
                assert caps[step - 1] >= mark
                assert step == 1 or caps[step - 2] < mark


def test_relative_curves_are_compared_at_the_share_that_is_said() -> None:
    """At another target a relative curve has other figures, and a table has the same."""
    assert figures(parse_curve("linear"), 3_000).day_1 == 100
    assert figures(parse_curve("linear"), 300_000).reaches[50_000] == 5
    assert figures(parse_curve("sparkpost"), 10) == figures(parse_curve("sparkpost"), 10**6)
    with pytest.raises(PlanError, match="out of range"):
        compare(0)


def run(*words: str) -> Any:
    return CliRunner().invoke(command, ["curves", *words], catch_exceptions=True)


def test_the_table_of_curves_is_readable_at_80_columns() -> None:
    """All curves stand in groups by what they are for, and only addresses are longer than a line."""
    lines = run().output.splitlines()
    assert all(len(line) <= 80 for line in lines if "https://" not in line)
    [row] = [line for line in lines if line.startswith("braze-moderate ") and "https" not in line]
    assert row.split() == ["braze-moderate", "50", "8", "11", "21", "x5.00", "1,000,000"]
    assert any(line.startswith("Figures for a domain") for line in lines)


def test_one_curve_is_shown_whole() -> None:
    """Figures, hours, source and caveat of a curve stand together."""
    text = run("resend-new").output
    assert "150  250  400  700  1,000  1,500  2,000" in text
    assert "from day 4 on\n  50  75  100  150" in text
    assert "https://resend.com/docs/knowledge-base/warming-up" in text
    text = run("geometric:start=100,growth=2", "caps:50,100").output
    assert "x2.00" in text
    assert "caps:50,100" in text


def test_facts_about_curves_come_as_json() -> None:
    """Each line is one curve with its facts, its comparison and its caps."""
    facts = {fact["name"]: fact for fact in map(json.loads, run("--format", "json").output.splitlines())}
    assert set(PUBLISHED) <= set(facts)
    assert facts["mailtrap"]["caps"] == held("mailtrap-daily")
    assert facts["resend-new"]["subject"] == "domain"
    assert facts["sendgrid-manual"]["grade"] == "second-hand"
    assert facts["salesforce"]["reaches"] == {"10000": 1, "50000": 1, "1000000": 36}


def test_one_chart_draws_every_curve(tmp_path: Path) -> None:
    """The picture is well-formed, loads nothing, and has a line and a name for each curve."""
    path = tmp_path / "curves.svg"
    assert run("--format", "svg", "--output", str(path)).exit_code == 0
    root = ET.fromstring(path.read_text())
    words = {element.text for element in root.iter() if element.text}
    assert set(PUBLISHED) <= words
    assert "href" not in path.read_text()


def test_bad_words_about_curves_are_answered() -> None:
    """A curve that does not exist, or a share out of range, is said with the mend."""
    for words, field in (
        (["sparkpot"], "--curve"),
        (["--target", "0"], "--target"),
        (["--mix", "x"], "--mix"),
    ):
        error = run(*words).exception
        assert isinstance(error, PlanError)
        assert error.problems[0].field == field
        assert error.problems[0].mend


def test_figures_of_vendors_are_read_only_for_a_published_curve() -> None:
    """A preview of a formula does not open the file of the vendors' figures."""
    code = (
        "import sys; from warmup.plan import plan\n"
        "list(plan(5000, start='2026-12-01').rows()); plan(5000, start='2026-12-01').advice()\n"
        "print('warmup.plan.published' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
