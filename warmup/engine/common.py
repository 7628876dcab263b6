"""Trouble that lanes have in common: recognised when a day closes, recorded, and a reason not to rise.

The rules are those of :mod:`warmup.reputation.common`. What they find is a finding, open while it is
seen: ``ip-wide-complaints`` of an address, ``domain-wide-blocks`` of a sending domain. While an address has
one, its lanes do not rise, whatever their own evidence; those of other addresses go on.

A sending domain is that of the envelope sender: what SPF looks at, and what DKIM signatures are in line
with where DMARC passes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from warmup.engine.context import Context
from warmup.engine.evidence import Past
from warmup.model import OTHER, Lane, Standing
from warmup.reputation.common import DAYS, PROVIDERS, Cell, Spread, address_wide, domain_wide
from warmup.reputation.evidence import Rate, Tally, tally
from warmup.reputation.policy import Policy
from warmup.store import Connection, findings, journal
from warmup.store.findings import FindingRow
from warmup.store.senders import SenderDay, forget_senders, senders_in_trouble
from warmup.timing import DAY, HOUR, Instant

__all__ = ["ADDRESS", "DOMAIN", "held_addresses", "look_at_all"]

ADDRESS, DOMAIN = "ip-wide-", "domain-wide-"
"""What the codes of findings begin with."""

_FEW_HOURS = 2 * HOUR
"""A day may have 25 hours, and a window is closed a little after its end."""

_KINDS = tuple(rate for rate in Rate if rate is not Rate.SPAM)
"""Copies in seed mailboxes belong to no sender's mail."""


_ByLane: TypeAlias = dict[int, dict[Rate, dict[int, tuple[int, int]]]]
"""Trials and bad ones, by lane, rate and window."""


@attrs.frozen
class _LaneDays:
    """A lane with its latest windows: their ids, and what they saw."""

    lane: Lane
    ids: tuple[int, ...]
    seen: tuple[Tally, ...]

    def cell(self, less: Mapping[Rate, Mapping[int, tuple[int, int]]]) -> Cell:
        """What was seen, less what is put down to domains."""
        days = {}
        for rate in Rate:
            taken = less.get(rate, {})
            pairs = []
            for window, seen in zip(self.ids, self.seen, strict=True):
                n, k = seen.pair(rate)
                of_n, of_k = taken.get(window, (0, 0))
                bad = max(0, k - of_k)
                pairs.append((max(bad, n - of_n), bad))
            days[rate] = pairs
        key = self.lane.key
        stopped = Standing.SUSPENDED in (self.lane.standing, self.lane.before_pause)
        return Cell(source=key.source, provider=key.provider, days=days, stopped=stopped)

    @property
    def noisy(self) -> bool:
        """Whether there was anything bad at all."""
        return any(
            seen.complained > 0 or seen.invalid or seen.deferred or seen.blocked or seen.spam
            for seen in self.seen
        )


def look_at_all(
    context: Context,
    connection: Connection,
    now: Instant,
    lanes: Sequence[tuple[Lane, Past]],
    running: Sequence[Lane],
) -> dict[str, str]:
    """Look at the lanes whose day has ended; why those of an address do not rise, by address.

    Args:
        context: The engine's surroundings.
        connection: A write transaction.
        now: The time.
        lanes: Lanes whose window has ended, with their windows.
        running: Lanes whose window is still open: their addresses are looked at when that has ended.
    """
    known = findings.open_findings(connection)
    waiting = {lane.key.source for lane in running}
    days = [
        _days(lane, past, now)
        for lane, past in lanes
        if lane.key.provider != OTHER and lane.key.source not in waiting
    ]
    if days:
        less = _domains(connection, now, days, known, context.policy)
        for source in sorted({one.lane.key.source for one in days}):
            mine = [one for one in days if one.lane.key.source == source]
            spreads: Sequence[Spread] = ()
            if sum(one.noisy for one in mine) >= PROVIDERS:
                spreads = address_wide([one.cell(less.get(one.lane.id, {})) for one in mine], context.policy)
            about = {"source": source, "domain": ""}
            _record(connection, now, ADDRESS, spreads, known, [one.lane for one in mine], about)
    return held_addresses(findings.open_findings(connection))


def held_addresses(rows: Iterable[FindingRow]) -> dict[str, str]:
    """Why the lanes of an address do not rise, by address, from the findings that are open."""
    return {
        row.source: f"{row.text}: trouble of the whole address"
        for row in rows
        if row.code.startswith(ADDRESS)
    }


def _days(lane: Lane, past: Past, now: Instant) -> _LaneDays:
    late = [(ledger, seen) for ledger, seen in past if ledger.window.ends_at > now - DAYS * DAY - _FEW_HOURS]
    late = late[-DAYS:]
    return _LaneDays(lane, tuple(ledger.id for ledger, _ in late), tuple(tally((seen,)) for _, seen in late))


def _domains(
    connection: Connection,
    now: Instant,
    days: Sequence[_LaneDays],
    known: Sequence[FindingRow],
    policy: Policy,
) -> _ByLane:
    """Record the trouble of domains; what is to be put down to them, by lane, rate and window."""
    first = min((one.ids[0] for one in days if one.ids), default=0)
    forget_senders(connection, first)
    less: _ByLane = {}
    suspects = senders_in_trouble(connection, first)
    for domain, rows in suspects.items():
        mine = _pairs(rows)
        cells = [_of_domain(one, mine.get(one.lane.id, {})) for one in days if one.lane.id in mine]

        homes = {cell.source for cell in cells}

        def others(mine: _ByLane = mine, homes: Collection[str] = homes) -> list[Cell]:
            return [one.cell(mine.get(one.lane.id, {})) for one in days if one.lane.key.source in homes]

        spreads = domain_wide(cells, others, policy)
        for spread in spreads:
            for one in days:
                taken = mine.get(one.lane.id, {}).get(spread.rate, {})
                sums = less.setdefault(one.lane.id, {}).setdefault(spread.rate, {})
                for window, (n, k) in taken.items():
                    before = sums.get(window, (0, 0))
                    sums[window] = (before[0] + n, before[1] + k)
        touched = [one.lane for one in days if one.lane.id in mine]
        _record(connection, now, DOMAIN, spreads, known, touched, {"source": "", "domain": domain})
    for row in known:
        if row.code.startswith(DOMAIN) and row.domain not in suspects:
            findings.end_findings(
                connection, now, source="", provider="", domains=[row.domain], prefix=row.code
            )
    return less


def _pairs(rows: Sequence[SenderDay]) -> _ByLane:
    """A domain's trials and bad ones, by lane, rate and window."""
    found: _ByLane = {}
    for row in rows:
        of = found.setdefault(row.lane, {rate: {} for rate in _KINDS})
        bad = max(0, row.complained)
        of[Rate.COMPLAINTS][row.window] = (max(row.accepted, bad), bad)
        of[Rate.BOUNCES][row.window] = (row.accepted + row.invalid, row.invalid)
        of[Rate.DEFERRALS][row.window] = (row.attempted, row.deferred)
        of[Rate.BLOCKS][row.window] = (row.attempted, row.blocked)
    return found


def _of_domain(one: _LaneDays, pairs: Mapping[Rate, Mapping[int, tuple[int, int]]]) -> Cell:
    days = {rate: [of.get(window, (0, 0)) for window in one.ids] for rate, of in pairs.items()}
    return Cell(source=one.lane.key.source, provider=one.lane.key.provider, days=days)


def _record(
    connection: Connection,
    now: Instant,
    prefix: str,
    spreads: Sequence[Spread],
    known: Sequence[FindingRow],
    lanes: Sequence[Lane],
    about: dict[str, str],
) -> None:
    """Keep what is seen and end what is not seen any more; each lane's story tells both."""
    seen = {f"{prefix}{spread.rate.name.lower()}": spread.reason for spread in spreads}
    whose = f"the domain {about['domain']}" if about["domain"] else f"the address {about['source']}"
    for code, reason in seen.items():
        if findings.find(connection, now, code, reason, **about):
            for lane in lanes:
                text = f"{code}: {reason}; trouble of {whose}, not of this lane alone"
                journal.note(connection, now, "finding", text, lane=lane.id)
    for row in known:
        mine = (row.source, row.domain) == (about["source"], about["domain"])
        if mine and row.code.startswith(prefix) and row.code not in seen:
            findings.end_findings(
                connection, now, source=row.source, provider="", domains=[row.domain], prefix=row.code
            )
            for lane in lanes:
                journal.note(connection, now, "finding", f"{row.code} of {whose} is over", lane=lane.id)
