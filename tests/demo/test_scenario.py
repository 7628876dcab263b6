"""What is played: plan, limits and mail follow from three numbers."""

from __future__ import annotations

import tomllib
from datetime import date
from email import message_from_bytes, policy

import pytest

from warmup.config import Config
from warmup.content.wire import prepare
from warmup.demo.mail import KINDS, LARGE_BYTES, letters
from warmup.demo.scenario import SOURCES, Scenario
from warmup.errors import UsageError

SIZES = [(6, 300), (8, 600), (14, 1_500), (21, 2_400), (30, 5_000), (60, 5_000)]


def written(scenario):
    domains = {name: actor.provider.domains for name, actor in scenario.actors.items()}
    return list(letters(scenario.seed, scenario.counts, domains, scenario.submitted_at))


@pytest.mark.parametrize(("days", "messages"), SIZES)
def test_mail_for_every_size(days, messages):
    """Of any size, all messages find a provider, and all but the lenient one have some to spare."""
    scenario = Scenario(days=days, messages=messages)
    assert sum(scenario.counts.values()) == messages
    planned = dict.fromkeys(scenario.plan.providers, 0)
    for row in scenario.plan.rows():
        planned[row.provider] += row.cap
    spare = {name: scenario.counts[name] - planned[name] for name in planned}
    assert spare.pop("lenient") < 0 < min(spare.values())


@pytest.mark.parametrize(("days", "messages"), SIZES)
def test_strict_limit_is_met_by_the_plan(days, messages):
    """The strict provider's limit is no trick: the plan crosses it first on the day that the story needs."""
    scenario = Scenario(days=days, messages=messages)
    limit = scenario.actors["strict"].provider.habits[0].daily
    caps = [scenario.plan.nominal(SOURCES[0], step)["strict"] for step in range(1, days + 1)]
    first = next(step for step, cap in enumerate(caps, start=1) if cap > limit.at(step - 1))
    assert first + scenario.later == days - 2


@pytest.mark.parametrize(("days", "messages"), SIZES)
def test_who_changes_its_mind_takes_less_than_the_plan_sends(days, messages):
    """From its day on the changing provider takes less than the plan has for the first address."""
    scenario = Scenario(days=days, messages=messages)
    habit = scenario.actors["changing"].provider.habits[0]
    on = date.fromisoformat(habit.day)
    assert (on - scenario.plan.start).days + 1 == scenario.turns_on < days
    assert habit.limit.at(0) < scenario.plan.nominal(SOURCES[0], scenario.turns_on)["changing"]


@pytest.mark.parametrize(("days", "messages"), SIZES)
def test_configuration_is_valid(days, messages):
    """The file that is written is a configuration like any other, and makes the plan that was shown."""
    scenario = Scenario(days=days, messages=messages)
    routes = {f"{name}.example": "127.0.1.1:2525" for name in scenario.actors}
    config = Config.from_dict(tomllib.loads(scenario.config_text(routes)))
    assert config.plan.fingerprint == scenario.plan.fingerprint
    assert list(config.plan.rows()) == list(scenario.plan.rows())
    assert config.clock.kind == "scaled"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"days": 5}, "--days"),
        ({"days": 91}, "--days"),
        ({"messages": 299}, "--messages"),
        ({"days": 90, "messages": 300}, "--messages"),
        ({"seed": "../x"}, "--seed"),
        ({"seed": ""}, "--seed"),
    ],
)
def test_out_of_range(given, field):
    """What cannot be played is refused, by the name of the option."""
    with pytest.raises(UsageError) as caught:
        Scenario(**given)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_same_seed_same_mail():
    """A seed decides every octet; another seed writes other mail."""
    first, again, other = (written(Scenario(days=6, messages=300, seed=seed)) for seed in ("a", "a", "b"))
    assert first == again
    assert [mail.content for mail in first] != [mail.content for mail in other]


def test_mail_of_every_kind():
    """All kinds of mail occur, each is well-formed, and each may go on the wire as it is."""
    scenario = Scenario(days=6, messages=400)
    mails = written(scenario)
    assert {mail.kind for mail in mails} == {*KINDS, "large", "empty"}
    for mail in mails:
        envelope = prepare(
            mail.content,
            sender=mail.sender,
            recipients=[mail.recipient],
            now=0,
            unique="u",
            hostname="h.example",
        )
        assert envelope.content == mail.content
        assert envelope.utf8 == (mail.kind == "utf8")
        parsed = message_from_bytes(mail.content, policy=policy.default)
        assert [part.defects for part in parsed.walk() if part.defects] == []
        if mail.kind == "alternative":
            assert "<p>" in parsed.get_body(("html",)).get_content()
        if mail.kind == "large":
            assert len(next(iter(parsed.iter_attachments())).get_content()) == LARGE_BYTES
    assert len({mail.recipient for mail in mails}) == 400
    assert any(b"\r\n." in mail.content for mail in mails)
