"""Replies as they came over the wire, made into records."""

from __future__ import annotations

from warmup.model import Outcome, Reply, Stage
from warmup.model.reply import REPLY_TEXT_MAX
from warmup.providers import parse_reply

__all__ = ["expected", "outcome_at", "read_reply"]


def read_reply(code: int, message: str) -> Reply:
    """Make a record of a reply's code and its text, lines joined by newlines.

    The text is somebody else's: octets that are no UTF-8 are replaced, and
    :func:`warmup.providers.parse_reply` cuts it to a bound and takes its codes off. A code that SMTP does
    not know becomes 0 and stays in the text.
    """
    if not message.isascii():
        message = message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not 200 <= code <= 599:
        seen = f"{code} {message}" if code >= 0 else message
        return Reply(0, "", f"the server broke the protocol: {seen}"[:REPLY_TEXT_MAX])
    return parse_reply(code, message)


def expected(stage: Stage, code: int) -> bool:
    """Whether a code lets the conversation go on: 354 after DATA (RFC 5321 4.3.2), elsewhere any 2yz."""
    return code == 354 if stage is Stage.DATA else 200 <= code <= 299


def outcome_at(stage: Stage, code: int) -> Outcome:
    """What an unexpected code at a stage means for the delivery.

    4yz and 5yz speak for themselves. Anything else is out of place: before the content was sent the
    delivery is simply not done; after the final dot nobody knows.
    """
    kind = code // 100
    if kind == 4:
        return Outcome.DEFERRED
    if kind == 5:
        return Outcome.REJECTED
    if stage is Stage.DOT:
        return Outcome.ACCEPTED if kind == 2 else Outcome.UNKNOWN
    return Outcome.DEFERRED
