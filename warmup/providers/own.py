"""An operator's own reply rules: read, with every mistake at once, and made into rules."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from warmup.errors import ConfigError, Problem
from warmup.model import OTHER, Category, Outcome, Reaction, Reply, Scope, Stage
from warmup.providers.phrases import END
from warmup.providers.reading import fold, read
from warmup.providers.recognise import Directory
from warmup.providers.rules import FINDINGS, Rule, Rulebook, make_enhanced, shipped
from warmup.timing import DAY, SECOND

__all__ = ["KEYS", "own_rules"]

OWN_MAX = 500
"""Rules that an operator may add."""

PHRASE_MAX = 200
"""Characters of a phrase in an operator's rule."""

PHRASES_MAX = 100
"""Phrases of one rule."""

WAIT_MAX = 30 * DAY
"""The longest wait or pause that a rule may ask for."""

CONFIGURATION = "configuration"
"""The source of an operator's rules."""

KEYS = (
    "id",
    "provider",
    "codes",
    "enhanced",
    "stage",
    "text",
    "without",
    "category",
    "scope",
    "reaction",
    "outcome",
    "retry_after",
    "pause",
    "finding",
)

_NAMES = frozenset(("enhanced", "provider", "stage", "text", "without"))
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_CODE = re.compile(r"[45](?:[0-9]{2}|yz)")
_ENHANCED = re.compile(r"[45x]\.(?:[0-9?]{1,3}\.(?:[0-9?]{1,3}|[0-9?]{0,2}\*)|\*)")
_GROUP = re.compile(r"<([a-z]+)>")


class _Reader:
    """Reads one rule and collects what is wrong with it."""

    def __init__(self, path: str, raw: Mapping[str, Any], problems: list[Problem]) -> None:
        self.path = path
        self.raw = raw
        self.problems = problems

    def wrong(self, key: str, wrong: str, mend: str) -> None:
        self.problems.append(Problem(f"{self.path}.{key}" if key else self.path, wrong, mend))

    def names(self, key: str, example: str) -> tuple[str, ...]:
        """A list of words, or one word."""
        value = self.raw.get(key, ())
        items = (value,) if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            self.wrong(key, f"is {value!r:.60}", f"write a list of words: {example}")
            return ()
        if key in self.raw and not items:
            self.wrong(key, "is empty", "leave it out, or name something")
        return tuple(items)

    def member(self, key: str, kind: type[StrEnum], default: str = "") -> Any:
        """One of the words of an enumeration; None where none is given."""
        return self.one_of(key, self.raw.get(key, default), [str(member) for member in kind], kind)

    def one_of(self, key: str, value: Any, known: Iterable[str], make: Callable[[str], Any] = str) -> Any:
        words = list(known)
        if value == "":
            return None
        if value not in words:
            near = difflib.get_close_matches(str(value), words, n=1)
            mend = f'did you mean "{near[0]}"?' if near else f"one of {', '.join(words)}"
            self.wrong(key, f"is {value!r:.60}", mend)
            return None
        return make(value)

    def span(self, key: str, default: int) -> int:
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WAIT_MAX:
            self.wrong(key, f"is {value!r:.60}", "write a time of at most 30 days")
            return default
        return value


def own_rules(
    additions: Iterable[Mapping[str, Any]],
    *,
    directory: Directory | None = None,
) -> tuple[Rule, ...]:
    """Make rules of an operator's own.

    Args:
        additions: One mapping a rule, with the keys :data:`KEYS`: ``category`` and at least one of the
            conditions ``provider``, ``codes`` (451, or ``"4yz"``), ``enhanced`` (``"4.7.28"``, ``"x.7.*"``),
            ``stage`` and ``text``. ``retry_after`` and ``pause`` are microseconds. What is not said comes
            from the category.
        directory: The providers that may be named; None: those that are shipped.

    Raises:
        ConfigError: Something in it is not usable; every mistake is listed with its path, such as
            ``replies[0].codes``.
    """
    problems: list[Problem] = []
    made: list[Rule] = []
    book = shipped()
    ids = {rule.id for rule in (*book.rules, *book.fallbacks)}
    known = directory if directory is not None else Directory.default()
    for index, raw in enumerate(additions):
        path = f"replies[{index}]"
        if index >= OWN_MAX:
            problems.append(Problem(path, f"is more than {OWN_MAX} rules", "join rules that say the same"))
            break
        if not isinstance(raw, Mapping):
            problems.append(Problem(path, f"is {raw!r:.60}", "write a table with text and category"))
            continue
        before = len(problems)
        rule = _read(_Reader(path, raw, problems), index, ids, book, known)
        if len(problems) == before:
            made.append(rule)
            ids.add(rule.id)
    if problems:
        raise ConfigError(problems=problems)
    return tuple(made)


def _read(
    reader: _Reader,
    index: int,
    taken: Collection[str],
    book: Rulebook,
    directory: Directory,
) -> Rule:
    raw = reader.raw
    for key in raw:
        if key not in KEYS:
            reader.one_of(key, key, KEYS)
    name = raw.get("id", f"own-{index + 1}")
    if not isinstance(name, str) or _ID.fullmatch(name) is None:
        reader.wrong("id", f"is {name!r:.60}", "use at most 64 small letters, digits, - and _")
    elif name in taken:
        reader.wrong("id", f"{name} is another rule's", "choose a name of its own")
    category = reader.member("category", Category)
    if "category" not in raw:
        reader.wrong("category", "is missing", "say what such a reply means: volume_limited, policy, ...")
    elif category is Category.ACCEPTED:
        reader.wrong("category", "cannot be accepted", "only a 2yz accepts")
    defaults = book.categories.get(str(category), {"scope": "recipient", "reaction": "retry"})
    digit, codes = _codes(reader)
    text, without = (_phrases(reader, key, book.groups) for key in ("text", "without"))
    enhanced = reader.names("enhanced", '["4.7.28", "x.7.*"]')
    for pattern in enhanced:
        if _ENHANCED.fullmatch(pattern) is None:
            reader.wrong("enhanced", f"holds {pattern!r:.60}", 'write "4.7.28", "x.7.*" or "5.7.6??"')
    stages = [
        reader.one_of("stage", stage, [str(member) for member in Stage], Stage)
        for stage in reader.names("stage", '["rcpt", "dot"]')
    ]
    providers = [_provider(reader, name, directory) for name in reader.names("provider", '["google"]')]
    if not (digit or codes or text or enhanced or stages or providers):
        reader.wrong("", "has no condition: it would decide every reply", "name text, codes or a provider")
    reaction = reader.member("reaction", Reaction)
    soft = {**defaults, **book.temporary.get(str(category), {})} if reaction is None else {}
    retry_after = reader.span("retry_after", defaults.get("retry_after_s", 0) * SECOND)
    temporary = None
    if soft and str(category) in book.temporary:
        wait = retry_after if "retry_after" in raw else soft.get("retry_after_s", 0) * SECOND
        temporary = Reaction(soft["reaction"]), wait
    return Rule(
        id=str(name),
        category=category or Category.UNKNOWN_PERMANENT,
        scope=reader.member("scope", Scope, defaults["scope"]) or Scope.RECIPIENT,
        reaction=reaction or Reaction(defaults["reaction"]),
        retry_after=retry_after,
        pause=reader.span("pause", defaults.get("pause_s", 0) * SECOND),
        outcome=reader.member("outcome", Outcome),
        temporary=temporary,
        providers=frozenset(providers),
        first_digit=digit,
        codes=codes,
        stages=frozenset(stage for stage in stages if stage is not None),
        enhanced=make_enhanced(enhanced) if enhanced and not reader.problems else None,
        text=text,
        without=without,
        finding=reader.one_of("finding", raw.get("finding", ""), FINDINGS) or "",
        source=CONFIGURATION,
    )


def _provider(reader: _Reader, name: str, directory: Directory) -> str:
    """The id of a provider that is known."""
    if name == OTHER or name in directory:
        return directory.resolve(name)
    reader.one_of("provider", name, [*directory.providers, *directory.aliases, OTHER])
    return name


def _codes(reader: _Reader) -> tuple[int, frozenset[int]]:
    """The codes, or their first digit where all of a class are meant."""
    value = reader.raw.get("codes", ())
    items = value if isinstance(value, list | tuple) else (value,)
    kinds: set[int] = set()
    codes: set[int] = set()
    for item in items:
        if isinstance(item, bool) or _CODE.fullmatch(str(item)) is None:
            reader.wrong("codes", f"holds {item!r:.60}", 'write 421, 550, or "4yz" for all that begin with 4')
        elif str(item).endswith("yz"):
            kinds.add(int(str(item)[0]))
        else:
            codes.add(int(item))
    if len(kinds) == 2:
        kinds.clear()
        codes.clear()
    elif kinds:
        (kind,) = kinds
        if any(code // 100 != kind for code in codes):
            reader.wrong("codes", "holds a whole class and codes of the other", "make two rules of it")
        codes.clear()
    return (min(kinds) if kinds else 0), frozenset(codes)


def _phrases(reader: _Reader, key: str, groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    phrases = []
    given = reader.names(key, '["too many messages"]')
    if len(given) > PHRASES_MAX:
        reader.wrong(key, f"holds {len(given)} phrases", f"at most {PHRASES_MAX}")
    for phrase in given:
        if len(phrase) > PHRASE_MAX:
            reader.wrong(key, f"holds a phrase of {len(phrase)} characters", f"at most {PHRASE_MAX}")
            continue
        pieces = [[_part(part) for part in joined.split(" ~ ")] for joined in phrase.split(" & ")]
        if not all(prose.removesuffix(END) or names for piece in pieces for prose, names in piece):
            reader.wrong(key, f"holds {phrase!r:.60}, of which a part is empty", 'write "some words"')
            continue
        for part in re.split(" [&~] ", phrase):
            for group in _GROUP.findall(part):
                reader.one_of(key, group, sorted(groups))
                if part.strip() != f"<{group}>":
                    reader.wrong(key, f"holds {part!r:.60}", f'a group stands alone: "<{group}> ~ words"')
        joined = [" ~ ".join(prose for prose, _ in piece if prose) for piece in pieces]
        names = [name for piece in pieces for _, name in piece if name]
        phrases.append(" & ".join([piece for piece in joined if piece] + names))
    return tuple(phrases)


def _part(part: str) -> tuple[str, str]:
    """A part as replies are compared, so that it can be pasted from one: its prose, and its names."""
    if part.startswith("@"):
        return "", fold(part).strip()
    ends = END if part.endswith(END) else ""
    prose, _, names = read(Reply(0, "", part.removesuffix(END))).strip().partition(" @")
    if prose.startswith("@"):
        prose, names = "", prose[1:]
    return prose + ends, f"@{names}" if names else ""
