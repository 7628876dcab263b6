"""The log of Postfix: lines of its SMTP client.

``Nov 24 07:57:09 mx1 postfix/smtp[2538]: 4F9D195432C: to=<anna@example.com>,
relay=mail.example.com[192.0.2.25]:25, delay=1.1, delays=0.04/0/0.6/0.46, dsn=2.0.0, status=sent (250 ...)``

What stands before ``/smtp[`` is ``syslog_name`` and may be anything. The fields and their order are those
that Postfix writes (https://www.postfix.org/postconf.5.html, ``global/log_adhoc.c`` of its source). RFC 5424
lines, without brackets around the process id, are read too. Lines of the delivery agents ``local``,
``virtual``, ``pipe``, ``lmtp`` and ``error`` are no attempts over SMTP.
"""

from __future__ import annotations

import re

from warmup.demand.maillog import Attempt, LogReader

__all__ = ["PostfixReader"]

_ATTEMPT = re.compile(
    r"/smtp(?:\[\d{1,10}\]:| \d{1,10} \S{1,64} \S{1,64}) ([0-9A-Za-z]{5,40}): to=<([^>]{0,320}+)>, "
    r"(?:orig_to=<[^>]{0,320}+>, )?relay=([^,\[]{0,255}+)(?:\[([^\]]{0,255}+)\])?[^,]{0,64}+,",
    re.ASCII,
)
_STATUS = re.compile(r" status=([a-z]+)", re.ASCII)
_DONE = frozenset(("sent", "bounced", "expired"))


class PostfixReader(LogReader):
    """Reads a log of Postfix; see :class:`warmup.demand.maillog.LogReader`."""

    kind = "postfix"
    marks = ("/smtp[", "/smtp ")

    def attempt(self, line: str, after: int) -> Attempt | str:
        match = _ATTEMPT.search(line, after)
        found = None if match is None else _STATUS.search(line, match.end())
        if match is None or found is None:
            return self.uninteresting
        message, recipient, host, address = match.groups()
        status = found[1]
        if address is not None and (address.startswith("127.") or address == "::1"):
            return "handed to a filter on the machine itself"
        if status not in _DONE and status != "deferred":
            return "address probes"  # status=deliverable and undeliverable, by verify(8)
        return Attempt(message, recipient, "" if host == "none" else host, status, status in _DONE)
