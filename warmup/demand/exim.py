"""The main log of Exim: lines of deliveries to other hosts.

``2026-11-24 07:57:10 1tF5Jq-00000001abC-2Xyz => anna@example.com R=dnslookup T=remote_smtp
H=mx.example.com [192.0.2.25] C="250 OK"``

``=>`` is a delivery, ``->`` one more recipient of the same, ``>>`` a cut-through delivery, ``**`` a
bounce, ``==`` a deferral (Exim specification, chapter "Log files"). A line is an attempt over SMTP where
its transport (``T=``) has ``smtp`` in its name, or where a host is named and the transport is not an LMTP
one. Lines without a transport (``** ... Unrouteable address``) never got so far. Time zone, milliseconds
and process id may be in the line, and a syslog prefix before it.
"""

from __future__ import annotations

import re

from warmup.demand.maillog import Attempt, LogReader

__all__ = ["EximReader"]

_LINE = re.compile(
    r"(?:^|[ \]])([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) "
    r"(=>|->|>>|\*\*|==) (\"[^\"]*+\"@\S+|\S+)(.*)",
    re.ASCII,
)
_TRANSPORT = re.compile(r" T=(\S+)")
_HOST = re.compile(r" H=(\S{1,255}) (?:\([^)]{0,255}\) )?\[([^\]]{0,64})\]")

_OUTCOMES = {"=>": "delivered", "->": "delivered", ">>": "delivered", "**": "failed", "==": "deferred"}


class EximReader(LogReader):
    """Reads a main log of Exim; see :class:`warmup.demand.maillog.LogReader`."""

    kind = "exim"
    marks = (" => ", " == ", " -> ", " ** ", " >> ")

    def attempt(self, line: str, after: int) -> Attempt | str:
        match = _LINE.search(line, max(0, after - 1))
        if match is None:
            return self.uninteresting
        message, flag, recipient, rest = match.groups()
        # What the host answered is quoted last, and is somebody else's text.
        ours = rest.partition(' C="')[0]
        transport = _TRANSPORT.search(ours)
        if transport is None:
            return "addresses that were not routed"
        host = _HOST.search(ours)
        name = transport[1].rstrip(":").lower()
        if "lmtp" in name or ("smtp" not in name and host is None):
            return "local deliveries"
        if host is not None and (host[2].startswith("127.") or host[2] == "::1"):
            return "handed to a filter on the machine itself"
        outcome = _OUTCOMES[flag]
        return Attempt(
            message,
            recipient.strip("<>"),
            host[1].lower() if host else "",
            outcome,
            outcome != "deferred",
        )
