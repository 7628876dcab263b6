"""``warmup simulate`` and the worlds behind it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from warmup.cli import main
from warmup.contracts import Receiver, World
from warmup.forecast.contest import contest, measure, score
from warmup.forecast.finding import world_of
from warmup.forecast.simulate import Day, Track, course, run
from warmup.forecast.strategies import STRATEGIES, strategy_of
from warmup.forecast.worlds import WORLDS
from warmup.timing import Chance


def simulate(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["simulate", *words])
    return result.exit_code, result.output


def test_strategies_are_compared_in_a_table() -> None:
    """The oracle first, then each strategy, in the worlds that were named."""
    code, text = simulate(
        "--world", "lenient", "--strategy", "ours", "--strategy", "ses", "--target", "300", "--days", "30",
        "--draws", "2",
    )  # fmt: skip
    assert code == 0
    assert "lenient       oracle" in text and "ours" in text and "ses" in text
    assert "Worlds are models" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_same_seed_gives_the_same_figures() -> None:
    """A comparison can be repeated to the digit, and another seed draws other providers."""
    words = ("--world", "strict", "--strategy", "ours", "--target", "300", "--days", "20", "--draws", "2")
    first = simulate(*words, "--format", "json")[1]
    assert first == simulate(*words, "--format", "json")[1]
    assert first != simulate(*words, "--format", "json", "--seed", "7")[1]
    assert {row["strategy"] for row in json.loads(first)} == {"oracle", "ours"}


def test_a_world_that_is_none_is_named() -> None:
    """A typing mistake is met with the nearest name."""
    code, text = simulate("--world", "strickt")
    assert code == 64
    assert "did you mean strict?" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--strategy", "ourz"), "did you mean ours?"),
        (("--strategy", "geometric:start=0"), "0 is out of range"),
        (("--strategy", "oracles"), "there is no strategy 'oracles'"),
        (("--draws", "0"), "0 is not in the range"),
        (("--target", "0"), "0 is not in the range"),
        (("--days", "0"), "0 is not in the range"),
        (("--world", "nosuchmodule:world"), "PYTHONPATH"),
        (("--list", "--format", "svg"), "--list"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(words: tuple[str, ...], said: str) -> None:
    """A mistake is named before anything is reckoned, with exit code 64."""
    code, text = simulate(*words)
    assert (code, said in text) == (64, True), text


@pytest.mark.parametrize(
    "words", [("--target", "1", "--days", "1"), ("--target", "1"), ("--days", "1"), ("--target", "10000000")]
)
@pytest.mark.parametrize("world", ["strict", "idle"])
def test_the_least_and_the_most_are_answered(world: str, words: tuple[str, ...]) -> None:
    """The smallest and the largest figures give a table as any others do."""
    code, text = simulate(
        "--days", "12", "--world", world, "--strategy", "ours", "--strategy", "naive", "--draws", "1", *words
    )
    assert code == 0, text
    assert "oracle" in text


def test_everything_there_is_is_listed() -> None:
    """Each world says what it is and over which range it is drawn, each strategy what it does."""
    code, text = simulate("--list")
    assert code == 0
    facts = json.loads(simulate("--list", "--format", "json")[1])
    told = {world["name"]: world for world in facts["worlds"]}
    assert set(WORLDS) <= set(told)
    assert all(told[name]["summary"] and told[name]["ranges"] for name in WORLDS)
    assert {row["name"] for row in facts["strategies"]} == set(STRATEGIES)
    assert all(name in text for name in (*WORLDS, *STRATEGIES, "oracle"))
    assert all(len(line) <= 80 for line in text.splitlines())


def test_pictures_and_pages_fetch_nothing(tmp_path: Path) -> None:
    """The page holds a table and a panel for each strategy, the picture the panels; neither fetches."""
    words = ("--world", "strict", "--strategy", "ours", "--target", "300", "--days", "9", "--draws", "1")
    page = tmp_path / "page.html"
    assert simulate(*words, "--format", "html", "--output", str(page))[0] == 0
    html = page.read_text("utf-8")
    picture = simulate(*words, "--format", "svg")[1]
    for text in (html, picture):
        assert not re.findall(r"(?:src|href)=|url\(|@import|<script", text)
        assert set(re.findall(r"https?://[^\"\s]*", text)) == {"http://www.w3.org/2000/svg"}
    ElementTree.fromstring(picture)
    assert html.count("<svg") == 3
    assert picture.count("<svg") == 3
    assert "<td>oracle</td>" in html and "Worlds are models" in html


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_worlds_keep_what_they_promise(name: str) -> None:
    """The same chance draws the same provider; runs are no longer than what was asked."""
    laid = course(300, 10)
    world = world_of(name)
    assert isinstance(world, World)
    tracks = [
        run(laid, world.begin(laid.setting, Chance(3)), strategy_of("ours")(laid), "ours") for _ in range(2)
    ]
    assert tracks[0] == tracks[1]
    receiver = world.begin(laid.setting, Chance(3))
    assert isinstance(receiver, Receiver)
    answered = receiver.answer(laid.setting.start, 50, 0, 1)
    assert 1 <= answered.attempts <= 50


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_good_news_never_outruns_the_curve(name: str) -> None:
    """Whatever a world answers, no cap is more than twice the largest before it."""
    laid = course(2_000, 25)
    world = world_of(name)
    track = run(laid, world.begin(laid.setting, Chance(5)), strategy_of("ours")(laid), "ours")
    before = 0
    for day in track.days:
        assert day.cap <= max(50, 2 * before)
        assert day.accepted <= day.cap
        before = max(before, day.cap)


def test_bad_news_costs_less_than_ignoring_it() -> None:
    """In a strict world our friction is far below a fixed calendar's, and the oracle delivers no less."""
    meetings = list(
        contest(world_of("strict"), ["ours", "sparkpost"], target=2_000, days=40, draws=2, seed=3)
    )
    ours, fixed = (score("strict", name, meetings) for name in ("ours", "sparkpost"))
    assert ours.friction < fixed.friction
    assert ours.delivered <= 1.02


def test_a_lane_held_for_nothing_is_a_false_alarm() -> None:
    """Days far below the best, a week after the last bad word, count; those just under a ceiling do not."""

    def alarms(cap: int, **bad: int) -> int:
        before = [Day(number, cap=100, accepted=100, standing="warm") for number in range(3)]
        held = [Day(number, cap=cap, accepted=cap, standing="reduced") for number in range(3, 20)]
        held[0] = Day(3, cap=cap, accepted=cap, standing="reduced", **bad)
        return measure(Track("x", (*before, *held)), 100).false_alarms

    assert alarms(50, deferred=1) == 9
    assert alarms(50, complained=1) == 9
    assert alarms(95, deferred=1) == 0
    fading = [Day(number, cap=50, standing="reduced", mail=False) for number in range(20)]
    assert measure(Track("x", (Day(0, cap=100, accepted=100), *fading)), 100).false_alarms == 0
