"""Which zones of the database are the same from 2000 on, read from its files and not from our code."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Hashable
from importlib.resources import files
from pathlib import Path

SINCE_S = 946_684_800 - 3 * 86_400
"""Three days before 2000."""


def transitions(name: str) -> tuple[int, list[tuple[int, int]], bytes]:
    """Read a TZif file of version 2 or later (RFC 8536).

    Returns:
        The offset before any change, the changes of offset as (second since the epoch, offset in
        seconds), and the rule that holds after them.
    """
    raw = _raw(name)
    isut, isstd, leap, times, types, chars = struct.unpack(">6l", raw[20:44])
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    isut, isstd, leap, times, types, chars = struct.unpack(">6l", raw[at + 20 : at + 44])
    at += 44
    when = struct.unpack(f">{times}q", raw[at : at + 8 * times])
    at += 8 * times
    which = raw[at : at + times]
    at += times
    offsets = [struct.unpack(">l", raw[at + 6 * n : at + 6 * n + 4])[0] for n in range(types)]
    at += 6 * types + chars + 12 * leap + isstd + isut
    changes: list[tuple[int, int]] = []
    offset = offsets[0]
    for second, index in zip(when, which, strict=True):
        if offsets[index] != offset:
            offset = offsets[index]
            changes.append((second, offset))
    return offsets[0], changes, raw[at:]


def _raw(name: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def behaviour(name: str) -> Hashable:
    """Equal for zones that show the same time at every instant since 2000."""
    offset, changes, rule = transitions(name)
    for second, after in changes:
        if second < SINCE_S:
            offset = after
    return offset, tuple(change for change in changes if change[0] >= SINCE_S), rule
