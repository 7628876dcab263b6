"""What commands print: plain tables for people, JSON for programs, and a progress bar.

Text that others wrote (replies, subjects, addresses) may hold whatever a terminal acts on; every
cell goes through :func:`escape`. Nothing here is coloured, so ``NO_COLOR`` has nothing to switch off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

__all__ = ["Facts", "display_width", "emit", "escape", "is_ascii", "print_table", "progress"]

Facts = Mapping[str, Any]

WIDTH = 80
CELL_MIN = 8
"""A column is not squeezed below this many characters."""


def escape(text: str) -> str:
    r"""Show control, direction and line-breaking characters instead of letting them act.

    ``ESC`` becomes ``\x1b``, a right-to-left override ``\u202e``, a newline ``\n``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_ascii(stream: IO[str] | None = None) -> bool:
    """Whether only ASCII should be written: another encoding than UTF-8, or the C locale.

    Python writes UTF-8 in the C locale (PEP 540), but who asked for that locale did not.
    """
    out = sys.stdout if stream is None else stream
    if (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "") != "utf8":
        return True
    named = next((v for k in ("LC_ALL", "LC_CTYPE", "LANG") if (v := os.environ.get(k))), "")
    if "PYTHONIOENCODING" in os.environ or os.environ.get("PYTHONUTF8") == "1":
        return False
    return named in ("C", "POSIX")


def display_width(text: str) -> int:
    """Columns that a text takes on a terminal; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def emit(
    facts: Facts | Iterable[Facts],
    format: str = "table",
    *,
    columns: Sequence[str | tuple[str, str]] = (),
    empty: str = "nothing to show",
) -> None:
    """Print facts to standard output.

    Args:
        facts: One mapping (a JSON object, or a list of its keys and values), or several (a JSON
            object a line, or a table).
        format: ``table`` or ``json``.
        columns: Keys of the table's columns in order, each alone or with its heading; all keys of
            the first row unless given. JSON always holds all keys.
        empty: What is said instead of a table without rows.
    """
    if isinstance(facts, Mapping):
        if format == "json":
            print(_json(facts))
        else:
            _print_object(facts)
        return
    if format == "json":
        for row in facts:
            print(_json(row))
        return
    rows = list(facts)
    if not rows:
        print(empty)
        return
    pairs = [(c, c) if isinstance(c, str) else c for c in (columns or tuple(rows[0]))]
    print_table([heading for _, heading in pairs], [[row.get(key) for key, _ in pairs] for row in rows])


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[Any]], stream: IO[str] | None = None
) -> None:
    """Print a plain table that fits the terminal, or 80 columns where there is none.

    Columns of numbers stand to the right. The widest columns of text are cut, and say so with an
    ellipsis; ``--format json`` has everything.
    """
    out = sys.stdout if stream is None else stream
    ascii_only = is_ascii(out)
    cells = [[_cell(value, ascii_only) for value in row] for row in rows]
    right = [
        all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(headings))
    ]
    widths = [
        max(display_width(heading), *(display_width(row[i]) for row in cells), 0)
        for i, heading in enumerate(headings)
    ]
    _squeeze(widths, right, _line_width(out) - 2 * (len(widths) - 1))
    dots = "..." if ascii_only else "…"
    rule = ["-" * width for width in widths]
    for line in (headings, rule, *cells):
        parts = [
            _pad(text, width, to_right, dots)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(parts).rstrip(), file=out)


def _line_width(out: IO[str]) -> int:
    if not out.isatty():
        return WIDTH
    import shutil

    return shutil.get_terminal_size((WIDTH, 24)).columns


def _squeeze(widths: list[int], right: list[bool], room: int) -> None:
    """Narrow the widest columns of text until the line fits, or until nothing more can give."""
    while sum(widths) > room:
        texts = [i for i, number in enumerate(right) if not number and widths[i] > CELL_MIN]
        if not texts:
            return
        widths[max(texts, key=lambda i: widths[i])] -= 1


def _cell(value: Any, ascii_only: bool) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = escape(str(value))
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text


def _pad(text: str, width: int, to_right: bool, dots: str) -> str:
    if display_width(text) > width:
        while text and display_width(text) > width - len(dots):
            text = text[:-1]
        text += dots
    fill = " " * (width - display_width(text))
    return fill + text if to_right else text + fill


def _print_object(facts: Facts) -> None:
    ascii_only = is_ascii()
    width = max((display_width(key) for key in facts), default=0)
    for key, value in facts.items():
        print(f"{_pad(key, width, False, '')}  {_cell(value, ascii_only)}")


def _json(value: Any) -> str:
    import json

    # ASCII only: every terminal and every locale can carry it, and nothing in it acts.
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far a long task has come, on standard error and only where somebody watches.

    Yields:
        A function that is told how many more are done.
    """
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)
