"""The configuration as JSON Schema (draft 2020-12), for editors that complete and check TOML.

``python -m warmup.config.schema`` prints it; the copy beside this module is what ships.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args, get_origin

import attrs

from warmup.config.document import Document
from warmup.config.rules import span
from warmup.config.spans import write_span
from warmup.config.structure import rule_of

__all__ = ["make_schema", "shipped_schema"]


def make_schema() -> dict[str, Any]:
    """Build the schema from the classes of the document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "warmup.toml",
        **_table(Document),
        "required": ["plan", "sources"],
    }


def shipped_schema() -> dict[str, Any]:
    """The schema that came with the package."""
    text = files("warmup.config").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _table(table: type[Any]) -> dict[str, Any]:
    fields = attrs.fields(attrs.resolve_types(table, include_extras=True))
    required = [f.name for f in fields if f.default is attrs.NOTHING and table is not Document]
    return {
        "type": "object",
        "description": (table.__doc__ or "").strip(),
        "additionalProperties": False,
        "properties": {field.name: _property(field) for field in fields},
        **({"required": required} if required else {}),
    }


def _property(field: Any) -> dict[str, Any]:
    annotation = field.type
    if attrs.has(annotation):
        return _table(annotation)
    if get_origin(annotation) is dict:
        inner = _table(get_args(annotation)[1])
        return {"type": "object", "additionalProperties": inner}
    if get_origin(annotation) is list:
        return {"type": "array", "items": _table(get_args(annotation)[0])}
    rule = rule_of(annotation) or next(filter(None, map(rule_of, get_args(annotation))))
    written: dict[str, Any] = {"description": field.metadata["doc"], **rule.schema}
    default = field.default
    if isinstance(default, str | int):
        written["default"] = write_span(int(default)) if rule is span else default
    return written


if __name__ == "__main__":
    print(json.dumps(make_schema(), indent=2))
