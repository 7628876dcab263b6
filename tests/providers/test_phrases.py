"""Phrases in a text: found in one pass, all of them, and in time that the text's length bounds."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Reply
from warmup.providers.phrases import END, Finder
from warmup.providers.reading import fold, read

LETTERS = "ab1 :é用"
PHRASES = st.lists(
    st.builds(
        lambda text, ends: " ".join(text.split()) + (END if ends else ""),
        st.text(LETTERS, min_size=1, max_size=6).filter(lambda text: text.strip()),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


def plainly(phrase: str, text: str) -> bool:
    """The same question, asked of one phrase by a pattern of its own."""
    body = re.escape(phrase.removesuffix(END))
    return (
        re.search(rf"(?<=[^a-z0-9@{{]){body}" + ("(?![a-z0-9])" if phrase.endswith(END) else ""), text)
        is not None
    )


@given(PHRASES, st.text(LETTERS, max_size=40))
def test_all_are_found(phrases: list[str], text: str) -> None:
    """What one pass finds is what looking for each phrase alone finds."""
    phrases = list(dict.fromkeys(fold(phrase) for phrase in phrases))
    finder = Finder.of(phrases, {})
    line = read(Reply(550, "", text))
    found = 0
    for number in finder.occurring(line):
        found |= finder.masks[number]
    for phrase in phrases:
        assert bool(found & finder.bit[phrase]) == plainly(phrase, line), (phrase, line)


def test_groups_stand_for_their_phrases() -> None:
    """Any phrase of a group speaks for the group; near means within a few words, in either order."""
    finder = Finder.of(["<fruit>", "<colour>"], {"fruit": ["apple", "pear"], "colour": ["red", "dark red"]})
    near = finder.find(" a dark red, ripe pear ")
    assert near.near(finder.bit["<fruit>"], finder.bit["<colour>"])
    assert near.near(finder.bit["<colour>"], finder.bit["<fruit>"])
    far = finder.find(f" red {'and ' * 12} apple ")
    assert not far.near(finder.bit["<fruit>"], finder.bit["<colour>"])


@pytest.mark.parametrize(
    ("said", "compared"),
    [
        ("User  UNKNOWN\n<a@b.example>:", " user unknown {addr}: "),
        ("&lt;a@b.example&gt; doesn&#39;t exist", " {addr} doesn't exist "),
        ("Bo\u00eete pleine, refus\u00e9", " boite pleine, refuse "),
        ("Bo\u00c3\u00aete pleine", " boite pleine "),
        ("przepe\u0142niona skrzynka", " przepelniona skrzynka "),
        (
            "\u041d\u0435\u0442 \u0442\u0430\u043a\u043e\u0433\u043e",
            " \u043d\u0435\u0442 \u0442\u0430\u043a\u043e\u0433\u043e ",
        ),
        ("IP\u88ab\u62d2\u7edd", " ip \u88ab\u62d2\u7edd "),
        ("from [192.0.2.1] and 2001:db8::1 at 12:30:45", " from [{ip}] and {ip} at 12:30:45 "),
        ("code 127.255.255.254", " code 127.255.255.254 "),
        ("by mx.spam.example, full.Please", " by {host}, full.please @mx@spam@example "),
        ("see https://zen.spamhaus.org/x?ip=1", " see {url} @https@zen@spamhaus@org@x@ip@1 "),
        ("RESOLVER.ADR.RecipientNotFound;", " resolver.adr.recipientnotfound; "),
        ("it\u2019s s\u200bp\u200bam", " it's spam "),
        ("", "  "),
    ],
)
def test_how_a_text_is_read(said: str, compared: str) -> None:
    """Small letters, no accents, one line; names are masked and stand apart at the end."""
    assert read(Reply(550, "", said)) == compared


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 2000, "a." * 1000, "@" * 2000, "1." * 1000, "1:" * 1000, "::1:" * 500, "http://" * 300),
        *("user " * 400, "too many " * 220, "<" * 2000, "&" * 2000, "&#38;" * 400, "\u00c3\u00a9" * 1000),
        "user unknown blocked spam " * 80,
    ],
)
def test_hostile_text_costs_little(text: str) -> None:
    """No text makes the search run away: each is read and searched within milliseconds."""
    from warmup.model import Stage
    from warmup.providers import classify

    classify("other", Reply(550, "", "warm"), Stage.DOT)
    started = time.process_time()
    classify("other", Reply(550, "", text), Stage.DOT)
    assert time.process_time() - started < 0.2
