"""The lane: source x provider, the thing that has a cap, a ledger and a reputation."""

from __future__ import annotations

import enum

import attrs

from warmup.model.window import Window
from warmup.timing import Instant

__all__ = ["OTHER", "EgressSource", "Lane", "LaneKey", "Learned", "Ledger", "Standing", "Watch"]

OTHER = "other"
"""Provider id of everybody who has no share of their own in the mix: one lane for cap and
ramp, with the sites inside suspended, retried and limited one by one."""


class Standing(enum.StrEnum):
    """What the engine thinks of a lane."""

    RAMPING = "ramping"
    WARM = "warm"
    REDUCED = "reduced"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    COLD = "cold"


@attrs.frozen
class LaneKey:
    """Names a lane: the source's address (never its name in a config) and the provider's id."""

    source: str
    provider: str

    def __str__(self) -> str:
        return f"{self.source}:{self.provider}"

    @classmethod
    def parse(cls, text: str) -> LaneKey:
        """Read ``192.0.2.1:google`` or ``2001:db8::1:google`` back.

        Raises:
            ValueError: There is no colon, or nothing on one side of the last one.
        """
        source, colon, provider = text.rpartition(":")
        if not (colon and source and provider):
            raise ValueError(f"{text!r} is not a lane: write ADDRESS:PROVIDER")
        return cls(source, provider)


@attrs.frozen(kw_only=True)
class EgressSource:
    """An address that mail leaves from.

    Attributes:
        address: The IP address in its canonical form; the local end of connections is bound to it.
        ehlo: The name given after EHLO; it should resolve to the address and back (RFC 5321 4.1.4).
        pool: The pool the source belongs to.
    """

    address: str
    ehlo: str
    pool: str = "default"


@attrs.frozen(kw_only=True)
class Watch:
    """What has been noticed in one open window; it says nothing of any other.

    Attributes:
        window: When the window started.
        attempted, deferred, blocked, bad: Counts as they stood at the last look; ``bad`` are complaints
            and hard bounces together.
        volume, block: How suspicious the latest replies are of a volume limit, and of a block, in
            thousandths of a nat.
        alarms: How often a volume limit was recognised.
        wall: Deliveries accepted when that happened last.
    """

    window: Instant = 0
    attempted: int = 0
    deferred: int = 0
    blocked: int = 0
    bad: int = 0
    volume: int = 0
    block: int = 0
    alarms: int = 0
    wall: int = 0


@attrs.frozen(kw_only=True)
class Learned:
    """What a lane's evidence taught, beyond its standing. Whole numbers and text only.

    Attributes:
        judged_from: Windows that ended by then were acted on and are not judged again.
        wall: Deliveries a day at which the provider last said "too much"; None: no such limit is known.
        wall_at: Start of the window in which it did.
        bumps: How often in succession it did so at about that volume.
        probe_at: The wall is not tried before this.
        stride: Growth a window while the cap is below the plan's, in thousandths: 1250 is a quarter more.
        pace: Growth a window at which a limit was last seen to move, in thousandths, a little less than
            that; 0: none was.
        sure: How many limits in succession agreed about the pace at which the provider takes more; 0: it
            is a guess.
        dip: What was accepted on a day that took far less than the days before it.
        dip_at: Start of that window.
        slow: By weekday, Monday first, the share of a full day that its window opens with, in thousandths;
            0: all of it; below 0: it was seen once only. Empty: no weekday differs.
        usual: Share of attempts that the provider defers at any volume, in millionths.
        rest_until: Nothing grows before this, after trouble that is not about volume.
        setbacks: Steps back and suspensions in close succession; the next suspension is longer for each.
        setback_at: When the last of them was.
        proven: Deliveries a day that a warm lane is known to carry: where its ramp ended, or what an
            operator declared; 0: nothing is known.
        hold: Why the lane does not grow, as a sentence; empty where nothing holds it.
        volume: Deliveries a day that it could carry before it was idle, while the short way back there is
            open; 0: it is not.
        volume_at: When it last did.
        connections: Deliveries that may be under way at once, after the provider asked for silence or for
            fewer connections; 0: as many as usual.
        stretch_from: Since when it has gone well with so many; 0: nothing was accepted yet.
        recipe: Name of the recipe that is followed; empty: one acceptance is enough.
        watch: What was noticed in the open window.
    """

    judged_from: Instant = 0
    wall: int | None = None
    wall_at: Instant = 0
    bumps: int = 0
    probe_at: Instant = 0
    stride: int = 2000
    pace: int = 0
    sure: int = 0
    dip: int = 0
    dip_at: Instant = 0
    slow: tuple[int, ...] = ()
    usual: int = 0
    rest_until: Instant = 0
    setbacks: int = 0
    setback_at: Instant = 0
    proven: int = 0
    hold: str = ""
    volume: int = 0
    volume_at: Instant = 0
    connections: int = 0
    stretch_from: Instant = 0
    recipe: str = ""
    watch: Watch = Watch()


@attrs.frozen(kw_only=True)
class Lane:
    """What is remembered of a lane from one window to the next.

    Attributes:
        id: Row in the store.
        step: The step of the curve it stands at, from 1.
        cap_limit: A cap below the plan's, while the lane is reduced.
        until: End of a suspension.
        before_pause: The standing that a resume restores.
        backoff_until: Nothing goes before this instant, though the standing is unchanged: the
            provider asked for silence.
        backoff_reason: What it said.
        last_used_at: When a delivery was last accepted.
        note: An operator's, or why the standing is what it is.
        learned: What its evidence taught.
    """

    id: int
    key: LaneKey
    standing: Standing = Standing.RAMPING
    step: int = 1
    cap_limit: int | None = None
    until: Instant | None = None
    before_pause: Standing | None = None
    backoff_until: Instant = 0
    backoff_reason: str = ""
    last_used_at: Instant | None = None
    note: str = ""
    learned: Learned = Learned()


@attrs.frozen(kw_only=True)
class Ledger:
    """The account of one lane's open window.

    Attributes:
        id: Row in the store.
        zone: IANA zone the window is a day of.
        step: The lane's step when the window opened.
        cap: Units it may hold now.
        used: Units pending and posted.
        accepted: Deliveries accepted in it.
        tat: Theoretical arrival time of the pace, in parts of the day.
        partial: It opened after a good part of the day had passed: no step comes of it.
        aim: How many deliveries go so that the days look alike; None: as many as the cap allows.
    """

    id: int
    window: Window
    zone: str
    step: int
    cap: int
    used: int = 0
    accepted: int = 0
    tat: int = 0
    partial: bool = False
    aim: int | None = None

    @property
    def goal(self) -> int:
        """Units that go: the cap, or the aim where it is less."""
        return self.cap if self.aim is None else min(self.cap, self.aim)
