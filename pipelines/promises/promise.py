"""A contract in plain values: what readers and source may count on, in a form that is kept and compared.

Only what differs from doing nothing is said, so that a promise stays short. Prose is kept as a fingerprint: whether it
changed matters, what it says is in the contract. Rules that follow from a column are not said twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.contract import dictionary
from pipelines.contract.model import FEED_LEVELS, Column, Contract

Promise = dict[str, Any]
_PROSE = ("title", "business_name", "description", "grain")
_NOT_PROMISED = frozenset({"contract_id", "level", "name", "path", "sha256", "columns", "rules", *_PROSE})
_OF_COLUMN = ("description", "business_name")
_WRITTEN = ("rule:", "rows:")
"""How ids of rules begin that people wrote themselves."""


def promise_of(contract: Contract) -> Promise:
    """The promise of one contract."""
    said = {each.name: _given(each, getattr(contract, each.name)) for each in fields(contract)}
    promise: Promise = {"version": contract.version, "table": contract.table}
    promise |= {
        name: value for name, value in said.items() if name not in _NOT_PROMISED and value is not MISSING
    }
    promise["words"] = fingerprint(*(getattr(contract, name) for name in _PROSE))
    promise["columns"] = {column.name: _column(column) for column in contract.columns}
    rules = {
        rule.rule_id: {
            "severity": rule.severity,
            "judges": _plain({"kind": rule.kind, "column": rule.column, **rule.arguments}),
            "words": fingerprint(rule.expected_en, rule.expected_zh),
        }
        for rule in contract.rules
        if rule.rule_id.startswith(_WRITTEN)
    }
    return promise | ({"rules": rules} if rules else {})


def _column(column: Column) -> dict[str, Any]:
    said = {each.name: _given(each, getattr(column, each.name)) for each in fields(column)}
    given = {
        name: value
        for name, value in said.items()
        if name not in ("name", "line", *_OF_COLUMN) and value is not MISSING
    }
    if column.enum:
        given["enum"] = {
            value.value: list(dict.fromkeys((value.label, *value.wire))) for value in column.enum
        }
    if column.wire == (column.name,):
        del given["wire"]
    if units := dictionary.units(column):
        given["unit"] = list(units)
    return given | {"words": fingerprint(*(getattr(column, name) for name in _OF_COLUMN))}


def _given(each: Field[Any], value: Any) -> Any:
    """A field as plain data; MISSING where it says no more than its default."""
    default = each.default_factory() if each.default_factory is not MISSING else each.default
    return MISSING if value == default else _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            return f"{value.total_seconds() / 3600:g}h"
        case date():
            return value.isoformat()
        case dict():
            return {str(name): _plain(each) for name, each in sorted(value.items())}
        case tuple() | list():
            return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        said = {each.name: _given(each, getattr(value, each.name)) for each in fields(value)}
        return {name: each for name, each in said.items() if each is not MISSING}
    return value


def fingerprint(*texts: str) -> str:
    """A few letters that differ when the words do."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def has_source(promise: Promise) -> bool:
    """Whether it takes a promise from a source, too; what we build only gives."""
    return promise["table"].partition(".")[0] in FEED_LEVELS
