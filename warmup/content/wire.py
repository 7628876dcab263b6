"""From what was submitted to what goes on the wire.

The content stays as it was submitted, except: Bcc and Resent-Bcc are removed, a missing Message-ID
or Date is added at the top, an mbox ``From`` line at the top is dropped, line ends become CRLF, and
the content ends in one. What cannot be sent as it is, or could be read in two ways, is refused.

This runs once for every message submitted, so it works on bytes with a handful of searches and
parses nothing that it does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from warmup.content.address import Address, examine
from warmup.content.headers import FIELD, hides_break, list_addresses, readable, unfold
from warmup.errors import DataError, Problem
from warmup.model import Envelope
from warmup.timing import Instant, to_datetime

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["LINE_MAX", "RECIPIENTS_MAX", "SIZE_CEILING", "SIZE_MAX", "SUBJECT_MAX", "Content", "prepare"]

LINE_MAX = 998
"""Octets in a line without its CRLF (RFC 5322 section 2.1.1)."""
SIZE_MAX = 50 * 1024 * 1024
"""Octets of content taken unless said otherwise: no large provider takes more."""
SIZE_CEILING = 2**31 - 1
"""Octets of content that no setting exceeds."""
SUBJECT_MAX = 200
"""Characters of the subject kept for people."""
RECIPIENTS_MAX = 100_000
"""Recipients of one message: each becomes a row, all of them in one transaction."""
PROBLEMS_MAX = 20
"""Problems that are listed; a list of 10,000 bad addresses helps nobody."""

_LINE_END = re.compile(rb"\r+\n|\n|\r")
_HEAD_END = re.compile(rb"\n\r*\n")
_LONE_CR = re.compile(rb"\r(?!\r*\n)")
_BCC = re.compile(rb"\r\n(?:resent-)?bcc[ \t]*+:[^\r]*+(?:\r\n[ \t][^\r]*+)*+", re.IGNORECASE)
_FROM_LINE = re.compile(rb"From (?![ \t]*:)[^\r\n]*\r\n")
_ID_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+)*")
_RESENT = frozenset((b"resent-to", b"resent-cc", b"resent-bcc"))
_BYTES = (bytes, bytearray, memoryview)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Content: TypeAlias = "bytes | bytearray | memoryview | Message[Any, Any]"
Fields: TypeAlias = list[tuple[bytes, bytes]]


def prepare(
    content: Content,
    *,
    sender: str | None,
    recipients: Sequence[str] | None,
    now: Instant,
    unique: str,
    hostname: str,
    long_lines: bool = False,
    size_max: int = SIZE_MAX,
) -> Envelope:
    """Check a message with its addresses and write it as it will go on the wire.

    The result is a fixed point: preparing its content again changes nothing.

    Args:
        content: The message as bytes, or an object of :mod:`email.message`.
        sender: Reverse-path; ``""`` for the null path; None: taken from Sender, else From.
        recipients: Forward-paths; None: taken from To, Cc and Bcc. Doubles are dropped.
        now: The Date given to a message without one, written in UTC.
        unique: Left part of the Message-ID given to a message without one.
        hostname: Right part of it.
        long_lines: Take lines over 998 octets as they are.
        size_max: Octets; more is refused before anything is copied. Never above 2 GiB - 1.

    Raises:
        DataError: The message or an address cannot be taken; every problem found is listed.
    """
    clean = _clean(_octets(content, min(size_max, SIZE_CEILING)))
    end = clean.find(b"\r\n\r\n")  # the CRLF that ends the last field
    if end < 0:
        end = len(clean) - 2
    head = b"\r\n" + clean[:end]
    fields: Fields = FIELD.findall(head)
    first: dict[bytes, bytes] = {name.lower(): value for name, value in reversed(fields)}
    if not FIELD.match(head, 1):
        raise _headless(head[2:])

    problems: list[Problem] = []
    if b"=?" in head:
        problems.extend(
            Problem(_name(name), "hides a line break or a NUL in an encoded-word", "leave it out")
            for name, value in fields
            if b"=?" in value and hides_break(value)
        )
    reverse_path = _sender(sender, fields, first, problems)
    forward_paths = _recipients(recipients, fields, first, problems)
    if not long_lines and (line := _overlong(clean)):
        problems.append(
            Problem(
                "content",
                f"line {line[0]} has {line[1]} octets",
                f"a line has at most {LINE_MAX} (RFC 5322 2.1.1): encode the body as quoted-printable or "
                "base64, or set long_lines for the stream",
            )
        )
    added = b""
    if b"message-id" not in first:
        added += _new_message_id(unique, hostname, problems)
    if b"date" not in first:
        added += _new_date(now)
    if problems:
        raise DataError(problems=_bounded(problems))

    if b"bcc" in first or b"resent-bcc" in first:
        head = _BCC.sub(b"", head)
        # Where Bcc was all there was, the fields added below take its place.
        clean = head[2:] + clean[end if head else end + 2 :]
        end = max(0, len(head) - 2)
    if added:
        clean = added + clean
        message_id = unfold(first.get(b"message-id", added[12:].partition(b"\r")[0]))
    else:
        message_id = unfold(first[b"message-id"])
    utf8_head = eight_bit = False
    if not clean.isascii():
        utf8_head = not head.isascii() and _is_utf8(head)
        # Octets of no known charset in a header need no SMTPUTF8 but a path that keeps eight bits.
        eight_bit = not utf8_head or not clean[len(added) + end :].isascii()
    return Envelope(
        sender=reverse_path.wire,
        recipients=tuple(forward_paths),
        content=clean,
        message_id=message_id.decode("utf-8", "replace"),
        subject=readable(first.get(b"subject", b""), SUBJECT_MAX),
        utf8=utf8_head or reverse_path.utf8 or any(not path.isascii() for path in forward_paths),
        eight_bit=eight_bit,
    )


def _headless(head: bytes) -> DataError:
    line = head.partition(b"\r")[0]
    wrong = f"begins with {line[:60]!r}, which is no header field" if line else "has no headers"
    mend = "begin with fields such as From and Subject, then an empty line, then the text"
    return DataError(problems=(Problem("content", wrong, mend),))


def _octets(content: Content, size_max: int) -> bytes:
    """The content as bytes, refused before it is copied where it is too long."""
    if isinstance(content, _BYTES):
        size = content.nbytes if isinstance(content, memoryview) else len(content)
        _check_size(size, size_max)
        return bytes(content)
    if isinstance(content, str):
        raise DataError.of("content", "is text", "give bytes, for example text.encode(), or an EmailMessage")
    if not hasattr(content, "raw_items"):
        raise DataError.of("content", f"is {type(content).__name__}", "give bytes or an EmailMessage")
    from warmup.content.serialise import serialise

    written = serialise(content)
    _check_size(len(written), size_max)
    return written


def _check_size(size: int, size_max: int) -> None:
    if size > size_max:
        raise DataError.of("content", f"has {size} octets", f"at most {size_max} are taken")


def _clean(raw: bytes) -> bytes:
    """The same lines with CRLF line ends, the last one ended too, without an mbox line."""
    if b"\0" in raw:
        raise DataError.of(
            "content", "holds a NUL octet", "encode a binary body as base64 (RFC 5322 4.1 forbids NUL)"
        )
    # Taking every CR out and putting one before each LF changes nothing where all was well; that is
    # quicker to find out than to count.
    clean = raw.translate(None, b"\r").replace(b"\n", b"\r\n")
    if b"\r" in raw and clean != raw:
        _refuse_lone_returns(raw)
        clean = _LINE_END.sub(b"\r\n", raw)
    if not clean.endswith(b"\r\n"):
        clean += b"\r\n"
    if clean.startswith(b"From ") and (match := _FROM_LINE.match(clean)) is not None:
        clean = clean[match.end() :]
    if not clean or clean.isspace():
        raise DataError.of("content", "is empty", "a message has at least one header field")
    return clean


def _refuse_lone_returns(raw: bytes) -> None:
    """Refuse a bare CR among headers whose lines end otherwise: it would become a header of its own."""
    if b"\n" not in raw:
        return  # the line ends of an old Macintosh, throughout
    end = match.end() if (match := _HEAD_END.search(raw)) is not None else len(raw)
    if (lone := _LONE_CR.search(raw, 0, end)) is not None:
        name = raw[raw.rfind(b"\n", 0, lone.start()) + 1 : lone.start()].partition(b":")[0]
        raise DataError.of(_name(name), "holds a bare carriage return", "leave it out")


def _overlong(clean: bytes) -> tuple[int, int] | None:
    """Number and length of the first line that is too long."""
    start, size = 0, len(clean)
    while start < size:
        # The last line end within reach: whole stretches of short lines are passed over at once.
        end = clean.rfind(b"\n", start, start + LINE_MAX + 2)
        if end < 0:
            end = clean.find(b"\n", start)
            return clean.count(b"\n", 0, start) + 1, end - 1 - start
        start = end + 1
    return None


def _sender(
    sender: str | None, fields: Fields, first: dict[bytes, bytes], problems: list[Problem]
) -> Address:
    field, text = "sender", sender
    if text is None:
        name = b"sender" if b"sender" in first else b"from"
        found = [address for key, value in fields if key.lower() == name for address in list_addresses(value)]
        if len(found) != 1:
            wrong = f"is not given, and {name.decode().title()} holds {len(found)} addresses"
            problems.append(Problem(field, wrong, "give the sender, or one Sender field with one address"))
            return Address("", "", "")
        field, text = name.decode().title(), found[0]
    address = examine(text, field=field, null=sender is not None)
    if isinstance(address, Address):
        return address
    problems.append(address)
    return Address("", "", "")


def _recipients(
    recipients: Sequence[str] | None, fields: Fields, first: dict[bytes, bytes], problems: list[Problem]
) -> dict[str, None]:
    """Forward-paths as they go on the wire, each once, in their order."""
    given: Iterable[tuple[str, str]]
    if recipients is not None:
        given = [
            ("recipient", text) for text in ((recipients,) if isinstance(recipients, str) else recipients)
        ]
    elif _RESENT & first.keys():
        wrong = "are not given, and the message was resent: To names whom the first sender wrote to"
        problems.append(Problem("recipients", wrong, "give the recipients"))
        return {}
    else:
        given = _named_recipients(fields)
    paths: dict[str, None] = {}
    before = len(problems)
    for field, text in given:
        address = examine(text, field=field)
        if isinstance(address, Address):
            paths[address.wire] = None
        else:
            problems.append(address)
    if not paths and len(problems) == before:
        mend = (
            "give at least one" if recipients is not None else "give them, or write them into To, Cc or Bcc"
        )
        problems.append(Problem("recipients", "are none", mend))
    if len(paths) > RECIPIENTS_MAX:
        problems.append(Problem("recipients", f"are {len(paths)}", f"give at most {RECIPIENTS_MAX} at once"))
    return paths


def _named_recipients(fields: Fields) -> Iterator[tuple[str, str]]:
    for wanted in (b"to", b"cc", b"bcc"):
        for name, value in fields:
            if name.lower() == wanted:
                for address in list_addresses(value):
                    yield wanted.decode().title(), address


def _new_message_id(unique: str, hostname: str, problems: list[Problem]) -> bytes:
    for field, text in (("unique", unique), ("hostname", hostname)):
        if _ID_PART.fullmatch(text) is None:
            problems.append(
                Problem(field, f"{text[:80]!r} cannot stand in a Message-ID", "use letters and digits")
            )
            return b""
    return f"Message-ID: <{unique}@{hostname}>\r\n".encode()


def _new_date(now: Instant) -> bytes:
    moment = to_datetime(now)
    return (
        f"Date: {_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
        f" {moment.hour:02}:{moment.minute:02}:{moment.second:02} +0000\r\n"
    ).encode()


def _bounded(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= PROBLEMS_MAX:
        return problems
    return [*problems[:PROBLEMS_MAX], Problem("", f"and {len(problems) - PROBLEMS_MAX} more problems")]


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _name(octets: bytes) -> str:
    return octets[:80].decode("ascii", "backslashreplace")
