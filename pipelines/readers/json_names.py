"""Names inside JSON records: which were found where, and the path that leads to a wanted value.

A wire name is taken whole first (`PM2.5` may be one name), then as a path: `extended_attributes.street`,
`location.value.coordinates[0]`. In GeoJSON a name is looked for among a feature's properties first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.contract.model import Contract
from pipelines.errors import DataError
from pipelines.readers import columns
from pipelines.readers.columns import Wanted
from pipelines.readers.findings import Findings

Path = tuple[str | int, ...]
Prefix = tuple[str, ...]

_PATH = re.compile(r"[^.\[\]]+(?:\[\d+\])*(?:\.[^.\[\]]+(?:\[\d+\])*)*")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_BEYOND_SQL = ("", "*")
"""Names DuckDB has no path for."""


def steps_of(wire: str) -> Path:
    """A wire name as a path; itself when it is none."""
    if not _PATH.fullmatch(wire):
        return (wire,)
    return tuple(name or int(number) for name, number in _STEP.findall(wire))


def path_sql(path: Path) -> str:
    """A path in DuckDB's notation, with every name quoted."""
    steps = []
    for step in path:
        if isinstance(step, int):
            steps.append(f"[{step}]")
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            steps.append(f'."{escaped}"')
    return "$" + "".join(steps)


@dataclass
class Names:
    """The names of a group of records: by the objects they stand in, `()` being the record itself.

    `home` is where most values of a record lie, below it; "" where they lie in it.
    """

    inside: dict[Prefix, set[str]] = field(default_factory=dict)
    home: str = ""
    _indexes: dict[Prefix, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def all(self) -> set[str]:
        return {".".join((*prefix, name)) for prefix, names in self.inside.items() for name in names}

    def add(self, prefix: Prefix, keys: list[str], where: str) -> None:
        """Add the names of one object. Raises DataError when it has one twice: no reader can know which counts."""
        names = set(keys)
        if len(names) < len(keys):
            twice = sorted({name for name in names if keys.count(name) > 1})
            raise DataError(
                f"{where}: a record has a name more than once: {columns.listed(twice)}",
                next_step="ask the source for JSON whose names are unique within an object",
            )
        self.inside.setdefault(prefix, set()).update(names)
        self._indexes.pop(prefix, None)

    def unexplored(self, contract: Contract) -> Iterator[Prefix]:
        """Objects the contract's paths look into whose names are not collected yet."""
        for wire in self._wires(contract):
            path = self.resolve(wire)
            if path is None:
                continue
            prefix: Prefix = ()
            for step, following in itertools.pairwise(path):
                if not isinstance(step, str) or not isinstance(following, str):
                    break
                prefix = (*prefix, step)
                if prefix not in self.inside:
                    yield prefix
                    break

    def resolve(self, wire: str) -> Path | None:
        """The path to a wire name as it is spelled here; None where it is known not to exist."""
        if (name := self._spelled((), wire)) is not None:
            return (name,)
        steps = steps_of(wire)
        if len(steps) == 1:
            return None
        path: Path = ()
        for step in steps:
            prefix = tuple(passed for passed in path if isinstance(passed, str))
            if isinstance(step, str) and len(prefix) == len(path) and prefix in self.inside:
                name = self._spelled(prefix, step)
                if name is None:
                    return None
                path = (*path, name)
            else:
                path = (*path, step)
        return path

    def _spelled(self, prefix: Prefix, name: str) -> str | None:
        if prefix not in self._indexes:
            self._indexes[prefix] = columns.index(self.inside.get(prefix, ()))
        spelled = columns.spelling(name, self._indexes[prefix])
        return None if spelled in _BEYOND_SQL else spelled

    def paths(self, column: Wanted, findings: Findings) -> list[Path]:
        """Paths to the values of a column, the one that counts first; none when a name to join is not there."""
        found = []
        for given in column.wires:  # what lies at home is meant, even where the record has such a name, too
            paths = (self.resolve(wire) for wire in self._at_home(given))
            found += [path for path in paths if path is not None][:1]
        if column.is_joined:
            return found if len(found) == len(column.wires) else []
        found = list(dict.fromkeys(found))
        # NGSI-LD: a column `model` with the synonym `model.value` means the value, not the object around it.
        found = [path for path in found if not any(_begins(other, path) for other in found if other != path)]
        if len(found) > 1:
            findings.warn(f"{column.name} arrives under {len(found)} names; the first with a value counts")
        return found

    def unknown(self, contract: Contract) -> set[str]:
        """Names nobody asked for."""
        wires = list(self._wires(contract))
        expected: set[Prefix] = {(columns.normalise(wire),) for wire in wires}
        expected |= {
            tuple(columns.normalise(step) for step in steps_of(wire) if isinstance(step, str))
            for wire in wires
        }
        found = {(*prefix, name) for prefix, names in self.inside.items() for name in names}
        unknown = set()
        for path in found:
            normal = tuple(columns.normalise(step) for step in path)
            if not any(_begins(normal, known) or _begins(known, normal) for known in expected):
                unknown.add(".".join(path))
        return unknown

    def _at_home(self, wire: str) -> tuple[str, ...]:
        return (f"{self.home}.{wire}", wire) if self.home else (wire,)

    def _wires(self, contract: Contract) -> Iterator[str]:
        for column in contract.columns:
            for wire in (*column.wire, *column.join):
                yield from self._at_home(wire)
        for rule in contract.drop_rules:
            for wire in rule.wire:
                yield from self._at_home(wire)


def _begins(path: Path, start: Path) -> bool:
    return path[: len(start)] == start
