"""Message objects of the standard library, whose own writer cannot be trusted with headers."""

from __future__ import annotations

import email
import email.policy
from email.header import Header
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.content import prepare
from warmup.errors import DataError
from warmup.model import Envelope


def made(message: Message[Any, Any], **settings: Any) -> Envelope:
    arguments = {
        "sender": "a@b.test",
        "recipients": ["c@d.test"],
        "now": 0,
        "unique": "u",
        "hostname": "h.test",
    }
    return prepare(message, **{**arguments, **settings})


def simple(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Text\n")
    return message


def test_object_with_everything() -> None:
    """An EmailMessage goes out with its headers encoded and its Bcc removed, its addresses read."""
    message = simple(From="Ä <a@b.test>", To="x@y.test", Bcc="h@i.test", Subject="Grüße " * 30)
    envelope = made(message, sender=None, recipients=None)
    assert (envelope.sender, envelope.recipients) == ("a@b.test", ("x@y.test", "h@i.test"))
    assert envelope.subject.startswith("Grüße Grüße")
    assert b"Bcc" not in envelope.content
    assert envelope.content.isascii()
    assert message["Bcc"] == "h@i.test", "the caller's object is not changed"


def test_eight_bit_body_and_utf8_address() -> None:
    """Eight-bit text asks for 8BITMIME; an address that is not ASCII is written as it is, by SMTPUTF8."""
    message = EmailMessage()
    message["From"] = "jörg@b.test"
    message.set_content("hällo\n", cte="8bit")
    envelope = made(message)
    assert (envelope.utf8, envelope.eight_bit) == (True, True)
    assert "From: jörg@b.test\r\n".encode() in envelope.content


def test_lines_that_begin_with_from_are_not_quoted() -> None:
    """`From` at the start of a line stays as written, also in the old Message class."""
    old = Message()
    old["Subject"] = "x"
    old.set_payload("From here\n")
    for message in (old, simple(Subject="x")):
        assert b">From" not in made(message).content
    assert made(old).content.endswith(b"\r\n\r\nFrom here\r\n")


def with_header(message: Message[Any, Any], name: str, value: Any) -> Message[Any, Any]:
    message._headers.append((name, value))  # type: ignore[attr-defined]
    return message


HOSTILE = {
    "decoded newline": simple(Subject="=?utf-8?q?hi=0ABcc:_eve@example.com?="),
    "parsed, hidden": email.message_from_bytes(
        b"Subject: =?utf-8?q?hi=0ABcc:_eve@example.com?=\n\nx", policy=email.policy.default
    ),
    "parsed, old class": email.message_from_bytes(b"Subject: =?utf-8?b?aGkKQmNjOiBl?=\n\nx"),
    "form feed": email.message_from_bytes(
        b"Subject: hi\x0cBcc: eve@example.com\n\nx", policy=email.policy.default
    ),
    "raw newline": with_header(Message(), "Subject", "hi\nBcc: eve@example.com"),
    "raw CRLF": with_header(Message(), "Subject", "hi\r\nBcc: eve@example.com"),
    "bare CR": with_header(Message(), "Subject", "hi\rBcc: eve@example.com"),
    "NUL": with_header(Message(), "Subject", "hi\0"),
    "empty folded line": with_header(Message(), "Subject", "hi\n \n\nBcc: eve@example.com"),
    "name": with_header(Message(), "Subject: hi\nBcc", "eve@example.com"),
    "Header object": with_header(Message(), "Subject", Header("hi\nBcc: eve@example.com")),
    "unicode line": with_header(EmailMessage(), "Subject", "hi\u2028Bcc: eve@example.com"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_header_is_injected(kind: str) -> None:
    """A header value that would become two header fields is refused on every Python version."""
    with pytest.raises(DataError) as caught:
        made(HOSTILE[kind])
    assert caught.value.problems


def test_attachment_names_are_checked() -> None:
    """A line break in the headers of a part is refused as well."""
    message = simple(Subject="x")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="ü\r\nX: y.png")
    with pytest.raises(DataError, match="Content-Disposition"):
        made(message)


def test_folded_headers_of_parsed_messages_pass() -> None:
    """A message that was parsed keeps its folded headers; only the old class may fold them elsewhere."""
    raw = b"Subject: hi\n  folded " + b"x" * 200 + b"\nDate: x\nMessage-ID: <1@x.test>\n\nText\n"
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(raw, policy=policy)
        content = made(message).content
        assert content.split() == raw.split()
        assert policy is email.policy.compat32 or content == raw.replace(b"\n", b"\r\n")


def test_attachments_survive() -> None:
    """Binary attachments with names in any script are written and come back the same."""
    message = simple(Subject="x")
    message.add_attachment(b"a\0b\r\n", maintype="image", subtype="png", filename="ü.png")
    back = email.message_from_bytes(made(message).content, policy=email.policy.default)
    (part,) = back.iter_attachments()  # type: ignore[attr-defined]
    assert (part.get_filename(), part.get_content()) == ("ü.png", b"a\0b\r\n")


def test_what_cannot_be_written_is_refused() -> None:
    """A message that the standard library cannot write is refused with a reason, not a traceback."""
    message = simple(Subject="x")
    message.set_payload(["not", "a", "message"])
    with pytest.raises(DataError):
        made(message)


@given(st.text(st.characters(codec="utf-8"), max_size=40) | st.text("=?utf-8qbQB_0AaD\r\n :Bcc", max_size=40))
def test_values_never_become_fields(value: str) -> None:
    """Whatever text is assigned to a header, the message has no more fields than it was given."""
    message = EmailMessage()
    try:
        message["Subject"] = value
    except (ValueError, IndexError, TypeError, AttributeError):
        return  # the library refuses it, or stumbles, before we see it
    message.set_content("x")
    try:
        content = made(message).content
    except DataError:
        return
    names = [
        line.partition(b":")[0]
        for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if line[:1] != b" "
    ]
    assert sorted(names) == sorted(
        [b"Message-ID", b"Date", b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version"]
    )
