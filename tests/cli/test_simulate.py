"""``warmup simulate`` and the worlds behind it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from warmup.cli import main
from warmup.contracts import Receiver, World
from warmup.forecast.contest import contest, score
from warmup.forecast.simulate import course, run
from warmup.forecast.strategies import strategy_of
from warmup.forecast.worlds import WORLDS, world_of
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
    code, _ = simulate("--world", "strickt")
    assert code == 64


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
