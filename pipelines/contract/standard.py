"""What the Open Data Contract Standard itself demands, by the JSON Schema its library carries.

jsonschema-rs finds what is wrong; this module says it in words. The library's own model is not imported: it
takes ten times as long and refuses far less.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import jsonschema_rs

from pipelines.contract.document import Path
from pipelines.contract.problems import did_you_mean, expected_one_of, shown

VERSION = "v3.2.0"
OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_NOUNS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@functools.cache
def _schema() -> dict[str, Any]:
    # find_spec does not run the package's model, which alone would cost 0.2 seconds.
    spec = importlib.util.find_spec("open_data_contract_standard")
    if spec is None or spec.origin is None:  # pragma: no cover - a broken installation
        raise ModuleNotFoundError("open_data_contract_standard is not installed; run `make setup`")
    text = File(spec.origin).with_name("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@functools.cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(_schema())


def violations(data: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every place of a contract that breaks the standard, with what is wrong there."""
    errors = [
        (tuple(error.instance_path), error.kind.name, error) for error in _validator().iter_errors(data)
    ]
    broken = [path for path, kind, _ in errors if kind != "unevaluatedProperties"]
    mistyped = {path for path, kind, _ in errors if kind == "type"}
    told: set[tuple[Path, str]] = set()
    for path, kind, error in errors:
        if (path in mistyped and kind != "type") or _is_guess(error.schema_path, path, data):
            continue
        if kind not in ("additionalProperties", "unevaluatedProperties"):
            yield path, _message(kind, error, path)
            continue
        known = _keys_at(error.schema_path[:-1])
        for key in error.kind.unexpected:
            if (path, key) in told:
                continue
            told.add((path, key))
            if key not in known:
                yield (*path, key), f"has unknown key {key!r}{did_you_mean(key, known)}"
            elif not any(other[: len(path)] == path for other in broken):
                # Where a place is broken otherwise, the schema no longer recognises its good keys either.
                yield (*path, key), f"has key {key!r}, which does not belong to an entry of this type"


def _message(kind: str, error: Any, path: Path) -> str:
    if kind == "required":
        return f"lacks {error.kind.property!r}"
    # The key before the value, so that the sentence names it: "property 'x' has logicalType 'y', …".
    given = f"has {path[-1]} {shown(error.instance)}" if _is_key(path) else f"is {shown(error.instance)}"
    if kind == "type":
        nouns = " or ".join(_NOUNS.get(name, name) for name in error.kind.types)
        return f"{given}, expected {nouns}"
    if kind == "enum" and path == ("apiVersion",):
        return f"{given}, expected {VERSION!r}"
    if kind == "enum":
        return f"{given}, {expected_one_of(error.instance, [str(option) for option in error.kind.options])}"
    if kind == "pattern":
        return f"{given}, expected the form {error.kind.pattern}"
    if kind in ("oneOf", "anyOf", "not"):
        return _alternatives(error.instance, path)
    return f"{given}, which breaks the standard: {_PLAIN.get(kind, kind)}"


def _is_guess(schema_path: list[str | int], path: Path, data: Any) -> bool:
    """Whether the schema judges a property without logicalType as if it were of every type at once."""
    if "SchemaBaseProperty" not in schema_path or "then" not in schema_path:
        return False
    node, owner = data, data
    for step in path:
        node = node[step]
        owner = node if isinstance(step, int) else owner
    return isinstance(owner, dict) and "logicalType" not in owner


_PLAIN = {
    "minItems": "too few entries",
    "maxItems": "too many entries",
    "uniqueItems": "an entry is repeated",
}


def _is_key(path: Path) -> bool:
    return bool(path) and isinstance(path[-1], str)


def _alternatives(value: Any, path: Path) -> str:
    if len(path) >= 2 and path[-2] == "quality" and isinstance(value, dict):
        given = [operator for operator in OPERATORS if operator in value]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            return f"needs exactly one of {', '.join(OPERATORS)}; found {found}"
        return f"has {given[0]} {shown(value[given[0]])}, expected {_operand(given[0])}"
    if path == ("team",):
        return "has a team that is not a mapping with a name"
    if "relationships" in path:
        return "is not a reference such as `to: city.hotline_orders.work_order_id`"
    key = f"has {path[-1]} {shown(value)}" if _is_key(path) else f"is {shown(value)}"
    return f"{key}, which the standard does not allow here"


def _operand(operator: str) -> str:
    return "two different numbers" if operator.endswith("Between") else "a number"


def _keys_at(schema_path: list[str | int]) -> frozenset[str]:
    """Keys that any variant of this part of the schema knows."""
    return _keys(json.dumps(schema_path))


@functools.cache
def _keys(place: str) -> frozenset[str]:
    part: Any = _schema()
    for step in json.loads(place):
        part = part[step]
    found: set[str] = set()
    _collect(part, found)
    return frozenset(found)


def _collect(part: Any, found: set[str]) -> None:
    if not isinstance(part, dict):
        return
    found.update(part.get("properties", {}))
    if "$ref" in part:
        target: Any = _schema()
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        _collect(target, found)
    for branch in ("allOf", "oneOf", "anyOf"):
        for option in part.get(branch, ()):
            _collect(option, found)
    for branch in ("then", "else"):
        _collect(part.get(branch), found)
