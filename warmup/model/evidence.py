"""What a lane's windows saw, counted: the evidence that moves a ramp."""

from __future__ import annotations

import attrs

from warmup.model.window import Window

__all__ = ["WindowEvidence"]


@attrs.frozen(kw_only=True)
class WindowEvidence:
    """Counts of one lane in one window, each by the time at which what it speaks of occurred.

    A complaint that arrives a week later is counted in the window in which its message was accepted.
    Attempts that say nothing of reputation (greylisting, full mailboxes, a server's trouble, failed
    authentication) are in ``attempted`` and in nothing else.

    Attributes:
        window: The window; its date is the calendar day in the plan's zone.
        step: The lane's step in it, from 1.
        cap: The cap that was in force at its end.
        partial: It is no step whatever happened: opened late, suspended, paused, a holiday.
        attempted: Attempts that reached a reply, or a connection that was refused for what we are.
        accepted: Deliveries accepted: the denominator of complaints and placement.
        deferred: Attempts deferred for volume or rate, whose provider spoke of the lane as a whole.
        blocked: Attempts refused for the IP's reputation or a listing.
        invalid: Deliveries refused because there is no such mailbox: hard bounces.
        complained: Complaints, less those that were taken back.
        placed: Copies whose folder is known, from seed mailboxes.
        spam: Those of them that lay in the spam folder.
    """

    window: Window
    step: int
    cap: int
    partial: bool = False
    attempted: int = 0
    accepted: int = 0
    deferred: int = 0
    blocked: int = 0
    invalid: int = 0
    complained: int = 0
    placed: int = 0
    spam: int = 0
