"""What is under way on a lane: deliveries that a worker has, and conversations that a relay was granted."""

from __future__ import annotations

from collections.abc import Collection

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.store.schema import admissions, deliveries, windows
from warmup.timing import Instant

__all__ = ["UnderWay", "under_way"]


@attrs.frozen
class UnderWay:
    """How many of a lane are under way, over all workers and relays.

    Attributes:
        claimed: Deliveries that have a claim and no MAIL yet.
        sending: Deliveries whose MAIL may have gone out.
        granted: Conversations that relays were granted and have not accounted for.
    """

    claimed: int = 0
    sending: int = 0
    granted: int = 0

    @property
    def all(self) -> int:
        """All of them."""
        return self.claimed + self.sending + self.granted


_OURS = (
    sa.select(windows.c.lane, deliveries.c.state, sa.func.count())
    .join(deliveries, deliveries.c.window == windows.c.id)
    .where(
        sa.text("deliveries.state IN ('leased', 'sending')"),
        windows.c.lane.in_(bindparam("of", expanding=True)),
    )
    .group_by(windows.c.lane, deliveries.c.state)
)
_RELAYS = (
    sa.select(windows.c.lane, sa.func.count())
    .join(admissions, admissions.c.window == windows.c.id)
    .where(
        sa.text("admissions.state = 'granted'"),
        admissions.c.asked_at > bindparam("since"),
        windows.c.lane.in_(bindparam("of", expanding=True)),
    )
    .group_by(windows.c.lane)
)


def under_way(connection: Connection, lanes: Collection[int], since: Instant) -> dict[int, UnderWay]:
    """What is under way on each of some lanes.

    Args:
        connection: The database.
        lanes: Their ids; few at a time.
        since: A relay that was granted a conversation before and said nothing since has forgotten it.
    """
    counts: dict[int, dict[str, int]] = {lane: {} for lane in lanes}
    if not counts:
        return {}
    of = sorted(counts)
    for lane, state, count in connection.execute(_OURS, {"of": of}):
        counts[lane]["claimed" if state == "leased" else "sending"] = count
    for lane, count in connection.execute(_RELAYS, {"of": of, "since": since}):
        counts[lane]["granted"] = count
    return {lane: UnderWay(**found) for lane, found in counts.items()}
