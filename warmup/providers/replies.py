"""What a reply means: category, scope and reaction, found by rules that are data.

The rules stand in ``data/replies.json``, in order: what one provider means by words that others
use differently, then the marks that only one provider sets (they are honoured wherever they occur,
because gateways quote each other), then families of wording, then the enhanced code, then the code
and the stage. An operator's own rules come before all of these. The first rule that fits decides,
and the verdict names it.

Theory of operation. All phrases of all rules are looked for in one pass (:mod:`.phrases`). What is
found, and what code, stage and provider admit, are sets of rules, kept as the bits of an integer;
the lowest bit that stays is the rule. A thousand rules cost little more than a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache, reduce
from itertools import pairwise
from operator import or_
from typing import Any

import attrs

from warmup.model import Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.providers.own import own_rules
from warmup.providers.phrases import Finder, Found
from warmup.providers.reading import parse_reply, read
from warmup.providers.recognise import Directory
from warmup.providers.rules import Rule, shipped

__all__ = ["Classifier", "Rule", "classify", "parse_reply", "rules"]

CONDITIONS_KEPT = 4_096
"""Combinations of provider, code, enhanced code and stage whose rules are remembered."""

_SILENT = {
    "accepted": (Outcome.ACCEPTED, Category.ACCEPTED, Scope.RECIPIENT, Reaction.NONE),
    "no-answer": (Outcome.DEFERRED, Category.TRANSIENT_INFRASTRUCTURE, Scope.IP, Reaction.RETRY),
    "not-an-answer": (Outcome.DEFERRED, Category.PROTOCOL, Scope.IP, Reaction.RETRY),
}


Joined = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
"""Phrases of several parts: the bits that are needed, and which of them near which."""


@attrs.frozen(eq=False)
class _Tables:
    """For each phrase the rules that it speaks for, as bits.

    Attributes:
        enough: Rules that ask for this phrase and no other part.
        part: Rules that ask for it together with others, where it is the most telling part.
        against: Rules that it rules out.
        joined, unjoined: By rule: its phrases of several parts, wanted and not wanted.
        wordless: Rules that ask for no words.
    """

    finder: Finder
    enough: tuple[int, ...]
    part: tuple[int, ...]
    against: tuple[int, ...]
    joined: tuple[Joined, ...]
    unjoined: tuple[Joined, ...]
    wordless: int

    @classmethod
    def of(cls, rules: tuple[Rule, ...], groups: Mapping[str, tuple[str, ...]]) -> _Tables:
        parts = {part for rule in rules for phrase in (*rule.text, *rule.without) for part in _parts(phrase)}
        finder = Finder.of(parts, groups)
        enough: dict[int, int] = {}
        part_of: dict[int, int] = {}
        against: dict[int, int] = {}
        wordless = 0
        for index, rule in enumerate(rules):
            own = 1 << index
            if not rule.text:
                wordless |= own
            for phrase in rule.text:
                parted = _parts(phrase)
                # A rule comes up where its most telling part occurs: a phrase rather than a group.
                bit = finder.bit[max(parted, key=lambda part: (part[0] != "<", len(part)))]
                table = enough if len(parted) == 1 else part_of
                table[bit] = table.get(bit, 0) | own
            for phrase in rule.without:
                if len(parted := _parts(phrase)) == 1:
                    bit = finder.bit[parted[0]]
                    against[bit] = against.get(bit, 0) | own
        return cls(
            finder=finder,
            enough=tuple(_sum(enough, mask) for mask in finder.masks),
            part=tuple(_sum(part_of, mask) for mask in finder.masks),
            against=tuple(_sum(against, mask) for mask in finder.masks),
            joined=tuple(_joined(rule.text, finder) for rule in rules),
            unjoined=tuple(_joined(rule.without, finder) for rule in rules),
            wordless=wordless,
        )


@attrs.frozen(eq=False)
class Classifier:
    """Rules in order, and what it takes to try them quickly.

    Attributes:
        rules: In the order in which they are tried, an operator's own first.
        groups: By name: phrases that rules refer to as one.
    """

    rules: tuple[Rule, ...]
    groups: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, repr=False)
    _tables: _Tables = attrs.field(init=False, repr=False)
    _admitted: Any = attrs.field(init=False, repr=False)
    _verdict: Any = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_tables", _Tables.of(self.rules, self.groups))
        object.__setattr__(self, "_admitted", lru_cache(CONDITIONS_KEPT)(self._admit))
        object.__setattr__(self, "_verdict", lru_cache(None)(self._say))

    @classmethod
    def default(cls) -> Classifier:
        """The rules that come with the program, read at the first call."""
        return _default()

    def extended(
        self, additions: Iterable[Mapping[str, Any]], *, directory: Directory | None = None
    ) -> Classifier:
        """Make a classifier that tries an operator's own rules first.

        Args:
            additions: One mapping a rule, in the order in which they are to be tried; see
                :func:`warmup.providers.own.own_rules`.
            directory: The providers that may be named, by any of their names; None: the shipped ones.

        Raises:
            ConfigError: Something in it is not usable; every mistake is listed with its path.
        """
        own = own_rules(additions, directory=directory)
        return Classifier(rules=(*own, *self.rules), groups=self.groups) if own else self

    def rule(self, name: str) -> Rule | None:
        """The rule of an id; None for the answers that need no rule (``accepted``, ``no-answer``)."""
        return next((rule for rule in self.rules if rule.id == name), None)

    def classify(self, provider: str, reply: Reply, stage: Stage) -> Verdict:
        """Say what a reply means.

        The outcome follows the reaction where the words say more than the code: a refusal that is to
        be dropped is rejected though it came as 4yz, one that is to be tried again is deferred though
        it came as 5yz. A 4yz that stops the provider is deferred unless the provider says that it is
        final.

        Args:
            provider: The provider's id; ``other`` or an unknown one: the rules for everybody apply.
            reply: What was answered; code 0 where nothing was.
            stage: The command it answered, or that was waited for.
        """
        digit = reply.code // 100
        if digit not in (4, 5):
            return _silent(digit, reply.code, stage)
        tables = self._tables
        text = read(reply)
        occurring = tables.finder.occurring(text)
        enough, part, against = tables.wordless, 0, 0
        for number in occurring:
            enough |= tables.enough[number]
            part |= tables.part[number]
            against |= tables.against[number]
        candidates = (enough | part) & ~against & self._admitted(provider, reply.code, reply.enhanced, stage)
        joint: _Joint | None = None
        while candidates:
            lowest = candidates & -candidates
            candidates ^= lowest
            index = lowest.bit_length() - 1
            unwanted = tables.unjoined[index]
            if unwanted or not enough & lowest:
                joint = joint or _Joint(tables.finder, text, occurring)
                if unwanted and joint.has(unwanted):
                    continue
                if not enough & lowest and not joint.has(tables.joined[index]):
                    continue
            verdict: Verdict = self._verdict(index, reply.code < 500)
            return verdict
        return _unknown(digit).verdict(reply.code)

    def _admit(self, provider: str, code: int, enhanced: str, stage: Stage) -> int:
        """The rules whose every condition but the words holds, as bits."""
        admitted = 0
        for index, rule in enumerate(self.rules):
            if rule.admits(provider, code, enhanced, stage):
                admitted |= 1 << index
        return admitted

    def _say(self, index: int, temporary: bool) -> Verdict:
        return self.rules[index].verdict(400 if temporary else 500)


def classify(provider: str, reply: Reply, stage: Stage) -> Verdict:
    """Say what a reply means by the rules that come with the program; see :meth:`Classifier.classify`."""
    return _default().classify(provider, reply, stage)


def rules() -> tuple[Rule, ...]:
    """All rules that come with the program, in order."""
    return _default().rules


def _sum(by_bit: Mapping[int, int], mask: int) -> int:
    """What all bits of a mask stand for."""
    total = 0
    while mask:
        lowest = mask & -mask
        total |= by_bit.get(lowest, 0)
        mask ^= lowest
    return total


def _parts(phrase: str) -> list[str]:
    """The pieces of a phrase that are looked for one by one."""
    return [part for joined in phrase.split(" & ") for part in joined.split(" ~ ")]


def _joined(phrases: Iterable[str], finder: Finder) -> Joined:
    """The phrases of several parts, as bits."""
    made = []
    for phrase in phrases:
        bits = [finder.bit[part] for part in _parts(phrase)]
        if len(bits) > 1:
            beside = [[finder.bit[part] for part in piece.split(" ~ ")] for piece in phrase.split(" & ")]
            near = tuple(pair for piece in beside for pair in pairwise(piece))
            made.append((reduce(or_, bits), near))
    return tuple(made)


class _Joint:
    """Looks for phrases of several parts in one text; where they are is found out when it matters."""

    def __init__(self, finder: Finder, text: str, occurring: Iterable[int]) -> None:
        self._finder = finder
        self._text = text
        self._bits = reduce(or_, map(finder.masks.__getitem__, occurring), 0)
        self._found: Found | None = None

    def has(self, joined: Joined) -> bool:
        """Whether one of the phrases is there."""
        bits = self._bits
        return any(self._is_near(near) for needed, near in joined if bits & needed == needed)

    def _is_near(self, pairs: tuple[tuple[int, int], ...]) -> bool:
        if not pairs:
            return True
        found = self._found = self._found or self._finder.find(self._text)
        return all(found.near(first, second) for first, second in pairs)


def _silent(digit: int, code: int, stage: Stage) -> Verdict:
    """What an answer means that is neither a deferral nor a refusal."""
    name = "accepted" if digit == 2 else "no-answer" if code == 0 else "not-an-answer"
    outcome, category, scope, reaction = _SILENT[name]
    if digit != 2 and stage is Stage.DOT:
        # After the dot an answer that is none leaves open whether the message was taken.
        outcome = Outcome.UNKNOWN
    return Verdict(outcome=outcome, category=category, scope=scope, reaction=reaction, rule=name)


@cache
def _unknown(digit: int) -> Rule:
    return next(rule for rule in shipped().fallbacks if rule.first_digit == digit)


@cache
def _default() -> Classifier:
    book = shipped()
    return Classifier(rules=book.rules, groups=book.groups)
