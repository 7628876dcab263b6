"""What a reply means: category, scope and reaction, found by rules that are data.

The rules stand in ``data/replies.json``, in order: what one provider means by words that others
use differently, then the marks that only one provider sets (they are honoured wherever they occur,
because gateways quote each other), then families of wording, then the enhanced code, then the code
and the stage. The first rule that fits decides, and the verdict names it.

A reply is somebody else's text. It is cut to a bound, addresses in it are masked so that nobody's
name decides anything, and phrases are compared as plain text: no pattern can run away.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from warmup.model import Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.model.reply import REPLY_TEXT_MAX
from warmup.timing import SECOND, Span

__all__ = ["Rule", "classify", "parse_reply", "rules"]

READ_MAX = 1_000
"""Characters of a reply that are read for their meaning; the longest known says all in 400."""

_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])[ \t:;-]*")
_ENHANCED_LATE = re.compile(r"\(#([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(\d{3})(?:[ -]|$)")
_NOT_KEPT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# 127.255.255.0/24 is what a DNS list answers when it refuses to answer: the digits are the message.
_IP = re.compile(r"(?<!\d)(?!127\.255\.)\d{1,3}(?:\.\d{1,3}){3}|\[(?=[^\]]{0,40}:)[0-9a-f:.]{2,45}\]")

_DROPS = frozenset((Reaction.DROP_MESSAGE, Reaction.DROP_RECIPIENT))


@attrs.frozen(kw_only=True)
class Rule:
    """One rule. Every condition that it names has to hold; one that it does not name always holds.

    Attributes:
        providers: The provider is one of these; empty: any.
        first_digit: The code's first digit; 0: any.
        codes, stages: The code, the stage is one of these; empty: any.
        enhanced: Enhanced codes; ``x`` for either class, ``*`` for any rest, ``?`` for a digit.
        text: Phrases of which one has to occur, each a tuple of parts that all have to.
        without: Phrases of which none may occur.
        outcome: None: by the reaction and the code, see :func:`classify`.
        temporary: The same reaction and wait where the code begins with 4, when they differ.
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
    text: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()
    source: str = ""
    example: str = ""

    def fits(self, reply: Reply, stage: Stage, text: str) -> bool:
        """Whether everything but the provider and the first digit holds; ``text`` is the reply's, masked."""
        if self.codes and reply.code not in self.codes:
            return False
        if self.stages and stage not in self.stages:
            return False
        if self.enhanced is not None and self.enhanced.fullmatch(reply.enhanced) is None:
            return False
        # Plain loops: this runs for a hundred rules a reply, and a generator costs more than its search.
        for parts in self.text:
            if parts[0] in text and (len(parts) == 1 or all(part in text for part in parts)):
                break
        else:
            if self.text:
                return False
        for phrase in self.without:  # noqa: SIM110
            if phrase in text:
                return False
        return True

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
        )


def classify(provider: str, reply: Reply, stage: Stage) -> Verdict:
    """Say what a reply means.

    The outcome follows the reaction where the words say more than the code: a refusal that is to be
    dropped is rejected though it came as 4yz, one that is to be tried again is deferred though it
    came as 5yz. A 4yz that stops the provider is deferred unless the provider says that it is final.

    Args:
        provider: The provider's id; ``other`` or an unknown one: the rules for everybody apply.
        reply: What was answered; code 0 where nothing was.
        stage: The command it answered, or that was waited for.
    """
    digit = reply.code // 100
    if digit == 2:
        return _verdict("accepted", Outcome.ACCEPTED, Category.ACCEPTED, Scope.RECIPIENT, Reaction.NONE)
    if digit not in (4, 5):
        # After the dot an answer that is none leaves open whether the message was taken.
        outcome = Outcome.UNKNOWN if stage is Stage.DOT else Outcome.DEFERRED
        if reply.code == 0:
            category, name = Category.TRANSIENT_INFRASTRUCTURE, "no-answer"
        else:
            category, name = Category.PROTOCOL, "not-an-answer"
        return _verdict(name, outcome, category, Scope.IP, Reaction.RETRY)
    text = _masked(reply)
    for rule in _rules_for(provider, digit):
        if rule.fits(reply, stage, text):
            return rule.verdict(reply.code)
    return _unknown()[digit].verdict(reply.code)


def parse_reply(code: int, text: str) -> Reply:
    """Make a reply of a code and the server's text.

    Args:
        code: Three digits, 0 where the server said nothing.
        text: Its lines; the code, and the enhanced code that many servers repeat on every line,
            are taken off. An enhanced code counts only where its class is the code's first digit.
    """
    lines = []
    enhanced = ""
    for line in text[: 4 * REPLY_TEXT_MAX].splitlines():
        line = line.strip()  # noqa: PLW2901 - the line, step by step without its codes
        if (match := _CODE.match(line)) is not None and int(match[1]) == code:
            line = line[match.end() :].lstrip()  # noqa: PLW2901
        match = _ENHANCED.match(line)
        if match is not None and int(match[1][0]) == code // 100 and enhanced in ("", match[1]):
            enhanced = match[1]
            line = line[match.end() :]  # noqa: PLW2901
        lines.append(line)
    whole = _NOT_KEPT.sub("\ufffd", "\n".join(lines).strip())[:REPLY_TEXT_MAX]
    if not enhanced and (late := _ENHANCED_LATE.search(whole)) and int(late[1][0]) == code // 100:
        enhanced = late[1]
    return Reply(code, enhanced, whole)


def rules() -> tuple[Rule, ...]:
    """All rules, in order."""
    return _load()[0]


def _masked(reply: Reply) -> str:
    """The text as rules compare it: lower case, one line, addresses masked, a space at either end."""
    words = reply.text[:READ_MAX].lower().replace("’", "'").split()
    text = " ".join(words)
    if "@" in text:
        text = " ".join([_mask(word) if "@" in word else word for word in words])
    return f" {_IP.sub('{ip}', text)} "


def _mask(word: str) -> str:
    if "://" in word:
        return word
    end = word.rfind(">")
    return "{addr}" + (word[end + 1 :] if end > word.rfind("@") else "")


def _verdict(rule: str, outcome: Outcome, category: Category, scope: Scope, reaction: Reaction) -> Verdict:
    return Verdict(outcome=outcome, category=category, scope=scope, reaction=reaction, rule=rule)


@cache
def _rules_for(provider: str, digit: int) -> tuple[Rule, ...]:
    known = provider if provider in _load()[1] else ""
    if known != provider:
        return _rules_for(known, digit)
    return tuple(
        rule
        for rule in _load()[0]
        if rule.first_digit in (0, digit) and (not rule.providers or provider in rule.providers)
    )


@cache
def _unknown() -> dict[int, Rule]:
    defaults = _raw()["categories"]
    return {
        4: _rule({"id": "unknown-4yz", "category": "unknown_temporary"}, defaults, {}, {}),
        5: _rule({"id": "unknown-5yz", "category": "unknown_permanent"}, defaults, {}, {}),
    }


@cache
def _load() -> tuple[tuple[Rule, ...], frozenset[str]]:
    raw = _raw()
    loaded = tuple(
        _rule(entry, raw["categories"], raw["temporary"], raw["sources"]) for entry in raw["rules"]
    )
    return loaded, frozenset(provider for rule in loaded for provider in rule.providers)


@cache
def _raw() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "replies.json").read_bytes())
    return content


def _rule(
    entry: dict[str, Any],
    categories: dict[str, dict[str, Any]],
    temporary: dict[str, dict[str, Any]],
    sources: dict[str, str],
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
        enhanced=_enhanced(entry["enhanced"]) if "enhanced" in entry else None,
        text=tuple(tuple(phrase.split(" & ")) for phrase in entry.get("text", ())),
        without=tuple(entry.get("without", ())),
        source=sources.get(entry.get("source", ""), ""),
        example=entry.get("example", ""),
    )


def _enhanced(patterns: list[str]) -> re.Pattern[str]:
    signs = {"x": "[45]", ".": r"\.", "*": r"[\d.]*", "?": r"\d"}
    return re.compile("|".join("".join(signs.get(sign, sign) for sign in pattern) for pattern in patterns))
