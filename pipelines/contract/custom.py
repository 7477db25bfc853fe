"""The entries of `customProperties`, read as `keys` says they look."""

from __future__ import annotations

from typing import Any

from pipelines.contract.keys import KEYS, Key, Place
from pipelines.contract.places import Say
from pipelines.contract.problems import did_you_mean
from pipelines.contract.shapes import snake

_BY_PLACE: dict[Place, dict[str, Key]] = {
    place: {key.name: key for key in KEYS if key.place == place}
    for place in ("contract", "server", "property", "enum value")
}


def read_custom(entries: Any, place: Place, say: Say) -> dict[str, Any]:
    """The values of a `customProperties` list, by their names in `model`.

    Faulty entries are said with their path inside the list and left out. Shape faults of the list itself are
    the standard's business.
    """
    known = _BY_PLACE[place]
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("property") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "value" not in entry:
            continue
        if name not in known:
            elsewhere = sorted({key.place for key in KEYS if key.name == name})
            hint = f" here; it belongs to a {elsewhere[0]}" if elsewhere else did_you_mean(name, known)
            say((index, "property"), f"is unknown{hint}")
            continue
        if name in seen:
            say((index, "property"), "is given twice")
            continue
        seen.add(name)
        value = known[name].shape.read(
            entry["value"],
            lambda path, text, index=index: say((index, "value", *path), text),  # type: ignore[misc]
        )
        if value is not None:
            values[snake(name)] = value
    return values
