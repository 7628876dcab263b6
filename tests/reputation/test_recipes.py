"""What a lane's connections become after a provider asked for fewer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Stage
from warmup.model.lane import Learned
from warmup.providers import Classifier, parse_reply
from warmup.reputation.recipes import RECIPES, STRETCH, asked, recipe_for, spoiled, told, went_well
from warmup.timing import HOUR, MINUTE

GMAIL = (
    "4.7.28 Gmail has detected an unusual rate of email originating from your IP address 192.0.2.1. "
    "To protect our users from spam, email sent from your IP address has been temporarily rate limited."
)


@pytest.mark.parametrize(
    ("provider", "code", "text", "name"),
    [
        ("google", 421, GMAIL, "gmail-unusual-rate"),
        (
            "google",
            421,
            GMAIL.replace("IP address 192.0.2.1", "DKIM domain example.com"),
            "gmail-unusual-rate",
        ),
        (
            "microsoft_consumer",
            421,
            "RP-003 The mail server IP connecting to Outlook.com server has exceeded the connection limit",
            "outlook-connections",
        ),
        (
            "microsoft365",
            421,
            "4.3.2 The maximum number of concurrent connections per resource forest has exceeded a limit",
            "outlook-connections",
        ),
        (
            "gmx",
            421,
            "gmx.net Service closing transmission channel - too many connections",
            "gmx-connections",
        ),
        ("orange", 421, "mwinf5c79 ME Trop de connexions, veuillez verifier", "orange-connections"),
        ("netease", 421, "HL:ICC 163 mx35", "netease-connections"),
    ],
)
def test_replies_that_have_a_recipe(provider, code, text, name):
    """The replies for which a way back is published lead to it, by the rules that classify them."""
    verdict = Classifier.default().classify(provider, parse_reply(code, text), Stage.DOT)
    recipe = recipe_for(provider, verdict.rule)
    assert recipe is not None
    assert recipe.name == name


def test_nothing_is_made_up():
    """Every recipe has its source, and a provider for which nothing is published has none."""
    assert all(recipe.source.startswith("https://") for recipe in RECIPES)
    assert recipe_for("yahoo", "too-many-connections") is None
    assert recipe_for("other", "google-unusual-rate") is None
    assert recipe_for("google", "yahoo-volume") is None


def test_the_page_lists_them():
    """The documentation names every recipe with its figures and its source."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "judgement.md").read_text("utf-8")
    rows = page.partition("<!-- recipes -->")[2].partition("<!-- end -->")[0].split("\n")
    told = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows if row.startswith("| `")]
    assert [row[0] for row in told] == [f"`{recipe.name}`" for recipe in RECIPES]
    for row, recipe in zip(told, RECIPES, strict=True):
        assert row[2] == (f"{recipe.silence // MINUTE} min" if recipe.silence else "")
        assert row[3] == f"{recipe.first // MINUTE} min"
        assert recipe.source in row[4]


def test_gmail_is_met_again_as_it_asks():
    """After Gmail's 4.7.28: ten minutes of silence, one connection, then one more at a time."""
    recipe = recipe_for("google", "google-unusual-rate")
    assert recipe is not None
    assert recipe.silence == 10 * MINUTE
    learned = asked(Learned(), recipe)
    assert learned.connections == 1
    at, seen = HOUR, []
    for _ in range(60):
        learned = went_well(learned, at, 5)
        seen.append(learned.connections)
        at += MINUTE
    # Minute 0 begins the first stretch; 10, 20 and 30 add one; at 40 there are five, as many as usual.
    assert seen == [1] * 10 + [2] * 10 + [3] * 10 + [4] * 10 + [0] * 20
    assert learned == Learned()


def test_silence_alone_ends_with_one_acceptance():
    """After a silence for which no recipe is published one delivery goes first, then all as before."""
    learned = asked(Learned(), None)
    assert learned.connections == 1
    assert "one delivery goes first" in told(learned)
    assert went_well(learned, HOUR, 10) == Learned()


def test_silence_does_not_end_a_recipe():
    """Another silence, of another rule, leaves a recipe in force and begins its first stretch anew."""
    recipe = RECIPES[0]
    learned = went_well(asked(Learned(), recipe), HOUR, 5)
    again = asked(learned, None)
    assert (again.connections, again.stretch_from, again.recipe) == (1, 0, recipe.name)


steps = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["well", "spoiled", "asked", "silence"])), max_size=60
)


@given(st.sampled_from(RECIPES), st.integers(1, 20), steps)
def test_connections_grow_one_at_a_time(recipe, usual, steps):
    """Whatever happens: never more than usual, one more at a time, and only after a clean stretch."""
    learned, at, since = asked(Learned(), recipe), HOUR, None
    for minutes, what in steps:
        at += minutes * MINUTE
        before = learned
        if what == "well":
            learned = went_well(before, at, usual)
            if before.connections and not learned.connections:
                assert since is not None
                assert before.connections + 1 >= usual or before.recipe == ""
            else:
                assert before.connections <= learned.connections <= before.connections + 1
            if learned.connections > before.connections:
                assert since is not None
                assert at - since >= (recipe.first if before.connections == 1 else STRETCH)
                since = at
            elif since is None:
                since = at
        else:
            since = None
            learned = (
                spoiled(before) if what == "spoiled" else asked(before, recipe if what == "asked" else None)
            )
            if what == "spoiled":
                assert learned.connections == before.connections
            else:
                assert learned.connections == 1
        assert 0 <= learned.connections <= max(1, usual)
        assert bool(told(learned)) == bool(learned.connections)
        if not learned.connections:
            break
