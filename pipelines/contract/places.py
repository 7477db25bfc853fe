"""Reaching into data that may be half broken, and naming its places for people.

The getters give something empty where a value is missing or of another kind; the standard has said so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from pipelines.contract.document import Path

Say = Callable[[Path, str], None]

_NOUNS = {
    "schema": ("table", "name"),
    "servers": ("server", "server"),
    "properties": ("property", "name"),
    "quality": ("quality rule", "id"),
    "enum": ("enum value", "value"),
    "slaProperties": ("service level", "property"),
    "synonyms": ("synonym", "synonym"),
    "relationships": ("relationship", "id"),
    "customProperties": ("custom property", "property"),
}


def where(data: Any, path: Path) -> str:
    """A place in words, the innermost two that have names: `enum value 'x' of property 'y'`."""
    names: list[str] = []
    node, previous = data, ""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(step, int) and previous in _NOUNS:
            noun, key = _NOUNS[previous]
            given = node.get(key) if isinstance(node, dict) else None
            is_named = isinstance(given, str) and len(given) <= 80
            names.append(f"{noun} {given!r}" if is_named else f"{noun} number {step + 1}")
        previous = str(step)
    if len(names) > 1 and names[0].startswith("table "):
        names = names[1:]
    return " of ".join(reversed(names[-2:])) or "the contract"


def inside(say: Say, *prefix: str | int) -> Say:
    """A `say` whose paths begin at a place further in."""
    return lambda path, message: say((*prefix, *path), message)


def text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value.strip() if isinstance(value, str) else ""


def lacks(data: dict[str, Any], key: str) -> bool:
    """Whether a text is not given, or only blanks are."""
    value = data.get(key, "")
    return isinstance(value, str) and not value.strip()


def mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def entries(data: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in a list, each with its index."""
    value = data.get(key)
    listed = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(listed) if isinstance(item, dict)]


def number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number, and not a truth."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def custom_index(data: dict[str, Any], name: str) -> int | None:
    """Which of the `customProperties` has that name."""
    found = entries(data, "customProperties")
    return next((index for index, entry in found if entry.get("property") == name), None)


def has_custom(data: dict[str, Any], name: str) -> bool:
    return custom_index(data, name) is not None
