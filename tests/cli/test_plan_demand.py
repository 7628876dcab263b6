"""``warmup plan`` against what must be sent, compared, from a database, and as a calendar."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from plan_house import house, run

from warmup.cli import main

DEMAND = "2,000 a day on weekdays, 40,000 on Tuesdays, season peak 120,000 on 27 November"


def forecast(*words: str) -> dict[str, object]:
    text = run("--demand", DEMAND, "--start", "2026-09-01", "--days", "100", "--format", "json", *words)
    found: dict[str, object] = json.loads(text)
    return found


def test_a_description_is_enough() -> None:
    """What goes, what waits and what is late, at 80 columns, with the consistency of both."""
    text = run("--demand", DEMAND, "--start", "2026-09-01", "--days", "100", "--ips", "2", "--deadline", "3")
    assert "120,000 a day once warm" in text
    assert "miss their deadline" in text.replace("\n  ", " ")
    assert "Consistency of the demand as it comes" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_target_that_nobody_named_is_explained() -> None:
    """Where a provider's largest day asks for more than the largest day of all, the plan says which it is."""
    words = ("--start", "2026-12-01", "--days", "30", "--curve", "linear:days=7")
    text = run("--demand", "80 a day", *words).replace("\n  ", " ")
    assert text.startswith("95 a day once warm")
    assert "above the largest day of 80, so that apple has room for its 2; --target says another" in text
    assert "above the largest day" not in run("--demand", "80 a day", "--target", "80", *words)


def test_the_table_is_the_forecast() -> None:
    """The sums of the table are those of the JSON: arrived = released + overflow + backlog."""
    found = forecast("--ips", "2", "--deadline", "3")["forecast"]
    assert isinstance(found, dict)
    totals = found["totals"]
    assert totals["arrived"] == totals["released"] + totals["overflow"] + totals["backlog"]
    text = run("--demand", DEMAND, "--start", "2026-09-01", "--days", "100", "--ips", "2", "--deadline", "3")
    weeks = [line.split() for line in text.splitlines() if re.match(r"20\d\d-\d\d-\d\d  ", line)]
    figures = [[int(cell.replace(",", "")) for cell in row[1:]] for row in weeks]
    assert sum(row[0] for row in figures) == totals["arrived"]
    assert sum(row[2] for row in figures) == totals["released"]
    assert sum(row[4] for row in figures) == totals["overflow"]
    csv = run(
        "--demand", DEMAND, "--start", "2026-09-01", "--days", "100", "--ips", "2", "--deadline", "3",
        "--format", "csv",
    )  # fmt: skip
    assert sum(int(line.split(",")[4]) for line in csv.splitlines()[1:]) == totals["released"]


def test_smoothing_makes_what_goes_steadier() -> None:
    """Once warm the weekly peak is spread within its deadline, and nothing more is late."""
    words = ("--demand", "500 a day on weekdays, 4,000 on tuesdays", "--start", "2026-09-01", "--days", "60")
    more = ("--deadline", "4", "--curve", "linear:days=4", "--format", "json", "--ramp", "calendar")
    plain = json.loads(run(*words, *more))["forecast"]
    smooth = json.loads(run(*words, *more, "--smooth"))["forecast"]
    assert smooth["consistency"]["plan"]["score"] > plain["consistency"]["plan"]["score"]
    assert smooth["totals"]["overflow"] <= plain["totals"]["overflow"]
    assert smooth["smoothed"]


def test_a_page_and_a_picture_show_it() -> None:
    """The page fetches nothing, and holds a picture of each provider that gets mail."""
    words = ("--demand", "900 a day", "--start", "2026-09-01", "--days", "20", "--format")
    page = run(*words, "html")
    assert page.count("<svg") >= 4 and "http://" not in page.replace("http://www.w3.org", "")
    assert "What becomes of it" in page
    drawn = run("--demand", DEMAND, "--start", "2026-09-01", "--days", "20", "--format", "svg")
    assert drawn.startswith("<svg") and f">{DEMAND}</text>" in drawn


def test_measured_values_take_the_place_of_profiles(tmp_path: Path) -> None:
    """A list of recipients gives the mix: from:FILE."""
    people = tmp_path / "people.txt"
    people.write_text("".join(f"u{n}@{'gmail.com' if n % 4 else 'yahoo.com'}\n" for n in range(400)))
    head = json.loads(
        run("--target", "1000", "--start", "2026-09-01", "--mix", f"from:{people}", "--format", "json")
    )["plan"]
    assert head["providers"]["google"] == pytest.approx(0.75)


def sends(folder: Path) -> tuple[Path, Path]:
    """Past sends of more than a year, half of them to a company whose mail Microsoft runs; its MX."""
    file, hosts = folder / "sends.csv", folder / "mx.txt"
    first = date(2025, 9, 1)
    days = [first + timedelta(days=at) for at in range(420)]
    # The last weeks differ: 100 a day, but 800 in every eighth week, and 300 a day a year before.
    figures = [300 if at < 91 else 800 if at >= 413 else 100 for at in range(420)]
    rows = (f"{day},gmail.com,{n}\n{day},firm.example,{n}\n" for day, n in zip(days, figures, strict=True))
    file.write_text("date,domain,count\n" + "".join(rows))
    hosts.write_text("firm.example 10 firm-example.mail.protection.outlook.com.\n")
    return file, hosts


def test_what_a_forecast_is_made_from_can_be_said(tmp_path: Path) -> None:
    """The weeks, their mean instead of the median, the season, and figures as they stand."""
    file, _ = sends(tmp_path)

    def arrivals(*words: str) -> list[int]:
        text = run("--demand", str(file), "--start", "2026-10-26", "--days", "7", "--format", "json", *words)
        rows = json.loads(text)["forecast"]["providers"]
        return [sum(day) for day in zip(*(row["arrived"] for row in rows), strict=True)]

    assert arrivals() == [200] * 7
    assert arrivals("--demand-weeks", "1") == [1_600] * 7
    assert arrivals("--demand-method", "mean") == [375] * 7
    assert arrivals("--demand-season", "--demand-weeks", "4") == [600 * 7_700 // 8_400] * 7
    assert arrivals("--demand-as", "figures", "--target", "500") == [0] * 7
    text = run("--demand", str(file), "--start", "2026-10-26", "--days", "7", "--demand-season")
    text = text.replace("\n  ", " ")
    assert "the median of 8 weeks" in text and "7 of 7 days follow the day 52 weeks before" in text


def test_a_hosted_domain_counts_for_who_runs_its_mail(tmp_path: Path) -> None:
    """With a file of MX hosts a company's domain is its provider's, in the demand and in the mix."""
    file, hosts = sends(tmp_path)
    words = ["--start", "2026-10-26", "--days", "7", "--mix", f"from:{file}", "--demand", str(file)]
    for more, name in (([], "other"), (["--mx", str(hosts)], "microsoft365")):
        found = json.loads(run(*words, *more, "--format", "json"))
        assert found["plan"]["providers"][name] == 0.5
        row = next(row for row in found["forecast"]["providers"] if row["provider"] == name)
        assert sum(row["arrived"]) == 700


def test_a_measured_mix_says_how_far_it_can_be_trusted(tmp_path: Path) -> None:
    """The table, the JSON and the page give the sample, and the 95 % interval of each share."""
    people = tmp_path / "people.txt"
    people.write_text("".join(f"u{n}@{'gmail.com' if n % 4 else 'yahoo.com'}\n" for n in range(400)))
    words = ["--target", "1000", "--start", "2026-09-01", "--mix", f"from:{people}"]
    found = json.loads(run(*words, "--format", "json"))["measured"]["mix"]
    assert found["sample"] == 400 and found["folded"] == {}
    google = found["shares"][0]
    assert (google["provider"], google["count"], google["share"]) == ("google", 300, 0.75)
    # Wilson's interval of 300 of 400, computed apart from the code: 0.7054 to 0.7899.
    assert (google["low"], google["high"]) == (
        pytest.approx(0.7054, abs=1e-3),
        pytest.approx(0.7899, abs=1e-3),
    )
    text = run(*words).replace("\n  ", " ")
    assert re.search(r"google +300 +75\.0 % +70\.5 to 79\.0 %", text)
    assert "400 of 400 lines count" in text
    demanded = run("--start", "2026-09-01", "--mix", f"from:{people}", "--demand", "100 a day")
    assert re.search(r"google +300 +75\.0 % +70\.5 to 79\.0 %", demanded)
    assert "70.5 to 79.0 %" in run(*words, "--format", "html")
    solved = run("solve", "feed", "--volume", "5000", "--mix", f"from:{people}")
    assert re.search(r"google +300 +75\.0 % +70\.5 to 79\.0 %", solved)


@pytest.mark.parametrize(
    ("words", "wrong", "mend"),
    [
        (["--mx", "{bad}"], "mx: 'firm.example' is no domain with its MX hosts", "write: example.com"),
        (["--mx", "nowhere"], "nowhere: mx: cannot be read", "check the name"),
        (["--log-timezone", "Europe/Berlinn"], "--log-timezone: there is no time zone", "Europe/Berlin"),
        (["--log-timezone", "Europe/Berlin"], "--log-timezone: given, but no log was read", "leave it out"),
        (["--demand-weeks", "0"], "--demand-weeks: 0 is out of range", "from 1 to 104"),
        (["--demand-growth", "much"], "--demand-growth: 'much' is no rate", "10% a month"),
        (
            ["--demand-as", "figures", "--demand-season"],
            "--demand-season: given, but no forecast",
            "leave it",
        ),
        (["--deadline", "-1"], "--deadline: -1 is out of range", "0 to 365"),
    ],
)
def test_what_cannot_be_read_so_is_refused(tmp_path: Path, words: list[str], wrong: str, mend: str) -> None:
    """Every option of reading is named with what is wrong with it, and the mend."""
    file, _ = sends(tmp_path)
    bad = tmp_path / "bad.txt"
    bad.write_text("firm.example\n")
    given = [word.format(bad=bad) for word in words]
    result = CliRunner().invoke(
        main, ["plan", "--demand", str(file), "--start", "2026-10-26", "--days", "7", *given]
    )
    assert result.exit_code in (64, 65)
    assert wrong in result.output and mend in result.output and "Traceback" not in result.output


def test_a_log_is_put_into_the_plan_s_zone(tmp_path: Path) -> None:
    """Times of a log that name no zone are those of its host: --log-timezone says which."""
    log = tmp_path / "mail.log"
    lines = []
    for day in range(1, 29):
        stamp = f"Nov {day:2} 23:30:00 mx postfix/smtp[1]: 4YxK{day:06}: "
        lines += [
            f"{stamp}to=<u{n}@gmail.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (x)\n"
            for n in range(20)
        ]
    log.write_text("".join(lines))
    words = ["--target", "1000", "--start", "2026-12-01", "--pattern", f"from:{log}", "--format", "json"]

    def busiest(*more: str) -> int:
        row = max(json.loads(run(*words, *more))["days"], key=lambda row: row["cap"])
        return max(range(24), key=lambda hour: row["hours"][hour])

    assert (busiest(), busiest("--log-timezone", "America/New_York")) == (23, 4)


def test_a_demand_without_mail_is_refused() -> None:
    """No plan is made for mail that does not come on the days shown; with a target it may be looked at."""
    words = ("--demand", "2000 a day from 2027-01-01", "--start", "2026-12-01", "--days", "10")
    result = CliRunner().invoke(main, ["plan", *words])
    assert result.exit_code == 64
    assert "brings no mail from 2026-12-01 to 2026-12-10" in result.output
    assert "is about none of the days" in run(*words, "--target", "500").replace("\n  ", " ")
    run(*words[:-1], "40")


def test_a_phrase_that_changes_nothing_is_named() -> None:
    """A peak that a later phrase overrides is told, because the mail in it would be missed."""
    words = ("--start", "2026-11-24", "--days", "10")
    text = run("--demand", "Black Friday 90k; 300 on weekdays", *words).replace("\n  ", " ")
    assert "'Black Friday 90k' changes nothing" in text
    assert "changes nothing" not in run("--demand", "300 on weekdays; Black Friday 90k", *words)


def test_one_day_to_come_is_a_schedule(tmp_path: Path) -> None:
    """A table whose only day is the plan's first, and lies ahead, is what must be sent."""
    file = tmp_path / "ahead.csv"
    file.write_text("date,domain,count\n2035-12-03,gmail.com,70\n2035-12-03,gmail.com,30\n")
    found = json.loads(run("--demand", str(file), "--start", "2035-12-03", "--days", "3", "--format", "json"))
    assert found["forecast"]["totals"]["arrived"] == 100


def test_smoothing_that_does_nothing_says_so() -> None:
    """Where no provider becomes warm in time, --smooth changes nothing, and the table tells."""
    words = ("--demand", "500 a day", "--start", "2026-12-01", "--days", "20", "--smooth")
    assert "Nothing is smoothed" in run(*words)
    assert "<li>Nothing is smoothed" in run(*words, "--format", "html")
    assert "smoothed" not in run(*words[:-1])


def test_milestones_are_a_calendar() -> None:
    """Each IP's start, its quarters and round volumes, as all-day events that a calendar takes."""
    text = run("--target", "20000", "--ips", "2", "--start", "2026-12-01", "--holidays", "2026-12-25",
               "--format", "ics")  # fmt: skip
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") and text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == text.count("UID:")
    assert "DTSTART;VALUE=DATE:20261201\r\nDTEND;VALUE=DATE:20261202\r\nSUMMARY:ip-1 starts" in text
    assert "SUMMARY:10\\,000 a day may go" in text
    assert "a holiday: nothing is sent" in text
    uids = re.findall(r"UID:(.*)", text)
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "5", "--deadline", "3"],
        ["--target", "5", "--smooth"],
        ["--target", "5", "--config", "x"],
        ["--from-db", "--target", "5"],
        ["--from-db", "--ramp", "calendar"],
        ["--from-db", "--deadline", "3"],
        ["--demand", "500 a day", "--by", "ip"],
    ],
)
def test_an_option_that_would_change_nothing_is_refused(words: list[str]) -> None:
    """Whoever gives an option is told where it does not count, instead of a plan without it."""
    result = CliRunner().invoke(main, ["plan", *words])
    assert result.exit_code == 64
    assert words[-2 if words[-1][0] != "-" else -1] in result.output


def test_a_milestone_that_moves_keeps_its_name() -> None:
    """An edited plan moves the events that a calendar has already, and repeats none."""

    def events(*words: str) -> dict[str, str]:
        text = run("--start", "2026-12-01", "--format", "ics", *words).replace("\r\n ", "")
        found = re.findall(r"UID:(.*)\r\n.*\r\nDTSTART;VALUE=DATE:(.*)\r\n.*\r\nSUMMARY:(.*)\r\n", text)
        return {uid: f"{day} {summary}" for uid, day, summary in found}

    before, after = events("--target", "20000"), events("--target", "10000")
    assert set(after) <= set(before)
    ten = {uid for uid, told in before.items() if told.endswith("10\\,000 a day may go")}
    assert len(ten) == 1 and all(after[uid] > before[uid] for uid in ten)


def test_every_week_of_the_table_is_the_forecast_s() -> None:
    """Each figure of each week, and of each provider, is what the JSON says of it."""
    words = ("--ips", "2", "--deadline", "3")
    found = forecast(*words)["forecast"]
    assert isinstance(found, dict)
    rows = {one["provider"]: one for one in found["providers"]}
    text = run("--demand", DEMAND, "--start", "2026-09-01", "--days", "100", *words)
    weeks = [line.split() for line in text.splitlines() if re.match(r"20\d\d-\d\d-\d\d  ", line)]
    assert len(weeks) == 15
    for at, week in enumerate(weeks):
        part = slice(7 * at, min(7 * at + 7, 100))
        sums = [sum(sum(row[name][part]) for row in rows.values()) for name in ("arrived", "cap", "released")]
        waiting = sum(row["backlog"][part.stop - 1] for row in rows.values())
        late = sum(sum(row["overflow"][part]) for row in rows.values())
        assert [int(cell.replace(",", "")) for cell in week[1:]] == [*sums, waiting, late]
    for name, row in rows.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        told = [int(cell.replace(",", "")) for cell in line.split()[1:5]]
        assert told == [sum(row["arrived"]), sum(row["released"]), sum(row["overflow"]), row["backlog"][-1]]


def test_what_waits_is_late_when_its_stream_says_so(tmp_path: Path) -> None:
    """The deadline of a configured stream holds for the mail that waits already."""
    config = house(tmp_path, 1, '[streams.bulk]\ndeadline = "2h"\n')
    letter = tmp_path / "letter.eml"
    letter.write_text("From: a@example.net\nTo: b@gmail.com\nSubject: x\n\nhello\n")
    for stream in ("bulk", "default"):
        words = ["submit", "-c", str(config), "--stream", stream, str(letter)]
        assert CliRunner().invoke(main, words).exit_code == 0
    found = json.loads(run("--from-db", "-c", str(config), "--days", "5", "--format", "json"))["forecast"]
    assert (found["totals"]["released"], found["totals"]["overflow"]) == (1, 1)
    assert found["misses"][0]["stream"] == "bulk"


def test_a_calendar_from_a_database_is_of_what_is_to_come(tmp_path: Path) -> None:
    """Milestones are those of the lanes as they stand: none of the first steps that lie behind them."""
    more = 'step = 40\n[sources."127.0.0.3"]\nehlo = "mx2.example.net"\nwarm = true\n'
    config = house(tmp_path, 20_000, more)
    words = ("--from-db", "-c", str(config), "--demand", "20,000 a day", "--days", "30")
    told = re.findall(r"SUMMARY:(.*)\r\n", run(*words, "--format", "ics"))
    assert sorted(told) == ["127.0.0.2:google is warm", "127.0.0.2:other is warm"]
    page = run(*words, "--format", "html")
    assert "What becomes of it" in page and "<h2>Days</h2>" not in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--days", "0"], "--days: 0 is out of range"),
        (["--days", "4000"], "--days: 4,000 is out of range"),
        (["--smooth", "--keep-warm", "-1"], "--keep-warm: -1 is below 0"),
        (["--smooth", "--patience", "0"], "--patience: 0 is out of range"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(tmp_path: Path, words: list[str], told: str) -> None:
    """Beside a database too, a mistake is told under the option's own name."""
    config = house(tmp_path)
    for demand in ([], ["--demand", "5 a day"]):
        result = CliRunner().invoke(main, ["plan", "--from-db", "-c", str(config), *words, *demand])
        assert result.exit_code == 64 and told in result.output


def test_the_future_from_a_database(tmp_path: Path) -> None:
    """The forecast begins tomorrow, with the lanes and the mail as they stand."""
    config = tmp_path / "warmup.toml"
    config.write_text(
        f'[warmup]\ndatabase = "sqlite:///{tmp_path}/data/warmup.db"\nstate_dir = "{tmp_path}/state"\n'
        '[plan]\ntarget = 100\nstart = 2026-01-01\nmix = "google=0.5,other=0.5"\n'
        '[sources."127.0.0.2"]\nehlo = "mx.example.net"\nwarm = true\n'
    )
    (tmp_path / "data").mkdir()
    run_ = CliRunner()
    assert run_.invoke(main, ["db", "upgrade", "-c", str(config)]).exit_code == 0
    letter = tmp_path / "letter.eml"
    letter.write_text("From: a@example.net\nTo: b@gmail.com\nSubject: x\n\nhello\n")
    assert run_.invoke(main, ["submit", "-c", str(config), str(letter)]).exit_code == 0
    found = json.loads(run("--from-db", "-c", str(config), "--days", "5", "--format", "json"))["forecast"]
    assert found["totals"]["arrived"] == 1
    assert found["days"] == 5
