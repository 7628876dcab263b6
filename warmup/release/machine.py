"""Where a delivery may go from where it stands.

Theory of operation. ``sent`` means that the next hop took responsibility (RFC 5321 section 6.1);
a bounce that comes later by mail is evidence, not a change of state. From every waiting state
the way on leads through ``leased`` (a worker's claim, with a unit of a cap reserved) and
``sending`` (MAIL may have gone out). A worker that dies leaves one of these two behind:

* ``leased``: the peer never saw the recipient, so the unit is given back and the delivery waits
  again, as if nothing had happened;
* ``sending``: nobody can know. The unit stays spent, and the stream's policy decides between a
  second try, which may be a second copy, and ``held`` for a person to look at. No mail system can
  do better: the peer may have taken the message while the connection died.

An answer that arrives after its claim was given to another worker is journalled. It is applied in
one case only: a late acceptance of a delivery that waits again saves the second copy.

Final states never change. An event that the table does not name is a bug of ours.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from warmup.errors import IllegalTransition
from warmup.model import DeliveryState as S

__all__ = ["FINAL", "TABLE", "WAITING", "Event", "move"]


class Event(enum.StrEnum):
    """What can happen to a delivery."""

    RELEASE = "release"
    BEGIN = "begin"
    GIVE_BACK = "give_back"
    GIVE_BACK_RETRY = "give_back_retry"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    LATE_ACCEPTED = "late_accepted"
    UNKNOWN_RETRY = "unknown_retry"
    UNKNOWN_HOLD = "unknown_hold"
    EXPIRE = "expire"
    HOLD = "hold"
    UNHOLD = "unhold"
    CANCEL = "cancel"


TABLE: Mapping[S, Mapping[Event, S]] = MappingProxyType(
    {
        S.QUEUED: {
            Event.RELEASE: S.LEASED,
            Event.DEFERRED: S.DEFERRED,
            Event.REJECTED: S.BOUNCED,
            Event.EXPIRE: S.EXPIRED,
            Event.HOLD: S.HELD,
            Event.CANCEL: S.CANCELLED,
        },
        S.DEFERRED: {
            Event.RELEASE: S.LEASED,
            Event.LATE_ACCEPTED: S.SENT,
            Event.DEFERRED: S.DEFERRED,
            Event.REJECTED: S.BOUNCED,
            Event.EXPIRE: S.EXPIRED,
            Event.HOLD: S.HELD,
            Event.CANCEL: S.CANCELLED,
        },
        S.HELD: {
            Event.LATE_ACCEPTED: S.SENT,
            Event.UNHOLD: S.DEFERRED,
            Event.EXPIRE: S.EXPIRED,
            Event.CANCEL: S.CANCELLED,
        },
        S.LEASED: {
            Event.BEGIN: S.SENDING,
            Event.GIVE_BACK: S.QUEUED,
            Event.GIVE_BACK_RETRY: S.DEFERRED,
            Event.DEFERRED: S.DEFERRED,
            Event.REJECTED: S.BOUNCED,
            Event.EXPIRE: S.EXPIRED,
        },
        S.SENDING: {
            Event.ACCEPTED: S.SENT,
            Event.DEFERRED: S.DEFERRED,
            Event.REJECTED: S.BOUNCED,
            Event.UNKNOWN_RETRY: S.DEFERRED,
            Event.UNKNOWN_HOLD: S.HELD,
            Event.EXPIRE: S.EXPIRED,
        },
        S.SENT: {},
        S.BOUNCED: {},
        S.EXPIRED: {},
        S.CANCELLED: {},
    }
)

FINAL = frozenset(state for state, arrows in TABLE.items() if not arrows)
WAITING = frozenset({S.QUEUED, S.DEFERRED})


def move(state: S, event: Event) -> S:
    """The state after an event.

    Raises:
        IllegalTransition: The table has no such arrow: our own bug.
    """
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalTransition(f"a delivery that is {state} cannot {event}: nothing was written") from None
