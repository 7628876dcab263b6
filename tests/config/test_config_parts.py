"""Durations, line numbers, the schema."""

from __future__ import annotations

import json
import string
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.config import parse_span, write_span
from warmup.config.document import Document
from warmup.config.places import find_lines, line_of
from warmup.config.schema import make_schema, shipped_schema
from warmup.config.structure import dotted, rule_of
from warmup.timing import DAY, HOUR, MILLISECOND, MINUTE, SECOND


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30min", 30 * MINUTE),
        ("3d", 3 * DAY),
        ("90s", 90 * SECOND),
        ("1h30min", HOUR + 30 * MINUTE),
        ("1 h 30 min", HOUR + 30 * MINUTE),
        ("250ms", 250 * MILLISECOND),
        ("0s", 0),
    ],
)
def test_spans(text: str, span: int) -> None:
    """Durations read as people write them."""
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "3", "3 days", "-1s", "1.5h", "1m", "30min1h", "1h1h", "99999d", "１h"])
def test_no_spans(text: str) -> None:
    """What could be read in two ways, or not at all, is no duration."""
    with pytest.raises(ValueError):
        parse_span(text)


@given(st.integers(0, 3650 * DAY // MILLISECOND))
def test_span_round_trip(milliseconds: int) -> None:
    """A duration that was written reads back as the same."""
    assert parse_span(write_span(milliseconds * MILLISECOND)) == milliseconds * MILLISECOND


def test_lines_in_awkward_toml() -> None:
    """Keys are found among comments, long strings, arrays, quotes and dots."""
    text = """\
# [no]
a = 1 # b = 2
s = \"\"\"
x = 1
[no.table]
\"\"\"
t = '''
y = 2
'''
l = [ 1, # ]
  "]", { q = 1 },
]
  [ p . "q.r" . 's' ]
  deep.er = { in = 1 }
[[many]]
k = 1
[[many]]
k = 2
"""
    tomllib.loads(text)
    lines = find_lines(text)
    expected = {
        ("a",): 2,
        ("s",): 3,
        ("t",): 7,
        ("l",): 10,
        ("p", "q.r", "s"): 13,
        ("p", "q.r", "s", "deep", "er"): 14,
        ("many", 0, "k"): 16,
        ("many", 1, "k"): 18,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert ("x",) not in lines
    assert ("no", "table") not in lines
    assert line_of(lines, ("p", "q.r", "s", "deep", "er", "in")) == 14
    assert line_of(lines, ("nowhere",)) is None


KEYS = st.text(string.ascii_lowercase + "-_.\"\\ 'é#[=", min_size=1, max_size=6)
VALUES = st.one_of(
    st.integers(0, 99), st.text(string.printable.replace("\r", ""), max_size=12), st.just([1, 2])
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_lines_of_any_table(tables: dict[str, dict[str, Any]]) -> None:
    """Whatever keys and values hold, each key is found on the line on which it was written."""
    lines: list[str] = []
    expected = {}
    for table, keys in tables.items():
        lines.append(f"[{json.dumps(table)}] # x = 1")
        expected[(table,)] = len(lines)
        for key, value in keys.items():
            lines.append(f"{json.dumps(key)} = {json.dumps(value)} # [z]")
            expected[(table, key)] = len(lines)
    text = "\n".join(lines).replace("\\u007f", "")
    assert tomllib.loads(text).keys() == tables.keys()
    assert {path: find_lines(text).get(path) for path in expected} == expected


def test_dotted() -> None:
    """A place is written as one would write it in the file."""
    assert dotted(("sources", "192.0.2.1", "ehlo")) == 'sources."192.0.2.1".ehlo'
    assert dotted(("plan", "weekdays", 2)) == "plan.weekdays[2]"


def leaves(annotation: Any) -> list[Any]:
    if attrs.has(annotation):
        fields = attrs.fields(attrs.resolve_types(annotation, include_extras=True))
        return [leaf for field in fields for leaf in leaves(field.type)]
    if get_origin(annotation) is dict:
        return [get_args(annotation)[0], *leaves(get_args(annotation)[1])]
    if get_origin(annotation) is list:
        return leaves(get_args(annotation)[0])
    if get_origin(annotation) is Annotated:
        return [annotation]
    return [inner for inner in get_args(annotation) if inner is not type(None)] or [annotation]


def test_every_key_has_a_rule() -> None:
    """No value of the file is left to a converter that would take 3 for "3"."""
    found = leaves(Document)
    assert len(found) > 35
    assert all(rule_of(leaf) for leaf in found)


def test_schema_is_fresh() -> None:
    """The schema that ships says what the reader does (python -m warmup.config.schema rewrites it)."""
    assert shipped_schema() == json.loads(json.dumps(make_schema()))


def test_schema_describes_each_key() -> None:
    """An editor can explain every key."""
    plan = make_schema()["properties"]["plan"]
    assert plan["additionalProperties"] is False
    assert plan["required"] == ["target", "start"]
    assert plan["properties"]["days"]["minimum"] == 1
    assert all(key["description"] for key in plan["properties"].values())
    retry = make_schema()["properties"]["retry"]["properties"]
    assert retry["first"]["default"] == "30min"


def test_reference_page_has_every_key() -> None:
    """The reference page explains every key in the words that the schema uses, with its default."""
    page = (Path(__file__).parents[2] / "docs/reference/config.md").read_text()
    for section in make_schema()["properties"].values():
        inner = section.get("additionalProperties") or section.get("items")
        table = section if "properties" in section else inner
        for key, value in table["properties"].items():
            (row,) = [line for line in page.splitlines() if line.endswith(f"| {value['description']} |")]
            assert row.startswith(f"| `{key}` |")
            if "default" in value:
                assert f"| `{json.dumps(value['default']).strip(chr(34))}` |" in row
