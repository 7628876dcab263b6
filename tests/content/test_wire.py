"""What was submitted against what goes on the wire."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.content import prepare
from warmup.errors import DataError
from warmup.model import Envelope

NOW = 1_796_083_200_000_000  # 2026-12-01 00:00:00 UTC


def made(content: object, **settings: object) -> Envelope:
    """Prepare content with addresses that are right, unless said otherwise."""
    arguments = {
        "sender": "alice@example.com",
        "recipients": ["bob@example.net"],
        "now": NOW,
        "unique": "u1",
        "hostname": "mx1.example.com",
        **settings,
    }
    return prepare(content, **arguments)  # type: ignore[arg-type]


def refused(content: object, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        made(content, **settings)
    assert caught.value.exit_code == 65
    assert all(problem.mend or not problem.field for problem in caught.value.problems)
    return str(caught.value)


MESSAGE = b"Message-ID: <1@x.test>\r\nDate: Tue, 01 Dec 2026 00:00:00 +0000\r\nSubject: Hi\r\n\r\nText\r\n"


def test_complete_message_is_untouched() -> None:
    """A message that is complete goes out byte for byte as it came."""
    envelope = made(MESSAGE)
    assert envelope.content == MESSAGE
    assert (envelope.message_id, envelope.subject) == ("<1@x.test>", "Hi")
    assert not envelope.utf8
    assert not envelope.eight_bit


def test_missing_fields_are_added_at_the_top() -> None:
    """A message without Message-ID and Date gets both, from the arguments alone."""
    envelope = made(b"Subject: Hi\n\nText")
    assert envelope.content == (
        b"Message-ID: <u1@mx1.example.com>\r\nDate: Tue, 01 Dec 2026 00:00:00 +0000\r\n"
        b"Subject: Hi\r\n\r\nText\r\n"
    )
    assert envelope.message_id == "<u1@mx1.example.com>"
    assert b"Date: x\r\nMessage-ID" not in made(b"date: x\n\n").content


def test_bcc_never_leaves() -> None:
    """Bcc and Resent-Bcc are removed in any spelling, with their folded lines, wherever they stand."""
    content = (
        b"BCC: a@b.test,\n c@d.test\nSubject: Hi\nResent-bcc : e@f.test\n"
        b"X-Bcc: stays\nbcc:\n\tg@h.test\n\nBcc: text\n"
    )
    lines = made(content).content.split(b"\r\n")
    assert lines[2:] == [b"Subject: Hi", b"X-Bcc: stays", b"", b"Bcc: text", b""]
    for alone in (b"Bcc: a@b.test", b"Bcc: a@b.test\n\nText"):
        assert b"Bcc" not in made(alone).content


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        (b"A: b\nC: d\n\nx\ny", b"A: b\r\nC: d\r\n\r\nx\r\ny\r\n"),
        (b"A: b\rC: d\r\rx\ry\r", b"A: b\r\nC: d\r\n\r\nx\r\ny\r\n"),
        (b"A: b\r\nC: d\n\r\nx\ry\r\n", b"A: b\r\nC: d\r\n\r\nx\r\ny\r\n"),
        (b"A: b\r\r\nC: d\r\r\n\r\r\nx\r\r\n", b"A: b\r\nC: d\r\n\r\nx\r\n"),
        (b"A: b\n\nx\n.\n\n.\r\n", b"A: b\r\n\r\nx\r\n.\r\n\r\n.\r\n"),
        (b"A: b", b"A: b\r\n"),
    ],
)
def test_line_ends_become_crlf(given_: bytes, sent: bytes) -> None:
    """Every kind of line end becomes CRLF; a CR doubled by a text-mode copy does not make an empty line."""
    assert made(given_).content.endswith(b"+0000\r\n" + sent)


def test_bare_cr_among_headers_is_refused() -> None:
    """A bare CR cannot smuggle a header field in: the field that holds it is named."""
    assert refused(b"Subject: hi\rBcc: eve@example.com\nTo: x@y.test\n\n").startswith("Subject: holds a bare")
    assert b"\r\nx\r\ny\r\n" in made(b"A: b\n\nx\ry\n").content


def test_mbox_line_is_dropped() -> None:
    """The From line that mboxes and mail spools put on top is no header and does not go out."""
    assert made(b"From bob@x.test Tue May 10 11:28:07 2005\nA: b\n\n").content.endswith(
        b"+0000\r\nA: b\r\n\r\n"
    )
    assert made(b"From : bob@x.test\nA: b\n\n").content.endswith(b"From : bob@x.test\r\nA: b\r\n\r\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \r\n\r\n", "is empty"),
        (b"\nA: b\n", "has no headers"),
        (b"Dear Bob,\n\nhello", "which is no header field"),
        (b" folded: first\n\n", "which is no header field"),
        (b"A: b\n\nx\0y", "NUL"),
        ("A: b\n\n", "is text"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_message_is_refused(content: object, why: str) -> None:
    """What is empty, has no headers or holds a NUL is refused with the mend."""
    assert why in refused(content)


def test_malformed_line_among_headers_is_kept() -> None:
    """A line without a colon inside the headers is real mail: it is kept, and Bcc after it still goes."""
    sent = made(b"Subject: Hi\nthis line has no colon\nBcc: a@b.test\nTo: x@y.test\n\nText").content
    assert sent.endswith(b"Subject: Hi\r\nthis line has no colon\r\nTo: x@y.test\r\n\r\nText\r\n")


def test_long_lines() -> None:
    """A line of 998 octets passes; one more is refused by number, unless the stream takes long lines."""
    line = b"x" * 998
    assert line in made(b"A: b\n\n" + line).content
    assert "line 4 has 999 octets" in refused(b"A: b\n\n" + line + b"\n" + line + b"y\nz\n")
    assert line + b"y\r\n" in made(b"A: b\n\n" + line + b"y", long_lines=True).content


def test_size_is_bounded() -> None:
    """Content over the limit is refused before it is copied, whatever kind of bytes it is."""
    for content in (MESSAGE, bytearray(MESSAGE), memoryview(MESSAGE)):
        assert made(content, size_max=len(MESSAGE)).content == MESSAGE
        assert "at most 10 are taken" in refused(content, size_max=10)


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-8?q?hi=0ABcc:_eve@example.com?=",
        b"=?UTF-8?Q?hi=0a?=",
        b"=?utf-8?b?aGkKQmNjOiBldmU=?=",
        b"=?utf-8*en?q?hi=0D?=",
        b"=?x-unknown?q?=00?=",
        b"=?utf-16-be?b?AGgACg==?=",
        b"=?utf-16-be?b?AGEA?=\r\n =?utf-16-be?b?CmI=?=",
        b"=?utf-7?q?a+AAo-b?=",
        b"=?unicode_escape?q?a=5Cnb?=",
        b"safe =?utf-8?q?and?= =?iso-8859-1?q?not=0D?= more",
        b"=?utf-8?q?with space=0A?=",
        b"=?utf-8?q?fold\r\n ed=0A?=",
        b"=?utf-8?b?aG=kKQmNj?=",
    ],
)
def test_hidden_line_breaks_are_refused(value: bytes) -> None:
    """An encoded-word that hides a newline, a CR or a NUL is refused, and its field is named."""
    assert "X-Odd: hides a line break" in refused(b"A: b\r\nX-Odd: " + value + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= an =?utf-8?q?alle?=", "Grüße an alle"),
        (b"=?utf-8?b?R3I=?= =?utf-8?b?w7zDn2U=?=", "Grüße"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?utf-16-be?b?AGgAaQ==?=", "hi"),
        (b"=?nonsense?q?ab?= c", "ab c"),
        (b"=?utf-8?q?never closed", "=?utf-8?q?never closed"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"two\r\n lines", "two lines"),
        (b"bell\x07 and escape\x1b[2J", "bell  and escape [2J"),
        (b"x" * 300, "x" * 200),
    ],
)
def test_subject_for_people(value: bytes, subject: str) -> None:
    """The subject that the queue shows is decoded, short, and safe on a terminal."""
    assert made(b"Subject: " + value + b"\r\n\r\n").subject == subject


def test_which_extensions_are_needed() -> None:
    """UTF-8 in a header or a local part needs SMTPUTF8, eight-bit text needs 8BITMIME, ASCII neither."""

    def flags(content: bytes, **settings: object) -> tuple[bool, bool]:
        envelope = made(content, **settings)
        return envelope.utf8, envelope.eight_bit

    assert flags(b"A: b\n\nx") == (False, False)
    assert flags("A: ü\n\nx".encode()) == (True, False)
    assert flags("A: b\n\nü".encode()) == (False, True)
    assert flags("A: ü\n\nü".encode()) == (True, True)
    assert flags("Bcc: x@y.test\nA: ü\n\nx".encode()) == (True, False)
    assert flags(b"A: \xfc\n\nx") == (False, True), "octets of no known charset"
    assert flags(b"A: b\n\nx", recipients=["jörg@example.com"]) == (True, False)
    assert flags(b"A: b\n\nx", sender="info@bücher.example") == (False, False)


def test_recipients_once_each_in_order() -> None:
    """Doubles are dropped by domain in any case; the order given is kept."""
    envelope = made(b"A: b\n\n", recipients=["c@d.test", "a@B.test", "c@D.test", "a@b.test", "A@b.test"])
    assert envelope.recipients == ("c@d.test", "a@b.test", "A@b.test")
    assert made(b"A: b\n\n", sender="").sender == ""


HEADERS = b"""\
From: "Example, Alice" <alice@example.com>
To: Bob <bob@example.net>, Team: carol@example.org (Carol), "d d"@example.org;,
 =?utf-8?q?E=2C_F?= <e@example.org>
Cc: bob@example.net, undisclosed-recipients:;
Bcc: hidden@example.com

Text
"""


def test_addresses_from_headers() -> None:
    """Without given addresses those of the headers count, Bcc too, through names, comments and groups."""
    envelope = made(HEADERS, sender=None, recipients=None)
    assert envelope.sender == "alice@example.com"
    assert envelope.recipients == (
        "bob@example.net",
        "carol@example.org",
        '"d d"@example.org',
        "e@example.org",
        "hidden@example.com",
    )
    with_sender = b"Sender: desk@example.com\n" + HEADERS
    assert made(with_sender, sender=None, recipients=None).sender == "desk@example.com"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (b"To: a@b.test", "sender: is not given"),
        (b"From: a@b.test, c@d.test\nTo: a@b.test", "holds 2 addresses"),
        (b"From: a@b.test", "recipients: are none"),
        (b"From: a@b.test\nTo: undisclosed-recipients:;", "recipients: are none"),
        (b"From: a@b.test\nTo: a b <c@d.test", "To: "),
        (b"From: a@b.test\nTo: x@y.test <c@d.test> z", "To: "),
        (b"From: a@b.test\nCc: nobody", "Cc: 'nobody' has no @"),
        (b"From: a@b.test\nTo: c@d.test\nResent-To: e@f.test", "was resent"),
    ],
)
def test_headers_without_clear_addresses(headers: bytes, why: str) -> None:
    """Where the headers do not say clearly who is meant, nothing is guessed."""
    assert why in refused(headers + b"\n\nx", sender=None, recipients=None)


def test_every_problem_at_once() -> None:
    """All that is wrong with a message is reported together, but no endless list."""
    text = refused(
        b"Subject: =?utf-8?q?=0A?=\n\n" + b"x" * 999, sender="a", recipients=["b", "c@d.test"], unique="a b"
    )
    for part in ("Subject: hides", "sender: 'a'", "recipient: 'b'", "999 octets", "unique: "):
        assert part in text
    assert refused(b"A: b\n\n", recipients=["x"] * 1000).endswith("and 980 more problems")
    assert "recipients: are none" in refused(b"A: b\n\n", recipients=[])


NAME = re.compile(rb"[!-9;-~]+\Z")
names = st.from_regex(rb"(?i)\A(bcc|resent-bcc|to|date|message-id|subject|x-[!-9;-~]{1,8})\Z")
folds = st.sampled_from([b"", b"\n ", b"\r\n\t", b"\n  "])
values = st.lists(
    st.tuples(st.binary(max_size=12).map(lambda x: re.sub(rb"[\r\n\0]", b"", x)), folds), max_size=3
).map(lambda parts: b"x".join(text + fold for text, fold in parts) + b"x")
fields = st.lists(st.tuples(names, values), min_size=1, max_size=8)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r\r\n"])


def parsed(content: bytes) -> list[tuple[bytes, bytes]]:
    """Fields read the plain way: lines, folds joined, split at the first colon."""
    head = content.split(b"\r\n\r\n", 1)[0].removesuffix(b"\r\n")
    found: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and found:
            found[-1] += b"\r\n" + line
        else:
            found.append(line)
    return [(name.rstrip().lower(), value) for name, _, value in (field.partition(b":") for field in found)]


@given(fields, line_ends, st.binary(max_size=200).map(lambda body: body.replace(b"\0", b"")))
def test_same_fields_whatever_the_bytes(given_: list[tuple[bytes, bytes]], end: bytes, body: bytes) -> None:
    """Any headers and body: CRLF throughout, the same fields less Bcc, what was missing, a fixed point."""
    content = b"".join(name + b":" + value + end for name, value in given_) + end + body
    try:
        envelope = made(content, long_lines=True)
    except DataError as error:
        assert "encoded-word" in str(error)
        return
    sent = envelope.content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)
    assert sent.endswith(b"\r\n")
    expected = [
        (name.lower(), re.sub(rb"\r*\n", b"\r\n", value))
        for name, value in given_
        if name.lower() not in (b"bcc", b"resent-bcc")
    ]
    found = parsed(sent)
    added = [name for name, _ in found[: len(found) - len(expected)]]
    assert found[len(added) :] == expected
    assert added == [
        name for name in (b"message-id", b"date") if name not in {lowered for lowered, _ in expected}
    ]
    assert re.sub(rb"\r+\n|\r|\n", b"\r\n", body).rstrip(b"\r\n") == sent.partition(b"\r\n\r\n")[2].rstrip(
        b"\r\n"
    )
    assert made(sent, long_lines=True) == envelope


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(content: bytes) -> None:
    """Bytes of any kind are either taken, cleanly and once for all, or refused with a reason."""
    try:
        envelope = made(content, sender=None, recipients=["a@b.test"])
    except DataError as error:
        assert error.problems
        return
    assert made(envelope.content, sender=None, recipients=["a@b.test"]) == envelope
