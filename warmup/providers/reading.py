"""A server's text, made fit to be compared with phrases.

A reply is somebody else's text. It is cut to a bound, what a terminal acts on is taken out, names
are masked so that nobody's name decides anything, and accents are folded, because half of the
servers that use them send them broken.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

from warmup.model import Reply
from warmup.model.reply import REPLY_TEXT_MAX

__all__ = ["READ_MAX", "fold", "parse_reply", "read"]

READ_MAX = 1_000
"""Characters of a reply that are read for their meaning; the longest known says all in 400."""

_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])[ \t:;-]*")
_ENHANCED_LATE = re.compile(r"(?:\(?#|[45]\d\d[ -])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(\d{3})(?:[ -]|$)")
_NOT_KEPT = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)

# A host name's last label is of one case ("full.Please" is no name), and a single dot makes a name
# only before a label that ends names. 127.255.255.0/24 is what a DNS list answers when it refuses to
# answer: there the digits are the message. All of these look at one word at a time.
_TOP = (
    "com|net|org|edu|gov|mil|int|biz|info|name|test|example|invalid|local|cloud|online|email|app|dev"
    "|[a-z]{2}|COM|NET|ORG|[A-Z]{2}"
)
_URL = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[^<>\"]+")
_ADDRESS = re.compile(r"<?[^<>@\",;(\[]{1,128}@[A-Za-z0-9._-]{1,255}>?")
_IP = re.compile(
    r"(?<![\d.])(?!127\.255\.)\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)"
    r"|(?<![\w:.])(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){3})[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)
_LABEL = r"[A-Za-z0-9_-]{1,63}\."
_HOST = re.compile(
    rf"(?<![\w.-])(?:(?:{_LABEL}){{1,30}}(?:{_TOP})|(?:{_LABEL}){{2,30}}(?:[a-z]{{2,24}}|[A-Z]{{2,24}}))"
    r"(?![\w-])(?:/.*)?"
)
_LABELS = re.compile(r"[^a-z0-9]+")


def parse_reply(code: int, text: str) -> Reply:
    """Make a reply of a code and the server's text.

    Args:
        code: Three digits, 0 where the server said nothing.
        text: Its lines; the code, and the enhanced code that many servers repeat on every line,
            are taken off. An enhanced code counts only where its class is the code's first digit.
    """
    lines = []
    enhanced = ""
    kind = code // 100
    for line in text[: 4 * REPLY_TEXT_MAX].splitlines():
        line = line.strip()  # noqa: PLW2901 - the line, step by step without its codes
        if (match := _CODE.match(line)) is not None and int(match[1]) == code:
            line = line[match.end() :].lstrip()  # noqa: PLW2901
        match = _ENHANCED.match(line)
        if match is not None and int(match[1][0]) == kind and enhanced in ("", match[1]):
            enhanced = match[1]
            line = line[match.end() :]  # noqa: PLW2901
        lines.append(line)
    whole = "\n".join(lines).strip()[:REPLY_TEXT_MAX]
    if not whole.isprintable():
        whole = _NOT_KEPT.sub("\ufffd", whole)
    if not enhanced and (late := _ENHANCED_LATE.search(whole)) and int(late[1][0]) == kind:
        enhanced = late[1]
    return Reply(code, enhanced, whole)


def fold(text: str) -> str:
    """Write a text as it is compared: small letters, no accents, one kind of apostrophe.

    Words of other alphabets are set apart from Latin ones: ``IP\u5730\u5740`` is two words.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.translate(_LETTERS)).casefold()
    folded = "".join([sign for sign in folded if unicodedata.category(sign) not in _SILENT])
    return _SEAM.sub(" ", folded)


_LETTERS = str.maketrans(
    # Apostrophes, and letters that are no other letter with a mark: of Danish, Croatian, Turkish, Polish.
    "\u2018\u2019\u201b\u00b4`\u00d8\u00f8\u0110\u0111\u0131\u0141\u0142",
    "'''''ooddill",
)
_SILENT = frozenset(("Mn", "Cf"))
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[^\x00-\x7f\ufffd])")


def read(reply: Reply) -> str:
    """The text as rules compare it: folded, on one line, a space at either end.

    Addresses are ``{addr}`` and ``{ip}``, host names ``{host}``, links ``{url}``; what the names are
    made of follows after all words, each label behind an ``@``.
    """
    text = reply.text[:READ_MAX]
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = _mended(text)
    names: list[str] = []
    words = text.split()
    for index, word in enumerate(words):
        if "." in word or "@" in word or ":" in word:
            bare = word.rstrip(".,:;!?)'\"")
            if "." in bare or "@" in bare or ":" in bare:
                words[index] = _masked(bare, names) + word[len(bare) :]
    text = fold(" ".join(words))
    if not names:
        return f" {text} "
    return f" {text} @{'@'.join(_LABELS.split(fold(' '.join(names))))} "


def _masked(word: str, names: list[str]) -> str:
    """A word with its names masked; those of hosts and links are kept aside."""

    def kept(mask: str) -> Callable[[re.Match[str]], str]:
        def keep(match: re.Match[str]) -> str:
            names.append(match[0])
            return mask

        return keep

    if "://" in word:
        word = _URL.sub(kept("{url}"), word)
    if "@" in word:
        word = _ADDRESS.sub("{addr}", word).replace("@", " ")
    if "." in word or ":" in word:
        word = _IP.sub("{ip}", word)
        if "." in word:
            word = _HOST.sub(kept("{host}"), word)
    return word


def _mended(text: str) -> str:
    """UTF-8 that somebody took for Latin-1 or Windows-1252 on the way, put right."""
    if "\u00c3" in text or "\u00c2" in text or "\u00d0" in text or "\u00d1" in text:
        for coding in ("cp1252", "latin-1"):
            try:
                return text.encode(coding).decode("utf-8")
            except UnicodeError:
                continue
    return text
