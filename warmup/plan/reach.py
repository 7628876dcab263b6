"""What a plan can reach at each provider once it is warm, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from warmup.model import OTHER
from warmup.plan.advice_volume import KEPT_WARM, TRACKED, warm_volumes

if TYPE_CHECKING:
    from warmup.plan.plan import Plan

__all__ = ["Reach", "reach"]

Level = Literal["warm", "known", "too little", "shared"]

NOTES = {
    "google": "asks for SPF or DKIM, PTR and TLS at any volume",
    "microsoft_consumer": "new IPs fare worst here",
    "yahoo": "defers IPs that it does not know (TSS04)",
    "apple": "wants SPF, DKIM, DMARC and PTR",
    "gmx": "takes little at a time from an unknown IP (421)",
    "t_online": "refuses unknown IPs (554): register first",
}
"""What a small sender meets there.

Google: https://support.google.com/a/answer/81126. Apple: https://support.apple.com/en-us/102322.
Microsoft: https://www.spamresource.com/2019/12/isp-deliverability-guide-microsoft-olc.html (a third
party). Yahoo, GMX and T-Online: what they answer to unknown IPs, see the reference of replies.
"""


@attrs.frozen(kw_only=True)
class Reach:
    """One provider, as the source with the largest share will meet it.

    Attributes:
        provider: Its id.
        volume: Deliveries on a full day once the source is warm.
        level: ``warm``: enough to stay warm; ``known``: enough to be tracked; ``too little``: not
            even that; ``shared``: ``other``, many hosts of which each sees a part.
        note: What else decides there; empty where nothing is known.
    """

    provider: str
    volume: int
    level: Level
    note: str = ""


def reach(plan: Plan) -> tuple[Reach, ...]:
    """Say of each provider what the plan's volume means there, in the order of the mix."""
    return tuple(
        Reach(provider=provider, volume=volume, level=_level(provider, volume), note=NOTES.get(provider, ""))
        for provider, volume in warm_volumes(plan).items()
    )


def _level(provider: str, volume: int) -> Level:
    if provider == OTHER:
        return "shared"
    return "warm" if volume >= KEPT_WARM else "known" if volume >= TRACKED else "too little"
