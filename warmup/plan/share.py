"""A day's release shared among sources in proportion to their caps, none above its own.

Seat by seat, as everywhere in a plan (Sainte-Lague, ties to the source named first). The method is
house-monotone: a larger whole makes no part smaller. A release as large as all caps together fills
each cap exactly, so a smaller one exceeds none.

A thousand sources may miss hundreds of seats after rounding, so these come from a heap: O(n log n). The
priority cap / (2 x seats + 1) is ordered by whole numbers: two different ones are further apart
than one over the product of their denominators.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace

from warmup.errors import PlanError

__all__ = ["share"]


def share(release: int, caps: Sequence[int]) -> list[int]:
    """Share a release among sources.

    Args:
        release: What is to go, 0 or more.
        caps: The most each source may send, 0 or more.

    Returns:
        What each source sends: at most its cap, together the release.

    Raises:
        PlanError: The caps sum to less than the release.
    """
    total = sum(caps)
    if total < release:
        raise PlanError.of(
            "caps",
            f"the sources hold {total:,}, {release:,} are to go",
            "smooth under the sum of the sources' caps",
        )
    if total == release:
        return list(caps)
    double, twice = 2 * release, 2 * total
    parts = [-((total - double * cap) // twice) for cap in caps]  # rounded, halves down
    missing = release - sum(parts)
    if not missing:
        return parts
    order = (double + 3) ** 2
    if missing > 0:
        heap = [
            (-(cap * order // (2 * part + 1)), place)
            for place, (cap, part) in enumerate(zip(caps, parts, strict=True))
            if cap
        ]
        heapify(heap)
        for _ in range(missing):
            place = heap[0][1]
            parts[place] += 1
            heapreplace(heap, (-(caps[place] * order // (2 * parts[place] + 1)), place))
    else:
        heap = [
            (cap * order // (2 * part - 1), -place)
            for place, (cap, part) in enumerate(zip(caps, parts, strict=True))
            if part
        ]
        heapify(heap)
        for _ in range(-missing):
            place = -heap[0][1]
            parts[place] -= 1
            if parts[place]:
                heapreplace(heap, (caps[place] * order // (2 * parts[place] - 1), -place))
            else:
                heappop(heap)
    return parts
