"""The lane: source x provider, the thing that has a cap, a ledger and a reputation."""

from __future__ import annotations

import enum

import attrs

from warmup.model.window import Window
from warmup.timing import Instant

__all__ = ["OTHER", "EgressSource", "Lane", "LaneKey", "Ledger", "Standing"]

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
