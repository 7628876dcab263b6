"""Advice: each finding where it applies, true, with a mend that mends."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from warmup.cli.plan import plan as command
from warmup.plan import Advice, Plan, plan
from warmup.plan.curves import PUBLISHED
from warmup.plan.reach import reach

START = date(2026, 12, 1)


def make(**changes: Any) -> Plan:
    given: dict[str, Any] = {"target": 50_000, "start": START, "ips": ["192.0.2.1"], "days": 60}
    return plan(**(given | changes))


def found(code: str, **changes: Any) -> Advice | None:
    return next((item for item in make(**changes).advice() if item.code == code), None)


@pytest.mark.parametrize(
    ("code", "applies", "does_not"),
    [
        ("provider-binds", {"curve": "responsys"}, {"curve": "ses", "target": 80_000}),
        ("too-many-ips", {"target": 5_000, "ips": 9}, {"target": 500_000, "ips": 9}),
        ("long-ramp", {"target": 80}, {"target": 80, "curve": "linear:days=7"}),
        ("long-ramp", {"target": 1_000}, {"target": 1_001}),
        ("not-for-an-ip", {"curve": "resend-new"}, {"curve": "mailtrap"}),
        ("not-for-an-ip", {"curve": "campaign-deputy"}, {"curve": [50, 100]}),
        ("second-hand", {"curve": "sendgrid-manual"}, {"curve": "sendgrid"}),
        ("second-hand", {"curve": "sparkpost-ui"}, {"curve": "sparkpost"}),
        ("security-gateways", {"mix": "b2b"}, {"mix": "us"}),
        ("security-gateways", {"mix": "barracuda=0.5,other=0.5"}, {"mix": "google=0.5,other=0.5"}),
        ("same-24", {"ips": "192.0.2.1,192.0.2.9"}, {"ips": "192.0.2.1,192.0.3.1"}),
        ("same-64", {"ips": "2001:db8::1,2001:db8::2"}, {"ips": "2001:db8::1,2001:db8:0:1::1"}),
        ("same-24", {"ips": "192.0.2.1,192.0.2.9"}, {"ips": 2}),
        ("starts-at-rest", {"holidays": ["2026-12-01"]}, {"holidays": ["2026-12-02"]}),
        ("starts-at-rest", {"start": "2026-12-05", "weekdays": "mon-fri"}, {"weekdays": "mon-fri"}),
        ("pause-goes-cold", {"pauses": ["2026-12-05..2027-01-03"]}, {"pauses": ["2026-12-05..2027-01-02"]}),
        ("nothing-sent", {"holidays": ["2026-12-01"], "days": 1}, {"holidays": ["2026-12-01"], "days": 2}),
        ("steep-step", {"curve": "braze-moderate"}, {"curve": "geometric:start=50,growth=2"}),
    ],
)
def test_a_finding_appears_where_it_applies(
    code: str, applies: dict[str, Any], does_not: dict[str, Any]
) -> None:
    """The plan that a finding is about gets it, and the one next to it does not."""
    item = found(code, **applies)
    assert item is not None
    assert item.mend or code in {"starts-at-rest"}
    assert found(code, **does_not) is None


@given(
    target=st.integers(50, 3_000_000),
    ips=st.integers(1, 40),
    curve=st.sampled_from(["ses", "mailtrap", "responsys", "braze-conservative", "linear"]),
    pattern=st.sampled_from(["flat", "office"]),
)
def test_the_number_of_ips_that_is_offered_carries_the_target(
    target: int, ips: int, curve: str, pattern: str
) -> None:
    """Where a plan falls short, as many IPs as advice says do reach the target, under the same curve."""
    item = found("target-not-reached", target=target, ips=ips, curve=curve, pattern=pattern)
    if item is None or not (match := re.match(r"([0-9,]+) IPs carry", item.mend)):
        return
    count = int(match[1].replace(",", ""))
    assert count > ips
    assert found("target-not-reached", target=target, ips=count, curve=curve, pattern=pattern) is None


@given(target=st.integers(600, 300_000), ips=st.integers(2, 60), mix=st.sampled_from(["us", "de", "b2b"]))
def test_fewer_ips_make_every_provider_know_them(target: int, ips: int, mix: str) -> None:
    """With the number of IPs that is offered, whoever could be sent 300 a day by one IP gets it from each."""
    item = found("too-many-ips", target=target, ips=ips, mix=mix, curve="linear")
    one = make(target=target, ips=1, mix=mix, curve="linear")
    reachable = {p for p, part in one.parts_of(target).items() if part >= 300 and p != "other"}
    if item is None:
        return
    count = int(item.mend.split(" ")[0].replace(",", ""))
    assert 1 <= count < ips
    fewer = make(target=target, ips=count, mix=mix, curve="linear")
    shares = [source.share for source in fewer.sources]
    assert all(fewer.parts_of(min(shares) + 1)[provider] >= 299 for provider in reachable)
    assert found("too-many-ips", target=target, ips=count, mix=mix, curve="linear") is None


def test_a_single_provider_that_binds_is_named() -> None:
    """Where one row keeps the plan from its target, the finding says whose, its end and what was wanted."""
    item = found("provider-binds", curve="responsys", mix="google=0.5,yahoo=0.1,other=0.4", target=30_000)
    assert item is not None
    assert item.message.startswith("google alone binds the plan: the row of google ends at 12,500 a day")
    assert "15,000" in item.message


def test_a_steep_step_comes_with_an_even_curve() -> None:
    """The curve that is offered for a jump does not jump, and is where it says on the day it says."""
    item = found("steep-step", curve="braze-moderate")
    assert item is not None
    assert "x5.0" in item.message
    name, end, day = re.search(r"--curve (\S+) .* at ([0-9,]+) on day ([0-9]+)", item.mend).groups()  # type: ignore[union-attr]
    assert found("steep-step", curve=name) is None
    caps = make(curve=name).lanes_of(50_000, int(day))
    assert sum(caps.values()) == int(end.replace(",", ""))


@given(
    curve=st.sampled_from(["ses", "geometric", *PUBLISHED]),
    target=st.integers(1, 2_000_000),
    mix=st.sampled_from(["us", "uk", "de", "fr", "pl", "b2b", "google=1"]),
)
def test_advice_is_short_and_has_its_fields(curve: str, target: int, mix: str) -> None:
    """Whatever the plan: few findings, warnings first, each code once, each a sentence or a few."""
    items = make(curve=curve, target=target, mix=mix).advice()
    assert len(items) <= 10
    levels = [item.level for item in items]
    assert levels == sorted(levels, reverse=True)
    assert len({item.code for item in items}) == len(items)
    assert all(20 < len(item.message) < 420 and len(item.mend) < 160 for item in items)
    assert all(item.message.endswith(".") and not item.mend.endswith(".") for item in items)


def test_eighty_a_day_get_an_honest_answer() -> None:
    """For 80 a day the command says per provider what is sent, that nobody tracks it, and what is left."""
    text = CliRunner().invoke(command, ["--target", "80", "--start", "2026-12-01"]).output
    assert re.search(r"google +40  not tracked", text)
    assert "smarthost" in text
    assert "linear:days=7" in text
    assert max(map(len, text.splitlines())) <= 80
    levels = {item.provider: item.level for item in reach(make(target=80))}
    assert levels["google"] == "too little"
    assert levels["other"] == "shared"
    warm = {item.provider: item.level for item in reach(make(target=3_000))}
    assert (warm["google"], warm["yahoo"], warm["apple"]) == ("warm", "known", "too little")


def test_each_finding_of_the_json_has_its_mend() -> None:
    """Scripts find level, code, message and mend in each entry."""
    out = CliRunner().invoke(command, ["--target", "80", "--start", "2026-12-01", "--format", "json"]).output
    entries = json.loads(out)["advice"]
    assert {"below-tracking", "long-ramp", "ses-model"} <= {entry["code"] for entry in entries}
    assert all(set(entry) == {"level", "code", "message", "mend"} for entry in entries)
