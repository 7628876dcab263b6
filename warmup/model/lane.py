"""The lane: source x provider, the thing that has a cap, a ledger and a reputation."""

from __future__ import annotations

import enum

import attrs

__all__ = ["OTHER", "EgressSource", "LaneKey", "Standing"]

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
