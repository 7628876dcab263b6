"""Examples in the README and the docs are tests.

Blocks of Python run, one after the other, in one namespace a page; ``<!-- skip: next -->`` leaves one
out. A block of ``console`` after ``<!-- run -->`` runs too: what follows each ``$ command`` is what it
has to print, with ``...`` for anything. A block after ``<!-- file: NAME -->`` is written to that file, in
the page's folder. A block of TOML that has a ``[plan]`` is a whole configuration
and has to be accepted.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

_CONSOLE = re.compile(r"^<!-- run -->\s*\n```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^(<!-- file: ([\w.]+) -->)\s*\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)


def _console_blocks(document: Document) -> Iterable[Region]:
    for match in _CONSOLE.finditer(document.text):
        yield Region(match.start(), match.end(), match[1], _run_console)


def _run_console(example: Example) -> str | None:
    """Run the commands of a block in the page's folder and compare what they print."""
    text = example.parsed
    commands = list(_COMMAND.finditer(text))
    ends = [command.start() for command in commands[1:]] + [len(text)]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"LC_ALL": "C.UTF-8", "COLUMNS": "80", "NO_COLOR": "1"}
    for command, end in zip(commands, ends, strict=True):
        done = subprocess.run(
            ["bash", "-c", command[1]],
            cwd=example.namespace["folder"],
            env=environment | {"HOME": example.namespace["folder"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        expected = text[command.end() + 1 : end]
        same = doctest.OutputChecker().check_output(
            expected, done.stdout, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        if not same:
            return f"$ {command[1]}\nshould print:\n{expected}\nprinted:\n{done.stdout}"
    return None


def _files(document: Document) -> Iterable[Region]:
    for match in _FILE.finditer(document.text):
        yield Region(match.start(), match.end(1), (match[2], match[3]), _write_file)


def _write_file(example: Example) -> None:
    name, text = example.parsed
    Path(example.namespace["folder"], name).write_text(text, "utf-8")


def _check_toml(example: Example) -> str | None:
    from warmup.config import Config
    from warmup.errors import ConfigError

    tables = tomllib.loads(example.parsed)
    if "plan" in tables:
        try:
            Config.from_dict(tables)
        except ConfigError as error:
            return "\n".join(map(str, error.problems))
    return None


def _set_up(namespace: dict[str, object]) -> None:
    namespace["_folder"] = folder = TemporaryDirectory()
    namespace["folder"] = folder.name


def _tear_down(namespace: dict[str, object]) -> None:
    folder = namespace["_folder"]
    assert isinstance(folder, TemporaryDirectory)
    folder.cleanup()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the examples of a page in the page's order, however the tests are shuffled."""
    places = [number for number, item in enumerate(items) if isinstance(item, SybilItem)]
    ordered = sorted(
        (items[number] for number in places), key=lambda item: (item.path, item.location[1] or 0)
    )
    for number, item in zip(places, ordered, strict=True):
        items[number] = item


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        SkipParser(),
        CodeBlockParser(language="toml", evaluator=_check_toml),
        _console_blocks,
        _files,
    ],
    patterns=["README.md", "*.md"],
    excludes=["changelog.d/*", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
    setup=_set_up,
    teardown=_tear_down,
).pytest()
