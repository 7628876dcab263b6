"""Rules of an operator's own: they come first, and every mistake in them is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.config import Config
from warmup.errors import ConfigError
from warmup.model import Category, Outcome, Reaction, Scope, Stage, Verdict
from warmup.providers import Classifier, Directory, classify, parse_reply
from warmup.timing import HOUR, MINUTE


def said(classifier: Classifier, text: str, provider: str = "other", stage: Stage = Stage.RCPT) -> Verdict:
    return classifier.classify(provider, parse_reply(int(text[:3]), text[4:]), stage)


def own(**rule: Any) -> Classifier:
    return Classifier.default().extended([{"category": "policy", **rule}])


def test_own_rules_come_first() -> None:
    """The first rule of one's own that fits decides, then the next, then those that are shipped."""
    classifier = Classifier.default().extended(
        [
            {"text": ["user unknown"], "provider": "gmail", "category": "greylist"},
            {"id": "mine", "text": "user unknown", "category": "mailbox_full"},
        ]
    )
    assert said(classifier, "550 User unknown", "google").rule == "own-1"
    assert said(classifier, "550 User unknown").rule == "mine"
    assert said(classifier, "550 No such user").rule == said(Classifier.default(), "550 No such user").rule
    rule = classifier.rule("mine")
    assert rule is not None
    assert rule.source == "configuration"
    assert classify("other", parse_reply(550, "User unknown"), Stage.RCPT).rule == "not-here-strong"


def test_what_is_not_said_comes_from_the_category() -> None:
    """A rule of a category alone does what that category does, for either class of code."""
    classifier = own(text=["bananas"], category="invalid_recipient")
    hard, soft = said(classifier, "550 Bananas"), said(classifier, "450 Bananas")
    assert (hard.reaction, hard.outcome) == (Reaction.DROP_RECIPIENT, Outcome.REJECTED)
    assert (soft.reaction, soft.outcome) == (Reaction.DEFER_RECIPIENT, Outcome.DEFERRED)


def test_what_is_said_holds() -> None:
    """Scope, reaction, waits, outcome and finding are as the rule says."""
    verdict = said(
        own(
            text=["bananas"],
            category="auth_failure",
            scope="ip",
            reaction="pause_provider",
            outcome="deferred",
            retry_after=HOUR,
            pause=30 * MINUTE,
            finding="ptr",
        ),
        "550 Bananas",
    )
    assert verdict == Verdict(
        outcome=Outcome.DEFERRED,
        category=Category.AUTH_FAILURE,
        scope=Scope.IP,
        reaction=Reaction.PAUSE_PROVIDER,
        retry_after=HOUR,
        pause=30 * MINUTE,
        rule="own-1",
        finding="ptr",
    )


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ({"codes": "5yz", "text": ["x"]}, "500 x", "450 x"),
        ({"codes": 451}, "451 x", "450 x"),
        ({"codes": ["4yz", "5yz"], "text": "x"}, "550 x", "550 y"),
        ({"enhanced": ["x.7.*"]}, "450 4.7.99 x", "450 4.2.1 x"),
        ({"enhanced": "5.7.6??"}, "550 5.7.612 x", "550 5.7.61 x"),
        ({"stage": "rcpt", "text": "x"}, "550 x", "550 y"),
        ({"text": "Café & fermé"}, "550 Le cafe est ferme", "550 Le cafe"),
        ({"text": "red ~ apple"}, "550 an apple that is red", f"550 red {'and ' * 20} apple"),
        ({"text": "<box> ~ purple"}, "550 purple mailbox", "550 purple"),
        (
            {"text": "see https://help.example.net/x7"},
            "550 So, see https://help.example.net/x7",
            "550 see x7",
        ),
        ({"text": "from mx.example.org"}, "550 not from mx.example.org", "550 not from mx.example.com"),
        ({"text": "ship|"}, "550 The ship.", "550 The shipment"),
        ({"text": "ship", "without": "steam"}, "550 The shipment", "550 The steam ship"),
        ({"text": "ship", "without": "steam & boat"}, "550 The steam ship", "550 The steam boat ship"),
        ({"text": "用户"}, "550 mail用户", "550 mail"),
    ],
)
def test_conditions(rule: dict[str, Any], yes: str, no: str) -> None:
    """Each condition has to hold; text can be pasted from a reply, with its links and accents."""
    classifier = own(**rule)
    assert said(classifier, yes).rule == "own-1"
    assert said(classifier, no).rule != "own-1"


@pytest.mark.parametrize(
    ("rule", "field", "mend"),
    [
        ({"text": ["x"]}, "category", "say what"),
        ({"category": "volume", "text": ["x"]}, "category", "volume_limited"),
        ({"category": "accepted", "text": ["x"]}, "category", "2yz"),
        ({"category": "policy"}, "", "name text"),
        ({"category": "policy", "texts": ["x"]}, "texts", '"text"'),
        ({"category": "policy", "text": ["x"], "scope": "ipp"}, "scope", '"ip"'),
        ({"category": "policy", "text": ["x"], "reaction": 5}, "reaction", "one of"),
        ({"category": "policy", "text": [5]}, "text", "list of words"),
        ({"category": "policy", "text": []}, "text", "leave it out"),
        ({"category": "policy", "text": ["a & "]}, "text", "some words"),
        ({"category": "policy", "text": ["<boxx> ~ a"]}, "text", '"box"'),
        ({"category": "policy", "text": ["my <box>"]}, "text", "alone"),
        ({"category": "policy", "text": ["a" * 201]}, "text", "200"),
        ({"category": "policy", "codes": [250]}, "codes", "4yz"),
        ({"category": "policy", "codes": ["4yz", 550]}, "codes", "two rules"),
        ({"category": "policy", "enhanced": ["4.7"]}, "enhanced", "4.7.28"),
        ({"category": "policy", "stage": ["rcptt"]}, "stage", '"rcpt"'),
        ({"category": "policy", "provider": ["gogle"]}, "provider", '"google"'),
        ({"category": "policy", "text": ["x"], "pause": -1}, "pause", "30 days"),
        ({"category": "policy", "text": ["x"], "finding": "spfx"}, "finding", '"spf"'),
        ({"category": "policy", "text": ["x"], "id": "A B"}, "id", "small letters"),
        ({"category": "policy", "text": ["x"], "id": "greylist"}, "id", "of its own"),
    ],
)
def test_mistakes(rule: dict[str, Any], field: str, mend: str) -> None:
    """A mistake is told with its path and how to mend it."""
    with pytest.raises(ConfigError) as caught:
        Classifier.default().extended([{"category": "policy", "text": "fine"}, rule])
    fields = {problem.field: problem.mend for problem in caught.value.problems}
    path = f"replies[1].{field}" if field else "replies[1]"
    assert path in fields
    assert mend in fields[path]


PLAN = {"plan": {"target": 100, "start": "2026-12-01"}, "sources": {"192.0.2.1": {"ehlo": "mx1.example.com"}}}


def test_in_the_configuration() -> None:
    """Rules stand in tables of the configuration, may name its providers, and their mistakes are all told."""
    config = Config.from_dict(
        {
            **PLAN,
            "providers": {"acme": {"domains": ["acme.example"]}},
            "replies": [{"provider": "acme", "codes": 450, "category": "rate_limited", "retry_after": "2h"}],
        }
    )
    directory = Directory.default().extended(config.providers)
    classifier = Classifier.default().extended(config.replies, directory=directory)
    assert said(classifier, "450 x", "acme").retry_after == 2 * HOUR
    with pytest.raises(ConfigError) as caught:
        Config.from_dict(
            {
                **PLAN,
                "replies": [
                    {"text": "x", "category": "polici"},
                    {"text": "x", "category": "policy", "retry_after": 5, "colour": "red"},
                    5,
                ],
            }
        )
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["replies[1].colour", "replies[1].retry_after", "replies[2]"] or set(fields) == {
        "replies[1].colour",
        "replies[1].retry_after",
        "replies[2]",
    }
    with pytest.raises(ConfigError, match=r"replies\[0\]\.category"):
        Config.from_dict({**PLAN, "replies": [{"text": "x", "category": "polici"}]})
    with pytest.raises(ConfigError, match="array of tables"):
        Config.from_dict({**PLAN, "replies": {"text": "x"}})


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.none(), max_size=4))
def test_any_table_is_read_or_refused(rule: dict[str, Any]) -> None:
    """Whatever stands in a rule, it is a rule or a list of mistakes."""
    try:
        Classifier.default().extended([rule])
    except ConfigError as error:
        assert all(problem.field.startswith("replies[0]") for problem in error.problems)
