"""One rule of the reply rules, and how rules are read: the shipped ones and an operator's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from warmup.model import Category, Outcome, Reaction, Scope, Stage, Verdict
from warmup.timing import SECOND, Span

__all__ = ["FINDINGS", "Rule", "Rulebook", "make_enhanced", "shipped"]

FINDINGS = ("dkim", "dmarc", "helo", "ptr", "sender-domain", "spf", "tls", "unauthenticated")
"""What a refusal finds wrong in the sender's own house."""

_DROPS = frozenset((Reaction.DROP_MESSAGE, Reaction.DROP_RECIPIENT))
_SIGNS = {"x": "[45]", ".": r"\.", "*": r"[\d.]*", "?": r"\d"}


@attrs.frozen(kw_only=True)
class Rule:
    """One rule. Every condition that it names has to hold; one that it does not name always holds.

    Attributes:
        providers: The provider is one of these; empty: any.
        first_digit: The code's first digit; 0: any.
        codes, stages: The code, the stage is one of these; empty: any.
        enhanced: Enhanced codes; ``x`` for either class, ``*`` for any rest, ``?`` for a digit.
        text: Phrases of which one has to occur; ``&`` and ``~`` join parts, see ``data/replies.json``.
        without: Phrases of which none may occur.
        retry_after, pause: See :class:`warmup.model.Verdict`; microseconds.
        outcome: None: by the reaction and the code, see :meth:`Classifier.classify`.
        temporary: The same reaction and wait where the code begins with 4, when they differ.
        finding: What has to be mended in the sender's own house, one of :data:`FINDINGS`, or empty.
        source: Where it comes from: a link, or ``configuration``.
        example: A reply that it decides.
    """

    id: str
    category: Category
    scope: Scope
    reaction: Reaction
    retry_after: Span = 0
    pause: Span = 0
    outcome: Outcome | None = None
    temporary: tuple[Reaction, Span] | None = None
    providers: frozenset[str] = frozenset()
    first_digit: int = 0
    codes: frozenset[int] = frozenset()
    stages: frozenset[Stage] = frozenset()
    enhanced: re.Pattern[str] | None = None
    text: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    finding: str = ""
    source: str = ""
    example: str = ""

    def admits(self, provider: str, code: int, enhanced: str, stage: Stage) -> bool:
        """Whether every condition holds but the words."""
        return (
            (not self.providers or provider in self.providers)
            and self.first_digit in (0, code // 100)
            and (not self.codes or code in self.codes)
            and (not self.stages or stage in self.stages)
            and (self.enhanced is None or self.enhanced.fullmatch(enhanced) is not None)
        )

    def verdict(self, code: int) -> Verdict:
        """What the rule says of a reply with this code."""
        reaction, retry_after = self.reaction, self.retry_after
        if code < 500 and self.temporary is not None:
            reaction, retry_after = self.temporary
        outcome = self.outcome
        if outcome is None:
            final = reaction in _DROPS or (reaction is Reaction.STOP_PROVIDER and code >= 500)
            outcome = Outcome.REJECTED if final else Outcome.DEFERRED
        return Verdict(
            outcome=outcome,
            category=self.category,
            scope=self.scope,
            reaction=reaction,
            retry_after=retry_after,
            pause=self.pause,
            rule=self.id,
            finding=self.finding,
        )


@attrs.frozen(kw_only=True)
class Rulebook:
    """The shipped rules.

    Attributes:
        rules: In order.
        groups: By name: phrases that rules refer to as one.
        fallbacks: What is said of a 4yz and of a 5yz that no rule fits.
        categories, temporary: What a rule that does not say so does, by category; in the second, where the
            code begins with 4.
    """

    rules: tuple[Rule, ...]
    groups: Mapping[str, tuple[str, ...]]
    fallbacks: tuple[Rule, ...]
    categories: Mapping[str, Mapping[str, Any]]
    temporary: Mapping[str, Mapping[str, Any]]


@cache
def shipped() -> Rulebook:
    """The rules that come with the program."""
    raw = json.loads((Path(__file__).parent / "data" / "replies.json").read_bytes())
    categories, temporary = raw["categories"], raw["temporary"]
    made = [
        _rule({**entry, "source": raw["sources"][entry["source"]]}, categories, temporary)
        for entry in raw["rules"]
    ]
    fallbacks = [
        _rule({"id": f"unknown-{digit}yz", "class": digit, "category": category}, categories, temporary)
        for digit, category in ((4, "unknown_temporary"), (5, "unknown_permanent"))
    ]
    return Rulebook(
        rules=tuple(made),
        groups={name: tuple(phrases) for name, phrases in raw["groups"].items()},
        fallbacks=tuple(fallbacks),
        categories=categories,
        temporary=temporary,
    )


def _rule(
    entry: Mapping[str, Any],
    categories: Mapping[str, Mapping[str, Any]],
    temporary: Mapping[str, Mapping[str, Any]],
) -> Rule:
    category = entry["category"]
    said = {**categories[category], **entry}
    soft: tuple[Reaction, Span] | None = None
    if category in temporary:
        # What the rule itself says holds for either class of code.
        softened = {**categories[category], **temporary[category], **entry}
        soft = Reaction(softened["reaction"]), softened.get("retry_after_s", 0) * SECOND
    provider = entry.get("provider", ())
    return Rule(
        id=entry["id"],
        category=Category(category),
        scope=Scope(said["scope"]),
        reaction=Reaction(said["reaction"]),
        retry_after=said.get("retry_after_s", 0) * SECOND,
        pause=said.get("pause_s", 0) * SECOND,
        outcome=Outcome(entry["outcome"]) if "outcome" in entry else None,
        temporary=soft,
        providers=frozenset((provider,) if isinstance(provider, str) else provider),
        first_digit=entry.get("class", 0),
        codes=frozenset(entry.get("codes", ())),
        stages=frozenset(Stage(stage) for stage in entry.get("stage", ())),
        enhanced=make_enhanced(entry["enhanced"]) if "enhanced" in entry else None,
        text=tuple(entry.get("text", ())),
        without=tuple(entry.get("without", ())),
        finding=entry.get("finding", ""),
        source=entry.get("source", ""),
        example=entry.get("example", ""),
    )


def make_enhanced(patterns: Iterable[str]) -> re.Pattern[str]:
    """Enhanced codes as a pattern: ``x`` stands for either class, ``?`` for a digit, ``*`` for any rest."""
    return re.compile("|".join("".join(_SIGNS.get(sign, sign) for sign in pattern) for pattern in patterns))
