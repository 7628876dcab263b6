"""The header block as bytes: its fields, what encoded-words hide, and the addresses in it.

Nothing here parses a message as the :mod:`email` package does. The block is read as RFC 5322
section 2.2 defines it, a field name, a colon and a folded value, and is otherwise left alone.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

__all__ = ["FIELD", "hides_break", "list_addresses", "readable", "unfold"]

FIELD = re.compile(rb"\n([!-9;-~]++)[ \t]*+:([^\r]*+(?:\r\n[ \t][^\r]*+)*+)")
"""A field of a header block that begins with an LF and whose lines end in CRLF, the last one bare.

Space before the colon is obsolete and met in real mail (RFC 5322 section 4.5)."""

_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?")
_BREAK = re.compile(rb"[\n\r\0]")
_BREAK_SIGN = re.compile("[\n\r\0]")
# In these an octet below 128 is that ASCII character and nothing else: no need to decode.
_LIKE_ASCII = frozenset(("utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"))
# Decoders of these take quadratic time and can bring forth no control character that is not
# there in plain bytes, so the bytes alone are looked at.
_RAW_ONLY = frozenset(("idna", "punycode"))
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|\[[^\]]*+\]?|[^"\[(),:;<>]++|.', re.DOTALL)


def unfold(value: bytes) -> bytes:
    """Join a folded value to one line, without the white space around it."""
    return value.replace(b"\r\n", b"").strip()


def _words(value: bytes) -> Iterator[tuple[int, int, str, bytes]]:
    """Each encoded-word (RFC 2047): where it starts and ends, its charset in lower case, its octets.

    Read as liberally as any receiver might: with spaces, question marks or a fold inside.
    """
    place = 0
    while (match := _WORD.search(value, place)) is not None:
        end = value.find(b"?=", match.end())
        if end < 0:
            return
        payload = value[match.end() : end].replace(b"\r\n", b"")
        octets = _base64(payload) if match[2] in b"bB" else binascii.a2b_qp(payload, header=True)
        yield match.start(), end + 2, match[1].partition(b"*")[0].decode("ascii", "replace").lower(), octets
        place = end + 2


def _base64(payload: bytes) -> bytes:
    stretches = [re.sub(rb"[^A-Za-z0-9+/]", b"", part) for part in payload.rstrip(b"= \t").split(b"=")]
    if len(stretches) > 1:
        # Decoders disagree about a padding sign in the middle: some pass over it.
        stretches.append(b"".join(stretches))
    octets = []
    for letters in stretches:
        whole = letters[:-1] if len(letters) % 4 == 1 else letters
        octets.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(octets)


def _decode(octets: bytes, charset: str) -> tuple[str | None, bool]:
    """Decode by charset; None where nobody can. Also whether plain octets mean ASCII in it."""
    import codecs

    try:
        name = codecs.lookup(charset).name
        if name in _RAW_ONLY:
            return None, True
        return octets.decode(name, "replace"), not name.startswith(("utf-16", "utf-32"))
    except (LookupError, ValueError, TypeError):
        return None, True


def hides_break(value: bytes) -> bool:
    """Whether encoded-words in a value hide a line break or a NUL, alone or joined to a neighbour.

    A program that decodes such a field and writes it out again writes a new header field:
    ``Subject: =?utf-8?q?hi=0ABcc:_eve@example.com?=`` (CVE-2024-6923).
    """
    joined, charset_before, end_before = b"", "", -1
    for start, end, charset, octets in _words(value):
        # Neighbours of one charset are decoded as one string by many readers (RFC 2047 section 6.2
        # lets white space between them vanish), so half a character may stand in each.
        same = charset == charset_before and not value[end_before:start].strip()
        joined = joined + octets if same else octets
        charset_before, end_before = charset, end
        if charset in _LIKE_ASCII:
            if _BREAK.search(octets):
                return True
            continue
        text, like_ascii = _decode(joined, charset)
        if (like_ascii and _BREAK.search(octets)) or (text is not None and _BREAK_SIGN.search(text)):
            return True
    return False


def readable(value: bytes, limit: int) -> str:
    """A field's value for people: one line, decoded, controls out, at most ``limit`` characters."""
    line = unfold(value[: 20 * limit])
    if b"=?" not in line:
        text = _plain(line)
    else:
        parts: list[str] = []
        done, after_word = 0, False
        for start, end, charset, octets in _words(line):
            between = _plain(line[done:start])
            if not (after_word and not between.strip()):
                parts.append(between)
            decoded, _ = _decode(octets, charset)
            parts.append(_plain(octets) if decoded is None else decoded)
            done, after_word = end, True
        text = "".join((*parts, _plain(line[done:])))
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text[:limit]


def _plain(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def list_addresses(value: bytes) -> Iterator[str]:
    """The addresses of a To, Cc, Bcc, From or Sender field, unchecked, in their order.

    Display names, comments and groups are passed over (RFC 5322 section 3.4); a member of the
    list that makes no sense is yielded as it stands, for the address check to refuse.
    """
    member: list[str] = []
    angle: list[str] | None = None
    closed = False
    depth = 0
    for token in _TOKEN.findall(_plain(unfold(value))):
        if depth or token == "(":
            depth += (token == "(") - (token == ")")
        elif token == "<" and angle is None:
            angle = []
        elif token == ">" and angle is not None and not closed:
            closed = True
        elif token in ",;" and (angle is None or closed):
            yield from _member(member, angle)
            member, angle, closed = [], None, False
        elif token == ":" and angle is None:
            member = []  # what stood before was the name of a group
        elif angle is not None and not closed:
            angle.append(token)
        elif not closed:
            member.append(token)
        elif token.strip():
            # Something follows the closing bracket: which part is the address is anybody's guess.
            member.append(f"<{''.join(angle or ())}>{token}")
            angle, closed = None, False
    if depth or (angle is not None and not closed):
        yield _plain(unfold(value))
        return
    yield from _member(member, angle)


def _member(member: list[str], angle: list[str] | None) -> Iterator[str]:
    text = "".join(member if angle is None else angle).strip()
    if angle is not None or text:
        # A route before the address is obsolete and has to be passed over (RFC 5322 section 4.4).
        text = text.rpartition(":")[2] if text.startswith("@") else text
        # Space around the dots and the @ is obsolete syntax (RFC 5322 section 4.4).
        yield text if text.startswith('"') else re.sub(r"\s*([.@])\s*", r"\1", text)
