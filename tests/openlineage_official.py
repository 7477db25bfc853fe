"""OpenLineage's own schemas, as published: what they say of an event and of each facet in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

_EVENT = "#/$defs/RunEvent"
_HOLDERS = ("facets", "inputFacets", "outputFacets")


class Official:
    """The core schema and every facet's, from a folder of files."""

    def __init__(self, folder: Path) -> None:
        core = json.loads((folder / "OpenLineage.json").read_text(encoding="utf-8"))
        self._schemas = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")
        }
        self._registry = jsonschema_rs.Registry([(each["$id"], each) for each in self._schemas.values()])
        self._event = self._validator(core["$id"] + _EVENT)
        self._facets: dict[str, jsonschema_rs.Validator] = {}

    def _validator(self, reference: str) -> jsonschema_rs.Validator:
        return jsonschema_rs.Draft202012Validator(
            {"$ref": reference}, registry=self._registry, validate_formats=True
        )

    def problems(self, event: dict[str, Any]) -> list[str]:
        """Everything that is wrong with an event."""
        found = [f"event: {error.message}" for error in self._event.iter_errors(event)]
        for key, facet in facets(event):
            name = facet["_schemaURL"].rpartition("/")[2]
            if name not in self._schemas:
                found.append(f"{key}: nobody published {name}")
                continue
            if name not in self._facets:
                self._facets[name] = self._validator(f"{self._schemas[name]['$id']}#/$defs/{name}")
            found += [f"{key}: {error.message}" for error in self._facets[name].iter_errors(facet)]
            if key not in self._schemas[name]["properties"]:
                found.append(f"{key}: {name} is not called so")
        return found


def facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every facet of an event with the key it stands under."""
    for holder in (event["run"], event["job"], *event.get("inputs", []), *event.get("outputs", [])):
        for kind in _HOLDERS:
            yield from (holder.get(kind) or {}).items()


def events(path: Path) -> list[dict[str, Any]]:
    """What a file of events holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
