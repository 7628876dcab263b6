"""What kind of file it is, by its first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from warmup.demand.phrases import Wrong, tokens
from warmup.demand.table import columns_of, divider_of
from warmup.errors import DataError

__all__ = ["LINES", "Kind", "sniff"]

Kind = Literal["csv", "postfix", "exim", "list", "text"]

LINES = 300
"""How many lines are enough to tell."""

_POSTFIX = re.compile(
    r"/(?:smtpd?|qmgr|cleanup|pickup|bounce|local|error|lmtp|scache|anvil|master)(?:\[\d+\]:| \d+ )", re.ASCII
)
_EXIM = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?(?: \[\d+\])? "
    r"(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} |(?:Start|End) queue run|exim )",
    re.ASCII,
)


def sniff(lines: Sequence[str]) -> Kind | None:
    """Tell the kind of a file: CSV of sends, log, list of recipients or description.

    Args:
        lines: The first :data:`LINES` of it, or all.

    Returns:
        ``csv`` (its heading has a date), ``postfix``, ``exim``, ``list`` (addresses, or CSV without
        dates), ``text`` (a description), or None where it is none of them.
    """
    said = [line.strip() for line in lines if line.strip("\ufeff \t\r\n")]
    if not said:
        return None
    postfix = sum(_POSTFIX.search(line[:300]) is not None for line in said)
    exim = sum(_EXIM.search(line[:300]) is not None for line in said)
    if max(postfix, exim) * 10 >= len(said):
        return "postfix" if postfix >= exim else "exim"
    heading = said[0].lstrip("\ufeff")[:10_000]
    try:
        columns = columns_of(part.strip(' "') for part in heading.split(divider_of(heading)))
    except DataError:
        columns = {"date": 0, "recipient": 0}
    if "date" in columns and len(heading.split(divider_of(heading))) > 1:
        return "csv"
    rest = [line for line in said if not line.startswith("#")]
    if columns.keys() & {"recipient", "domain"} or (rest and "@" in rest[0]):
        return "list"
    return "text" if _is_description("\n".join(said)) else None


def _is_description(text: str) -> bool:
    """Whether at least one phrase holds a figure or a day, and nothing is a stranger to the language."""
    known = 0
    for piece in re.split(r"[;,\n:]", text[:20_000]):
        try:
            known += any(token.kind in ("amount", "change", "weekdays", "date") for token in tokens(piece))
        except Wrong:
            continue
    return known > 0
