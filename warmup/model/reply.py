"""What a remote server answered, and what the answer means."""

from __future__ import annotations

import enum

import attrs

from warmup.timing import Instant, Span

__all__ = ["Attempt", "Category", "Outcome", "Reaction", "Reply", "Scope", "Stage", "Verdict"]

REPLY_TEXT_MAX = 2_000
"""Characters of a reply that are kept: a reply is somebody else's text and may be endless."""


class Stage(enum.StrEnum):
    """How far a conversation had come when the reply arrived (RFC 5321 section 3)."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


class Outcome(enum.StrEnum):
    """The four ways in which an attempt ends. Unknown is honest and has its own path."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Category(enum.StrEnum):
    """What a refusal speaks of. Only some of these speak of reputation."""

    ACCEPTED = "accepted"
    GREYLIST = "greylist"
    RATE_LIMITED = "rate_limited"
    VOLUME_LIMITED = "volume_limited"
    IP_REPUTATION_BLOCK = "ip_reputation_block"
    BLOCKLISTED = "blocklisted"
    AUTH_FAILURE = "auth_failure"
    SPAM_CONTENT = "spam_content"
    INVALID_RECIPIENT = "invalid_recipient"
    MAILBOX_FULL = "mailbox_full"
    POLICY = "policy"
    TRANSIENT_INFRASTRUCTURE = "transient_infrastructure"
    PROTOCOL = "protocol"
    UNKNOWN_TEMPORARY = "unknown_temporary"
    UNKNOWN_PERMANENT = "unknown_permanent"


class Scope(enum.StrEnum):
    """Whom a refusal is about."""

    IP = "ip"
    DOMAIN = "domain"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Reaction(enum.StrEnum):
    """What the engine does about it."""

    NONE = "none"
    RETRY = "retry"
    SLOW_PROVIDER = "slow_provider"
    DEFER_RECIPIENT = "defer_recipient"
    PAUSE_PROVIDER = "pause_provider"
    STOP_PROVIDER = "stop_provider"
    DROP_MESSAGE = "drop_message"
    DROP_RECIPIENT = "drop_recipient"


@attrs.frozen
class Reply:
    """An SMTP reply: code, enhanced code (RFC 3463) where one was given, and the text.

    Attributes:
        code: Three digits, or 0 where the server said nothing (it could not be reached, it hung up).
        enhanced: Such as ``4.7.28``; empty where there was none.
        text: Lines joined by a newline, without the codes; ours where ``code`` is 0.
    """

    code: int
    enhanced: str = ""
    text: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code or ""), self.enhanced, self.text) if part)

    @property
    def outcome(self) -> Outcome:
        """What the first digit says: any 2yz is success (RFC 5321 section 4.2.1)."""
        return {2: Outcome.ACCEPTED, 4: Outcome.DEFERRED, 5: Outcome.REJECTED}.get(
            self.code // 100, Outcome.UNKNOWN
        )


@attrs.frozen(kw_only=True)
class Verdict:
    """What a reply means, and the rule that said so.

    Attributes:
        outcome: What becomes of the delivery: a 4yz that is permanent by its text is rejected, a
            5yz that is temporary by its text is deferred.
        retry_after: Shortest wait before the same recipient is tried again, microseconds; 0: the
            retry schedule alone decides.
        pause: How long the whole lane should be silent, microseconds; 0: it need not be.
        rule: Id of the rule that decided.
        finding: What has to be mended in the sender's own house (``spf``, ``dkim``, ``dmarc``, ``ptr``,
            ``helo``, ``tls``, ``sender-domain``, ``unauthenticated``); empty where it is not that.
    """

    outcome: Outcome
    category: Category
    scope: Scope
    reaction: Reaction
    retry_after: Span = 0
    pause: Span = 0
    rule: str = ""
    finding: str = ""


@attrs.frozen(kw_only=True)
class Attempt:
    """One conversation about one delivery, closed.

    Attributes:
        stage: The last command that was answered, or waited for.
        reply: What was answered.
        outcome: ACCEPTED, DEFERRED and REJECTED by the reply's code; UNKNOWN where the final dot
            (or DATA's content) went out and no answer came.
        mail_written: Whether a MAIL command went out: from then on the unit is spent.
        host: Name or address of the server, for people.
        tls: Whether the conversation was encrypted.
    """

    stage: Stage
    reply: Reply
    outcome: Outcome
    mail_written: bool
    started_at: Instant
    ended_at: Instant
    host: str = ""
    tls: bool = False
