"""Hypothesis strategies for the things that warmup works on."""

from __future__ import annotations

import ipaddress
import string
import zoneinfo
from datetime import date, timedelta

from hypothesis import strategies as st

from warmup.model import PARTS, LaneKey, Shape, Window
from warmup.timing import DAY, HOUR, Instant

__all__ = [
    "addresses",
    "contents",
    "domains",
    "instants",
    "lane_keys",
    "shapes",
    "sources",
    "windows",
    "zones",
]

_ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~"  # RFC 5322 section 3.2.3
_EARLIEST, _LATEST = -20 * 365 * DAY, 120 * 365 * DAY


def domains() -> st.SearchStrategy[str]:
    """Domains in lower case, two to four labels, under names that are reserved for examples."""
    label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
    ends = st.sampled_from(["example", "example.com", "example.net", "test"])
    return st.builds(
        lambda labels, end: ".".join([*labels, end]), st.lists(label, min_size=1, max_size=2), ends
    )


def addresses(*, quoted: bool = False, utf8: bool = False) -> st.SearchStrategy[str]:
    """Mail addresses that are valid in an envelope (RFC 5321 section 4.1.2).

    Args:
        quoted: Also local parts in quotes, with spaces, brackets and escapes in them.
        utf8: Also local parts beyond ASCII (RFC 6531).
    """
    letters = _ATEXT + ("äéñßλж日本語" if utf8 else "")
    atom = st.text(letters, min_size=1, max_size=12)
    local = st.lists(atom, min_size=1, max_size=3).map(".".join)
    if quoted:
        inside = st.text(_ATEXT + " .,:;<>()[]@", min_size=1, max_size=12)
        escaped = st.sampled_from(['\\"', "\\\\", "\\ "])
        parts = st.lists(inside | escaped, min_size=1, max_size=3)
        local |= parts.map(lambda texts: '"' + "".join(texts) + '"')
    return st.builds(lambda left, right: f"{left}@{right}", local, domains())


def contents(*, eight_bit: bool = True) -> st.SearchStrategy[bytes]:
    """Wire contents as an envelope holds them: a header, CRLF line ends, lines full of dots.

    Args:
        eight_bit: Also octets above 127 in the body.
    """
    octets = st.integers(1, 255 if eight_bit else 127).filter(lambda octet: octet not in (10, 13))
    free = st.lists(octets, max_size=30).map(bytes)
    nasty = st.sampled_from([b"", b".", b"..", b".x", b"...", b". ", b"From me", b"QUIT", b"MAIL FROM:<>"])
    body = st.lists(free | nasty, max_size=12).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
    number = st.integers(0, 10**9)
    return st.builds(
        lambda serial, text: (
            b"Message-ID: <%d@sender.example>\r\nDate: Tue, 01 Dec 2026 00:00:00 +0000\r\n\r\n" % serial
            + text
        ),
        number,
        body,
    )


def instants() -> st.SearchStrategy[Instant]:
    """Instants from 1950 to 2090, many of them just beside a whole second, hour or day."""
    free = st.integers(_EARLIEST, _LATEST)
    beside = st.builds(
        lambda when, unit, off: when // unit * unit + off,
        free,
        st.sampled_from([1_000_000, HOUR, DAY]),
        st.integers(-2, 2),
    )
    return free | beside


def sources() -> st.SearchStrategy[str]:
    """Source addresses in their canonical form, IPv4 and IPv6."""
    return st.ip_addresses().map(lambda ip: str(ipaddress.ip_address(int(ip)) if ip.version == 4 else ip))


def lane_keys() -> st.SearchStrategy[LaneKey]:
    """Lanes."""
    provider = st.sampled_from(["google", "microsoft_consumer", "yahoo", "other"])
    return st.builds(LaneKey, sources(), provider)


def zones() -> st.SearchStrategy[str]:
    """Names of IANA time zones, the strange ones more often than their number would say."""
    strange = [
        "America/Havana",
        "America/Santiago",
        "America/St_Johns",
        "Africa/Cairo",
        "Antarctica/Casey",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
        "UTC",
    ]
    names = sorted(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})
    return st.sampled_from(strange) | st.sampled_from(names)


@st.composite
def windows(draw: st.DrawFn, *, empty: bool = True) -> Window:
    """Windows: mostly 24 hours long, but also 23, 25, 21 to 27, and 0.

    Args:
        draw: Given by Hypothesis.
        empty: Also windows without length.
    """
    start = draw(st.integers(_EARLIEST // HOUR, _LATEST // HOUR)) * HOUR
    usual = st.sampled_from([24, 24, 24, 23, 25, 21, 27])
    length = draw(st.just(0) | usual if empty else usual) * HOUR
    day = date(1970, 1, 1) + timedelta(days=start // DAY)
    return Window(day, start, start + length)


@st.composite
def shapes(draw: st.DrawFn, *, weightless: bool = False) -> Shape:
    """Shapes of a day: one stretch an hour, weights from 0 to 1,000, over a window of 21 to 27 hours.

    The running sum of each hour of the window stands at its edge; a window longer than a day repeats
    its last local hours, a shorter one skips them.

    Args:
        draw: Given by Hypothesis.
        weightless: Also days on which no hour has weight.
    """
    window = draw(windows(empty=False))
    count = window.length // HOUR
    weights = draw(st.lists(st.integers(0, 1_000), min_size=count, max_size=count))
    if not weightless and not any(weights):
        weights[draw(st.integers(0, count - 1))] = 1
    edges = tuple(window.starts_at + index * HOUR for index in range(count + 1))
    sums = [0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    spans: list[list[tuple[int, int]]] = [[] for _ in range(24)]
    for index in range(count):
        spans[min(index, 23)].append((index, index + 1))
    assert sums[-1] < PARTS
    return Shape(edges, tuple(sums), tuple(tuple(each) for each in spans))
