"""Which recipient of which message was seen before, in bounded memory.

A message that waits is seen again at every attempt, perhaps days later; one that is done is seen
again only where a log was given twice, or its pieces in the wrong order. So the two are kept apart:
those done are forgotten first, and losing them harms nobody.
"""

from __future__ import annotations

from collections import OrderedDict

from warmup.demand.tally import Place

__all__ = ["Seen", "Sighting"]

WAITING_MAX = 1_000_000
DONE_MAX = 500_000
"""Pairs remembered, at about 200 bytes each."""

Sighting = tuple[Place, str, str]
"""Where, for which provider and with which outcome a pair was counted."""


class Seen:
    """Remembers (queue id, recipient) pairs by a 64-bit digest.

    Args:
        waiting_max, done_max: How many of either kind are kept; the oldest go first.
    """

    def __init__(self, waiting_max: int = WAITING_MAX, done_max: int = DONE_MAX) -> None:
        self._waiting: OrderedDict[int, Sighting] = OrderedDict()
        self._done: OrderedDict[int, Sighting] = OrderedDict()
        self._waiting_max = waiting_max
        self._done_max = done_max
        self.forgotten = 0

    def get(self, pair: int) -> Sighting | None:
        """How the pair was counted; None: it is new, or was forgotten."""
        return self._waiting.get(pair) or self._done.get(pair)

    def put(self, pair: int, sighting: Sighting, *, done: bool) -> None:
        """Remember how a pair was counted, and whether an attempt of it was its last."""
        if done or pair in self._done:
            self._waiting.pop(pair, None)
            self._done[pair] = sighting
            if len(self._done) > self._done_max:
                self._done.popitem(last=False)
        else:
            self._waiting[pair] = sighting
            if len(self._waiting) > self._waiting_max:
                self._waiting.popitem(last=False)
                self.forgotten += 1
