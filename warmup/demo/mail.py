"""Mail for the demonstration: the same seed, the same messages, of every kind that real mail has.

What is hard about mail is in here on purpose: bodies of eight bits, headers and addresses that are
not ASCII (SMTPUTF8, RFC 6531), lines that begin with dots, attachments, an empty body, and one
message of several megabytes. Every address lies under ``.example`` (RFC 2606).
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator, Mapping, Sequence

import attrs

from warmup.timing import Chance, Instant, to_datetime

__all__ = ["KINDS", "LARGE_BYTES", "Mail", "letters"]

LARGE_BYTES = 3 * 1024 * 1024
"""Octets of the attachment of the one large message."""

KINDS = {"plain": 32, "alternative": 26, "quoted-printable": 13, "8bit": 13, "attachment": 10, "utf8": 6}
"""How often each kind of message comes, of a hundred; ``large`` and ``empty`` come once each."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUBJECTS = (
    "Your order has left our house", "Minutes of Monday's meeting", "The garden in March",
    "Invoice for February", "A table for four on Friday", "New hours of the library",
    "Your parcel waits at the counter", "Photographs from the lake",
)  # fmt: skip
_LINES = (
    "Thank you for writing to us.", "The train leaves at eight from platform two.",
    "..and a line that begins with two dots,", ".followed by one that begins with a single dot.",
    "We have put your order together and it leaves today.", "Please tell us whether the blue one will do.",
    "The meeting has moved to the small room.", "From now on the shop is open on Saturdays, too.",
)  # fmt: skip
_WORDS = ("Grüße aus Köln", "Zażółć gęślą jaźń", "À bientôt", "Привет из Минска", "ありがとう", "Καλημέρα")


@attrs.frozen(kw_only=True)
class Mail:
    """A message before it is submitted.

    Attributes:
        kind: One of :data:`KINDS`, ``large`` or ``empty``.
        provider: Where its recipient has a mailbox.
        engagement: 0 to 100.
    """

    kind: str
    provider: str
    sender: str
    recipient: str
    engagement: int
    content: bytes


def letters(
    seed: str, counts: Mapping[str, int], domains: Mapping[str, Sequence[str]], written_at: Instant
) -> Iterator[Mail]:
    """Write the messages, mixed.

    Args:
        seed: The same seed gives the same messages in the same order.
        counts: How many for each provider.
        domains: Of each provider.
        written_at: The instant in their Date.
    """
    chance = Chance(f"mail {seed}")
    names = [provider for provider, count in counts.items() for _ in range(count)]
    order = sorted(range(len(names)), key=lambda at: chance.draw("order", at))
    large, empty = order[len(order) // 3], order[len(order) // 2]
    for number, at in enumerate(order, start=1):
        kind = "large" if at == large else "empty" if at == empty else _kind(chance, number)
        yield _letter(chance, seed, number, kind, names[at], domains[names[at]], written_at)


def _kind(chance: Chance, number: int) -> str:
    place = chance.below(sum(KINDS.values()), "kind", number)
    for kind, weight in KINDS.items():
        if place < weight:
            return kind
        place -= weight
    raise AssertionError(place)


def _letter(
    chance: Chance, seed: str, number: int, kind: str, provider: str, domains: Sequence[str], at: Instant
) -> Mail:
    domain = domains[chance.below(len(domains), "domain", number)]
    name = f"jürgen.{number}" if kind == "utf8" else f"reader.{number}"
    sender = f"news{chance.below(3, 'sender', number) + 1}@sender.example"
    subject = _SUBJECTS[chance.below(len(_SUBJECTS), "subject", number)]
    if kind == "utf8":
        subject = f"{_WORDS[number % len(_WORDS)]} ({subject})"
    head = (
        f"From: Sender <{sender}>\r\nTo: <{name}@{domain}>\r\nSubject: {subject}\r\nDate: {_date(at)}\r\n"
        f"Message-ID: <{seed}.{number}@sender.example>\r\nMIME-Version: 1.0\r\n"
    )
    text = [_LINES[chance.below(len(_LINES), "line", number, row)] for row in range(2 + number % 9)]
    body = _BODIES[kind](chance, number, text)
    return Mail(
        kind=kind,
        provider=provider,
        sender=sender,
        recipient=f"{name}@{domain}",
        engagement=chance.below(101, "engagement", number),
        content=head.encode() + body,
    )


def _date(at: Instant) -> str:
    moment = to_datetime(at)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day} {month} {moment.year} {moment:%H:%M:%S} +0000"


def _part(kind: str, encoding: str, body: bytes) -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _joined(lines: Sequence[str], charset: str = "utf-8") -> bytes:
    return "".join(line + "\r\n" for line in lines).encode(charset)


def _plain(chance: Chance, number: int, text: list[str]) -> bytes:
    return _part("text/plain; charset=us-ascii", "7bit", _joined(text))


def _foreign(number: int, text: list[str]) -> list[str]:
    return [*text, _WORDS[number % len(_WORDS)]]


def _quoted(chance: Chance, number: int, text: list[str]) -> bytes:
    lines = _foreign(number, text)
    long = " ".join(lines * 4)
    quoted = quopri.encodestring("\n".join([*lines, long, ""]).encode()).replace(b"\n", b"\r\n")
    return _part("text/plain; charset=utf-8", "quoted-printable", quoted)


def _eight(chance: Chance, number: int, text: list[str]) -> bytes:
    if number % 2:
        return _part("text/plain; charset=iso-8859-1", "8bit", _joined([*text, "Grüße"], "iso-8859-1"))
    return _part("text/plain; charset=utf-8", "8bit", _joined(_foreign(number, text)))


def _several(kind: str, number: int, parts: Sequence[bytes]) -> bytes:
    edge = f"=_part_{number:08d}"
    head = f'Content-Type: multipart/{kind}; boundary="{edge}"\r\n\r\n'.encode()
    inner = b"".join(b"--%s\r\n%s\r\n" % (edge.encode(), part) for part in parts)
    return head + inner + f"--{edge}--\r\n".encode()


def _alternative(chance: Chance, number: int, text: list[str]) -> bytes:
    page = (
        "<html><body>" + "".join(f"<p>{line}</p>\n" for line in _foreign(number, text)) + "</body></html>\n"
    )
    html = quopri.encodestring(page.encode()).replace(b"\n", b"\r\n")
    return _several(
        "alternative",
        number,
        [_plain(chance, number, text), _part("text/html; charset=utf-8", "quoted-printable", html)],
    )


def _attached(chance: Chance, number: int, text: list[str], size: int) -> bytes:
    block = b"".join(chance.draw("octets", number, at).to_bytes(7, "big") for at in range(64))
    octets = (block * (size // len(block) + 1))[:size]
    coded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    file = _part(f'application/octet-stream; name="file-{number}.bin"', "base64", coded)
    return _several("mixed", number, [_plain(chance, number, text), file])


def _attachment(chance: Chance, number: int, text: list[str]) -> bytes:
    return _attached(chance, number, text, 2_000 + chance.below(30_000, "size", number))


def _large(chance: Chance, number: int, text: list[str]) -> bytes:
    return _attached(chance, number, text, LARGE_BYTES)


def _empty(chance: Chance, number: int, text: list[str]) -> bytes:
    return b"\r\n"


_BODIES = {
    "plain": _plain,
    "alternative": _alternative,
    "quoted-printable": _quoted,
    "8bit": _eight,
    "utf8": lambda chance, number, text: _eight(chance, 2 * number, text),
    "attachment": _attachment,
    "large": _large,
    "empty": _empty,
}
