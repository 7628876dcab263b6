"""A world asked message by message: the same provider, for an engine under a simulated clock.

The engine's courier hands over one delivery and wants an SMTP answer; the provider of a world thinks in
categories. The desk remembers when each delivery was first tried, so that greylisting sees its age.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from warmup.contracts import Receiver
from warmup.model import Attempt, Category, Outcome, Reply, Stage
from warmup.timing import Instant

__all__ = ["REPLIES", "Desk"]

REPLIES: Mapping[Category, tuple[Reply, Stage]] = {
    Category.ACCEPTED: (Reply(250, "2.0.0", "OK"), Stage.DOT),
    Category.GREYLIST: (Reply(451, "4.7.1", "Greylisted, please try again in a few minutes"), Stage.RCPT),
    Category.VOLUME_LIMITED: (
        Reply(
            421,
            "4.7.28",
            "Our system has detected an unusual rate of unsolicited mail originating from your IP address. "
            "To protect our users from spam, mail sent from your IP address has been rate limited.",
        ),
        Stage.DOT,
    ),
    Category.IP_REPUTATION_BLOCK: (
        Reply(
            550,
            "5.7.1",
            "Our system has detected that this message is likely suspicious due to the very low reputation "
            "of the sending IP address.",
        ),
        Stage.DOT,
    ),
    Category.INVALID_RECIPIENT: (
        Reply(550, "5.1.1", "The email account that you tried to reach does not exist."),
        Stage.RCPT,
    ),
    Category.TRANSIENT_INFRASTRUCTURE: (
        Reply(451, "4.3.0", "Temporary system problem. Try again later."),
        Stage.DOT,
    ),
    Category.MAILBOX_FULL: (
        Reply(452, "4.2.2", "The email account that you tried to reach is over quota."),
        Stage.RCPT,
    ),
}
"""What a category sounds like at Google, after its published replies."""


class Desk:
    """Answers single deliveries as a provider of a world does.

    Args:
        receiver: The provider.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._first: dict[Hashable, Instant] = {}

    def answer(self, delivery: Hashable, now: Instant) -> Attempt:
        """Answer one attempt.

        Args:
            delivery: What tells deliveries apart; the same one again is a retry.
            now: When; never earlier than before.

        Raises:
            KeyError: The world answers with a category that has no reply here.
        """
        age = now - self._first.setdefault(delivery, now)
        _, category = self.receiver.answer(now, 1, age, 1)
        reply, stage = REPLIES[category]
        if category is Category.ACCEPTED or reply.outcome is Outcome.REJECTED:
            del self._first[delivery]
        return Attempt(
            stage=stage,
            reply=reply,
            outcome=reply.outcome,
            mail_written=True,
            started_at=now,
            ended_at=now,
            host="world",
        )
