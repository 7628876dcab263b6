"""Holidays, pauses and sending days: rest lowers a plan and never raises it."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from warmup.cli.plan import plan as command
from warmup.config import Config
from warmup.errors import ConfigError, DataError, PlanError
from warmup.plan import Plan, plan
from warmup.plan.rest import Pause, parse_holidays, parse_pauses, sending_days

START = date(2026, 12, 1)
DAYS = [START + timedelta(days=number) for number in range(40)]
IPS = ["192.0.2.1", "192.0.2.2"]


def make(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "target": 10_000,
        "start": START,
        "ips": IPS,
        "mix": "google=0.6,yahoo=0.3,other=0.1",
    }
    return plan(**(given | {"days": 40} | changes))


days = st.sampled_from(DAYS)
pauses = st.builds(
    lambda first, length, source, provider: Pause(
        first=first, last=first + timedelta(days=length), source=source, provider=provider
    ),
    days,
    st.integers(0, 9),
    st.sampled_from([None, *IPS]),
    st.sampled_from([None, "google", "yahoo"]),
)
rests = st.fixed_dictionaries(
    {
        "holidays": st.lists(days, max_size=5),
        "pauses": st.lists(pauses, max_size=3),
        "weekdays": st.sampled_from(["mon-fri", "1,1,1,1,1,0.5,0", "mon-sun"]),
        "curve": st.sampled_from(["ses", "sparkpost", "responsys", "mailtrap", "acelle-by-provider"]),
    }
)


@given(words=rests)
def test_rest_only_lowers(words: dict[str, Any]) -> None:
    """Holidays and pauses never raise what a lane may send on a day; at rest it sends nothing."""
    with_rest, without = make(**words), make(**words | {"holidays": None, "pauses": ()})
    for one, other in zip(with_rest.rows(), without.rows(), strict=True):
        assert one.cap <= other.cap
        if with_rest.rests(one.ip, one.provider, one.date):
            assert one.cap == 0


@given(words=rests)
def test_a_day_of_rest_is_no_step(words: dict[str, Any]) -> None:
    """A lane's n-th day that is no day of rest is its step n, however long it rested before."""
    made = make(**words)
    steps: dict[tuple[str, str], int] = {}
    for row in made.rows():
        lane = (row.ip, row.provider)
        if not made.rests(row.ip, row.provider, row.date):
            steps[lane] = steps.get(lane, 0) + 1
            assert row.cap == made.caps(row.ip, steps[lane], row.date)[row.provider]
    assert all(
        not made.rests(row.ip, row.provider, row.date) or made.caps(row.ip, 40, row.date)[row.provider] == 0
        for row in made.rows()
    )


@given(pause=pauses)
def test_a_pause_reads_back_from_its_name(pause: Pause) -> None:
    """The text form of a pause gives the pause again, as do its fields."""
    table = {"first": pause.first, "last": pause.last, "source": pause.source, "provider": pause.provider}
    assert parse_pauses([pause.name]) == parse_pauses([table]) == parse_pauses([pause]) == (pause,)


def test_rest_changes_the_fingerprint_and_its_absence_does_not() -> None:
    """A plan with days of rest is another plan; one without is the plan it always was."""
    prints = {
        make().fingerprint,
        make(holidays=["2026-12-25"]).fingerprint,
        make(pauses=["2026-12-25"]).fingerprint,
        make(pauses=["2026-12-25,google"]).fingerprint,
    }
    assert len(prints) == 4
    assert make(holidays=[], pauses=[]).fingerprint == make().fingerprint
    head = make(holidays=["2026-12-25"], pauses=["2026-12-26..2026-12-27,192.0.2.1"]).head()
    assert head["holidays"] == ["2026-12-25"]
    assert head["pauses"] == ["2026-12-26..2026-12-27,192.0.2.1"]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("mon-fri", (1, 1, 1, 1, 1, 0, 0)),
        ("Monday-Friday", (1, 1, 1, 1, 1, 0, 0)),
        ("mon,wed,fri", (1, 0, 1, 0, 1, 0, 0)),
        ("sat-mon", (1, 0, 0, 0, 0, 1, 1)),
        ("tue-thu,sun", (0, 1, 1, 1, 0, 0, 1)),
        ("mo-fr", None),
        ("mon-wed-fri", None),
        ("", None),
        ("-", None),
    ],
)
def test_sending_days_are_weekdays(text: str, weights: tuple[int, ...] | None) -> None:
    """Days of the week are named in English, from three letters on, alone or from one to another."""
    assert sending_days(text) == weights


def test_holidays_come_from_words_and_files(tmp_path: Path) -> None:
    """Dates, ranges, a file of dates and a calendar file give the same days, sorted, each once."""
    wanted = (date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1))
    (tmp_path / "days.txt").write_text(
        "\ufeff2027-01-01 New Year\n# more\n2026-12-26;Boxing Day\n2026-12-25\n"
    )
    (tmp_path / "days.ics").write_text(
        "BEGIN:VCALENDAR\r\nDTSTART;VALUE=DATE:20261225\r\nDTSTART;VALUE=DATE:20261226\r\n"
        "DTSTART:20270101T000000Z\r\nEND:VCALENDAR\r\n"
    )
    for given_as in (
        "2026-12-25..2026-12-26,2027-01-01",
        ["2027-01-01", date(2026, 12, 25), "2026-12-26", "2026-12-25"],
        "days.txt",
        "days.ics,2026-12-25",
    ):
        assert parse_holidays(given_as, start=START, base=tmp_path) == wanted


def test_a_country_has_its_holidays() -> None:
    """country:DE-BY is what the package holidays knows of Bavaria, for the years of the longest plan."""
    pytest.importorskip("holidays", reason="the extra holidays is not installed")
    country, region = (parse_holidays(word, start=START) for word in ("country:DE", "country:DE-BY"))
    assert {date(2026, 12, 25), date(2027, 1, 1), date(2036, 10, 3)} <= set(country) < set(region)
    assert date(2027, 1, 6) in set(region) - set(country)
    for word, wrong in (("country:XX", "no holidays are known"), ("country:DE-XX", "no region XX")):
        with pytest.raises(PlanError, match=wrong):
            parse_holidays(word, start=START)


def test_a_country_without_the_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a country's holidays without the extra is told its name."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(PlanError) as caught:
        parse_holidays("country:DE", start=START)
    assert "ip-warmup[holidays]" in caught.value.problems[0].mend


@pytest.mark.parametrize(
    ("changes", "field", "wrong"),
    [
        ({"holidays": "2026-13-01"}, "holidays", "not a calendar date"),
        ({"holidays": "christmas"}, "holidays", "no date"),
        ({"holidays": "country:Germany"}, "holidays", "no country"),
        ({"holidays": "2026-12-26..2026-12-25"}, "holidays", "no range"),
        ({"holidays": "1990-01-01..2020-01-01"}, "holidays", "no range"),
        ({"holidays": [7]}, "holidays", "not a calendar date"),
        ({"pauses": ["soon"]}, "pauses.0", "not a calendar date"),
        ({"pauses": ["2026-12-26..2026-12-25"]}, "pauses.0", "before it begins"),
        ({"pauses": ["2026-12-26,192.0.2.9"]}, "pauses.0", "not in the plan"),
        ({"pauses": ["2026-12-26,googel"]}, "pauses.0", "no provider"),
        ({"pauses": ["2026-12-26,google,yahoo"]}, "pauses.0", "more than"),
        ({"pauses": ["2026-12-26", {"from": "2026-12-26"}]}, "pauses.1", "not a pause"),
        ({"pauses": [{"first": "2026-12-26", "lst": "2026-12-27"}]}, "pauses.0", "unknown key"),
        ({"pauses": [7]}, "pauses.0", "not a pause"),
        ({"pauses": ["2026-12-26"] * 1_001}, "pauses", "1,001"),
        ({"weekdays": "mon-foo"}, "weekdays", "names no days"),
    ],
)
def test_bad_rest_is_refused_with_its_field_and_the_mend(
    changes: dict[str, Any], field: str, wrong: str
) -> None:
    """What is no day, no pause and no lane of the plan is named, with what to write instead."""
    with pytest.raises(PlanError) as caught:
        make(**changes)
    [problem] = caught.value.problems
    assert problem.field == field
    assert wrong in problem.wrong
    assert problem.mend


@pytest.mark.parametrize("text", [b"25.12.2026\n", b"2026-12-25x\n", b"\xff\xfe", b"2026-12-25\n" * 100_000])
def test_bad_files_of_holidays_are_refused(tmp_path: Path, text: bytes) -> None:
    """A file that is no list of dates is a mistake in the data, said with its line."""
    (tmp_path / "days.txt").write_bytes(text)
    with pytest.raises(DataError) as caught:
        parse_holidays("days.txt", start=START, base=tmp_path)
    assert caught.value.problems[0].mend


def test_the_command_takes_days_of_rest() -> None:
    """Options for sending days, holidays and pauses make the plan that the library makes."""
    words = ["--target", "10000", "--start", "2026-12-01", "--days", "40", "--format", "json"]
    words += ["--ips", ",".join(IPS), "--mix", "google=0.6,yahoo=0.3,other=0.1", "--sending-days", "mon-fri"]
    words += ["--holidays", "2026-12-25", "--pause", "2026-12-28..2026-12-31", "--pause", "2027-01-04,google"]
    out = CliRunner().invoke(command, words).output
    made = make(
        weekdays="mon-fri",
        holidays=["2026-12-25"],
        pauses=["2026-12-28..2026-12-31", "2027-01-04,google"],
    )
    assert json.loads(out) == made.to_dict()
    text = CliRunner().invoke(command, [*words, "--format", "table"]).output
    assert "16 days of rest in these 40" in text
    error = CliRunner().invoke(command, [*words, "--weekdays", "1,1,1,1,1,1,1"]).exception
    assert isinstance(error, PlanError)
    assert error.problems[0].field == "--sending-days"
    for option, value in (("--pause", "soon"), ("--sending-days", "mon-foo"), ("--holidays", "soon")):
        error = CliRunner().invoke(command, ["--target", "9", option, value]).exception
        assert isinstance(error, PlanError)
        assert error.problems[0].field.startswith(option)


def test_the_configuration_takes_days_of_rest(tmp_path: Path) -> None:
    """Keys under [plan] say what the options say; mistakes have their place."""
    (tmp_path / "days.txt").write_text("2026-12-25\n")
    tables: dict[str, Any] = {
        "warmup": {"database": "sqlite:///warmup.db"},
        "plan": {
            "target": 1_000,
            "start": START,
            "weekdays": "mon-fri",
            "holidays": ["days.txt", date(2027, 1, 1)],
            "pauses": ["2026-12-28..2026-12-30", {"first": date(2027, 2, 1), "source": "192.0.2.1"}],
        },
        "sources": {"192.0.2.1": {"ehlo": "mx.example.com"}},
    }
    made = Config.from_dict(tables, base=tmp_path).plan
    assert made.holidays == (date(2026, 12, 25), date(2027, 1, 1))
    assert [pause.name for pause in made.pauses] == ["2026-12-28..2026-12-30", "2027-02-01,192.0.2.1"]
    assert made.weekdays == (1, 1, 1, 1, 1, 0, 0)
    for key, value in (
        ("holidays", "soon"),
        ("holidays", 7),
        ("holidays", [7]),
        ("pauses", "2026-12-28"),
        ("pauses", ["2026-12-28,192.0.2.9"]),
        ("pauses", ["soon"]),
    ):
        with pytest.raises(ConfigError) as caught:
            Config.from_dict({**tables, "plan": {**tables["plan"], key: value}}, base=tmp_path)
        assert caught.value.problems[0].field.startswith(f"plan.{key}")
        assert caught.value.problems[0].mend
