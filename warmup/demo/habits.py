"""How simulated providers judge a sender. Each habit looks at one thing; a provider has several.

They are models made for a demonstration and for tests, in the manner of what real providers answer
(greylisting: RFC 6647; a volume deferral like Gmail's 4.7.28), and claim no more.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from warmup.timing import DAY, MINUTE, Instant, Span

__all__ = ["Block", "Greylist", "Growing", "Habit", "History", "Turning", "Volume"]

_LIMITED = b"%d 4.7.28 Unusual rate of mail from your IP address, it has been limited\r\n"
_BLOCKED = b"554 5.7.1 Your IP address is blocked for the rest of the day\r\n"


@attrs.define(eq=False)
class History:
    """What one provider remembers of one peer address.

    Attributes:
        today, today_mails, hour, hour_mails: MAIL commands of the running local day and hour.
        good_days: Closed days on which mail was accepted and nothing was blocked.
        blocked: Whether the peer is blocked for the rest of the local day.
        accepted: Messages accepted on the running day.
        turned: Good days there had been when the provider changed its mind.
    """

    today: str = ""
    hour: int = -1
    today_mails: int = 0
    hour_mails: int = 0
    accepted: int = 0
    good_days: int = 0
    blocked: bool = False
    turned: int | None = None

    def turn(self, day: str, hour: int) -> None:
        """Note the local day and hour; a new day closes the one before."""
        if day != self.today:
            self.good_days += self.accepted > 0 and not self.blocked
            self.today, self.today_mails, self.accepted, self.blocked = day, 0, 0, False
            self.hour = -1
        if hour != self.hour:
            self.hour, self.hour_mails = hour, 0


class Habit(Protocol):
    """One thing that a provider looks at. None: nothing to say."""

    def mail(self, history: History) -> bytes | None:
        """Judge a MAIL command, which is counted already."""
        ...

    def rcpt(self, now: Instant, peer: str, sender: bytes, recipient: bytes) -> bytes | None:
        """Judge a recipient."""
        ...


class _Silent:
    def mail(self, history: History) -> bytes | None:
        return None

    def rcpt(self, now: Instant, peer: str, sender: bytes, recipient: bytes) -> bytes | None:
        return None


@attrs.frozen
class Growing:
    """A limit that grows with good history: start, and so many percent more for each good day.

    Attributes:
        start: Of a peer without history.
        percent: Growth for each good day.
        most: It never exceeds this; None: no end.
    """

    start: int
    percent: int = 0
    most: int | None = None

    def at(self, good_days: int) -> int:
        """The limit after so many good days."""
        limit: int = self.start * (100 + self.percent) ** good_days // 100**good_days
        return limit if self.most is None else min(limit, self.most)


@attrs.define(eq=False)
class Greylist(_Silent):
    """Turns the first try of a peer, sender and recipient away, and lets it in after some time.

    Attributes:
        delay: How long a stranger has to wait.
        memory: A triplet that was let in stays known for so long after its last use.
        network: Whether peers count by their /24 (IPv4) rather than one by one.
    """

    delay: Span = 5 * MINUTE
    memory: Span = 35 * DAY
    network: bool = False
    _seen: dict[tuple[str, bytes, bytes], tuple[Instant, Instant]] = attrs.field(factory=dict, init=False)

    def rcpt(self, now: Instant, peer: str, sender: bytes, recipient: bytes) -> bytes | None:
        who = peer.rpartition(".")[0] if self.network and "." in peer else peer
        first, last = self._seen.get((who, sender, recipient), (now, now))
        if now - last > self.memory:
            first = now
        known = now - first >= self.delay
        self._seen[who, sender, recipient] = (first, now)
        return None if known else b"451 4.7.1 Greylisted, please try again in a few minutes\r\n"


@attrs.define(eq=False)
class Volume(_Silent):
    """Defers what goes beyond a daily volume, as providers do to a sender they do not know yet.

    Attributes:
        limit: MAIL commands a local day and peer.
        close: Whether the answer is a 421 that ends the conversation; a 451 otherwise.
    """

    limit: Growing
    close: bool = True

    def mail(self, history: History) -> bytes | None:
        if history.today_mails <= self.limit.at(history.good_days):
            return None
        return _LIMITED % (421 if self.close else 451)


@attrs.define(eq=False)
class Turning(_Silent):
    """Takes everything until it changes its mind, and from then on defers what goes beyond a daily volume.

    Attributes:
        day: The local day, ISO format, from which on it is strict.
        limit: MAIL commands a local day and peer; good days count from that day on.
    """

    day: str
    limit: Growing

    def mail(self, history: History) -> bytes | None:
        if history.today < self.day:
            return None
        if history.turned is None:
            history.turned = history.good_days
        if history.today_mails <= self.limit.at(history.good_days - history.turned):
            return None
        return _LIMITED % 421


@attrs.define(eq=False)
class Block(_Silent):
    """Blocks a peer for the rest of the local day once it goes beyond a hard limit.

    Attributes:
        daily, hourly: MAIL commands a local day and hour; None: no such limit.
    """

    daily: Growing | None = None
    hourly: Growing | None = None

    def mail(self, history: History) -> bytes | None:
        days = history.good_days
        if (self.daily is not None and history.today_mails > self.daily.at(days)) or (
            self.hourly is not None and history.hour_mails > self.hourly.at(days)
        ):
            history.blocked = True
        return _BLOCKED if history.blocked else None
