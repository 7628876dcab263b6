"""``email.message`` objects to bytes, without believing what the standard library writes.

Python before 3.11.15, 3.12.13 and 3.13.12 writes a decoded newline as a new header field
(CVE-2024-6923) and passes a raw one through (CVE-2026-1299). So every value is looked at before
it is written, and the fields of what was written are compared with the fields that were there.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from warmup.content.headers import FIELD, hides_break
from warmup.errors import DataError, Problem

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["serialise"]

_NAME = re.compile(r"[!-9;-~]+")
_FOLD = re.compile(r"\r?\n(?=[ \t]+[^ \t\r\n])")
# The generator itself writes these where it has to encode a body.
_GENERATED = frozenset((b"content-type", b"content-transfer-encoding", b"mime-version"))
_ASK_FOR_BYTES = "give the message as bytes, or build it anew with email.message.EmailMessage"


def serialise(message: Message[Any, Any]) -> bytes:
    """Write a message object as bytes with CRLF line ends; Bcc is still in it.

    Raises:
        DataError: A header of the message, or of a part of it, holds a line break or a NUL, or the
            standard library cannot write the message down, or wrote other fields than it was given.
    """
    try:
        problems = [
            problem
            for part in message.walk()
            for name, value in part.raw_items()
            if (problem := _problem(name, value)) is not None
        ]
        written = b"" if problems else message.as_bytes(unixfrom=False, policy=_policy(message))
    except Exception as error:  # the generator raises what its codecs and its parsers raise
        what = f"cannot be written as bytes: {type(error).__name__}: {error}"
        raise DataError.of("content", what[:300], _ASK_FOR_BYTES) from error
    if problems:
        raise DataError(problems=problems)

    given = Counter(name.lower().encode() for name, _ in message.raw_items())

    head = b"\n" + written.partition(b"\r\n\r\n")[0].removesuffix(b"\r\n")
    found = Counter(name.lower() for name, _ in FIELD.findall(head))
    for name in sorted((found | given).keys() - _GENERATED):
        if found[name] != given[name]:
            raise DataError.of(
                name.decode("ascii", "replace"),
                f"stands {given[name]} times in the message, but {found[name]} times once it is written",
                _ASK_FOR_BYTES,
            )
    return written


def _problem(name: str, value: Any) -> Problem | None:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return Problem(
            f"header {str(name)[:40]!r}", "is no field name", "use printable ASCII without a colon"
        )
    text = str(value)
    # A value that was parsed is kept as it was folded; one that was assigned has no folds.
    bare = text if hasattr(value, "fold") else _FOLD.sub("", text)
    if len(bare.splitlines()) > 1 or any(sign in bare for sign in "\r\n\0"):
        return Problem(name, "holds a line break or a NUL", "leave it out: a header value is one line")
    if "=?" in text and hides_break(text.encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n")):
        return Problem(name, "hides a line break or a NUL in an encoded-word", "leave it out")
    return None


def _policy(message: Message[Any, Any]) -> Any:
    """The message's own policy, told to change nothing it need not change."""
    settings: dict[str, Any] = {"linesep": "\r\n", "cte_type": "8bit", "mangle_from_": False}
    if hasattr(message.policy, "refold_source"):
        settings["refold_source"] = "none"
        # An address that is not ASCII cannot be written as an encoded-word (RFC 6532 section 3.2).
        settings["utf8"] = getattr(message.policy, "utf8", False) or any(
            not address.addr_spec.isascii()
            for _, value in message.raw_items()
            for address in getattr(value, "addresses", ())
        )
    return message.policy.clone(**settings)
