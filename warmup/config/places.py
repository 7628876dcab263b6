"""On which line of a TOML file a key stands.

The standard library's parser tells no positions. This scanner reads only as much TOML as it takes
to find keys: it is run on text that the real parser has accepted, and what it misses costs a line
number and nothing else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

__all__ = ["find_lines", "line_of"]

Path = tuple[str | int, ...]

_KEY_PART = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*""")
_BLANK = re.compile(r"[ \t\r]*")
_SKIP = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*'
    r"|[^\"'#\[\]{}\n]+|.",
    re.DOTALL,
)


def find_lines(text: str) -> dict[Path, int]:
    """Map the path of each table and key to its line, counted from 1."""
    lines: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    position, line = 0, 1
    while position < len(text):
        start = position
        if blank := _BLANK.match(text, position):
            position = blank.end()
        if text.startswith("[", position):
            double = text.startswith("[[", position)
            key, position = _key(text, position + 1 + double)
            table = key
            if double:
                arrays[key] = arrays.get(key, -1) + 1
                table = (*key, arrays[key])
            lines.setdefault(table, line)
        elif position < len(text) and text[position] not in "#\n":
            key, position = _key(text, position)
            lines.setdefault((*table, *key), line)
        position = _end_of_statement(text, position)
        line += text.count("\n", start, position)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of a path, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


def _key(text: str, position: int) -> tuple[Path, int]:
    parts: list[str | int] = []
    while part := _KEY_PART.match(text, position):
        bare, basic, literal = part.groups()
        if basic is not None:
            basic = tomllib.loads(f'k = "{basic}"')["k"]
        parts.append(next(name for name in (bare, basic, literal) if name is not None))
        position = part.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts), position


def _end_of_statement(text: str, position: int) -> int:
    """The start of the next line that does not belong to a value begun before."""
    depth = 0
    while position < len(text):
        piece = _SKIP.match(text, position)
        if piece is None:  # pragma: no cover - the last branch of the pattern takes anything
            break
        position = piece.end()
        found = piece[0]
        if found in ("[", "{"):
            depth += 1
        elif found in ("]", "}"):
            depth -= 1
        elif found == "\n" and depth <= 0:
            break
    return position
