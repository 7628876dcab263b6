"""Which of a thousand phrases a text holds, found in one pass over it.

All phrases become one pattern, a tree of their letters. It is tried where a word begins and takes
the longest phrase there; every shorter phrase that begins the same is known to be there too. The
tree has no repetition, so a text costs at most its length times the longest phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

__all__ = ["NEAR", "Finder", "Found"]

NEAR = 32
"""Characters that may lie between two parts of a phrase joined by ``~``: some five words."""

WORD = "[a-z0-9]"
END = "|"
"""A phrase that ends in this ends where a word ends; others end anywhere."""

_WORD_ENDS = "end of word"
"""A key of the tree of letters that is no letter."""


@attrs.frozen
class Found:
    """Where in a text which phrases are.

    Attributes:
        places: For each occurrence where it begins, where it ends, and its bits.
    """

    places: tuple[tuple[int, int, int], ...]

    def near(self, first: int, second: int) -> bool:
        """Whether the phrases of two bits stand within a few words of each other, in either order."""
        others = [(start, end) for start, end, bits in self.places if bits & second]
        for start, end, bits in self.places:
            if bits & first:
                for begin, stop in others:
                    if begin - NEAR <= end and start <= stop + NEAR and (begin >= end or stop <= start):
                        return True
        return False


@attrs.frozen(eq=False)
class Finder:
    """A pattern made of phrases.

    Attributes:
        bit: The bit of a phrase, or of a group by its name in angle brackets.
        masks: By the number of a phrase: its bit, those of the phrases that begin it, and of its groups.
    """

    bit: Mapping[str, int]
    masks: tuple[int, ...]
    _numbers: Mapping[str, int]
    _prose: re.Pattern[str]
    _hosts: re.Pattern[str]

    @classmethod
    def of(cls, phrases: Iterable[str], groups: Mapping[str, Iterable[str]]) -> Finder:
        """Make a finder.

        Args:
            phrases: In the form that a text is compared in; see :data:`END`. May name groups.
            groups: By name without brackets: phrases of which any stands for the group.
        """
        members = {f"<{name}>": tuple(group) for name, group in groups.items()}
        plain = {phrase for phrase in phrases if phrase not in members}
        plain.update(phrase for group in members.values() for phrase in group)
        ordered = sorted(plain)
        bit = {phrase: 1 << index for index, phrase in enumerate(ordered)}
        of_group = dict.fromkeys(ordered, 0)
        for index, (name, group) in enumerate(members.items()):
            bit[name] = 1 << (len(ordered) + index)
            for phrase in group:
                of_group[phrase] |= bit[name]
        masks = []
        for phrase in ordered:
            mask = 0
            for other in _beginnings(phrase):
                if other in of_group:
                    mask |= bit[other] | of_group[other]
            masks.append(mask)
        tree: dict[str, Any] = {}
        for phrase in ordered:
            node = tree
            for sign in phrase.removesuffix(END):
                node = node.setdefault(sign, {})
            node[_WORD_ENDS if phrase.endswith(END) else ""] = {}
        # The sign before a phrase is part of the pattern: that is what lets the search skip through a word.
        hosts = _written(tree.pop("@")) if "@" in tree else "(?!)"
        prose = _written(tree) if tree else "(?!)"
        numbers = {phrase: index for index, phrase in enumerate(ordered)}
        return cls(
            bit,
            tuple(masks),
            numbers,
            re.compile(rf"[^a-z0-9@{{](?=({prose}))"),
            re.compile(rf"(?=(@{hosts}))@"),
        )

    def occurring(self, text: str) -> list[int]:
        """The numbers of the phrases that a text holds; those that begin one of them are not listed.

        Args:
            text: As :func:`.reading.read` makes it, a space at either end.
        """
        said = self._prose.findall(text)
        if "@" in text:
            said += self._hosts.findall(text)
        return [self._number(phrase) for phrase in said]

    def find(self, text: str) -> Found:
        """Where the phrases are, which takes longer to find."""
        places = [
            (match.start(1), match.end(1), self.masks[self._number(match[1])])
            for pattern in (self._prose, self._hosts)
            for match in pattern.finditer(text)
        ]
        return Found(tuple(places))

    def _number(self, said: str) -> int:
        number = self._numbers.get(said)
        # Otherwise the last sign is that after a word which had to end.
        return self._numbers[said[:-1] + END] if number is None else number


def _beginnings(phrase: str) -> Iterable[str]:
    """The phrases that are there wherever this one is, itself among them."""
    yield phrase
    word = phrase.removesuffix(END)
    for length in range(1, len(word) + 1):
        yield word[:length]
        if length < len(word) and re.match(WORD, word[length]) is None:
            yield word[:length] + END


def _written(tree: dict[str, Any]) -> str:
    """A tree of letters as a pattern, the longest way first.

    Letters of other alphabets go behind one look at what is next: most texts have none.
    """
    near: list[str] = []
    far: list[str] = []
    for sign, below in tree.items():
        if sign not in ("", _WORD_ENDS):
            (near if sign.isascii() else far).append(re.escape(sign) + _written(below))
    ways = near
    if len(far) > 1:
        ways = [*near, rf"(?![\x00-\x7f])(?:{'|'.join(far)})"]
    elif far:
        ways = [*near, *far]
    if _WORD_ENDS in tree:
        ways.append(r"[^a-z0-9]")
    if "" in tree:
        ways.append("")
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
