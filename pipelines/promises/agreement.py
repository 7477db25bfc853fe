"""The promises last agreed on, one line a contract in `contracts/promises.lock.json`, and whether today's keep to them.

A promise that breaks somebody needs a new first number of its version, any other change a higher version. A table goes
only after it was deprecated and its last day is over. A project without the file has agreed on nothing yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from pipelines import contract as contracts
from pipelines import settings
from pipelines.contract import LEVELS, Contract
from pipelines.errors import ContractError
from pipelines.lake import write_file
from pipelines.promises.change import CLASSES, Change, Class
from pipelines.promises.comparing import changes
from pipelines.promises.promise import Promise, promise_of
from pipelines.promises.readers import Hit, Readers, together, with_old_columns

FILE = "promises.lock.json"
Promises = Mapping[str, Promise]


@dataclass(frozen=True)
class Difference:
    """What changed in one promise, who is hit by each change, and whether the version says so."""

    contract_id: str
    before: Promise | None
    after: Promise | None
    changes: tuple[tuple[Change, Hit], ...]
    today: date

    @property
    def klass(self) -> Class:
        """The worst of its changes."""
        return min((change.klass for change, _ in self.changes), key=CLASSES.index)

    @cached_property
    def hit(self) -> Hit:
        """Everybody who is hit by what breaks."""
        return together([hit for change, hit in self.changes if change.klass == "breaking"])

    @property
    def versions(self) -> str:
        before, after = (each["version"] if each else "none" for each in (self.before, self.after))
        return before if before == after else f"{before} → {after}"

    @property
    def needed(self) -> str:
        """The version the promise needs at least; "" where it is gone or new."""
        if self.before is None or self.after is None:
            return ""
        first, middle, last = _numbers(self.before)
        match self.klass:
            case "breaking":
                return f"{first + 1}.0.0"
            case "compatible":
                return f"{first}.{middle + 1}.0"
        return f"{first}.{middle}.{last + 1}"

    @property
    def objection(self) -> str:
        """Why the change cannot be, as it stands; "" when it can."""
        if self.before is None:
            return ""
        if self.after is None:
            return self._may_not_go(self.before)
        was, now = _numbers(self.before), _numbers(self.after)
        if self.klass == "breaking" and now[0] <= was[0]:
            return (
                f"breaks its promise, so its version has to be {self.needed}, found {self.after['version']}"
            )
        if now <= was:
            return f"changed, so its version has to be above {self.before['version']}, such as {self.needed}"
        return ""

    def _may_not_go(self, before: Promise) -> str:
        end = before.get("end_of_support")
        if before.get("status") != "deprecated":
            return "is gone, and was never deprecated: set status, endOfSupport and supersededBy, and remove it after that day"
        if end and date.fromisoformat(end) >= self.today:
            return f"is gone, and was promised until {end}"
        return ""


def _numbers(promise: Promise) -> tuple[int, ...]:
    return tuple(int(part) for part in promise["version"].split("."))


def compare(old: Promises, new: Promises, base: Iterable[Contract], project: Path) -> list[Difference]:
    """Every promise that differs, sorted by id. `base` are the contracts whose tables and views read each other."""
    differing = [
        contract_id
        for contract_id in sorted(old.keys() | new.keys())
        if old.get(contract_id) != new.get(contract_id)
    ]
    found = {each: changes(old.get(each), new.get(each)) for each in differing}
    if not any(found.values()):
        return []
    readers = Readers(with_old_columns(base, {each: old[each] for each in differing if each in old}), project)
    today = settings.now().date()
    return [
        Difference(
            contract_id,
            old.get(contract_id),
            new.get(contract_id),
            tuple(
                (change, _hit(readers, (new.get(contract_id) or old[contract_id])["table"], change))
                for change in found[contract_id]
            ),
            today,
        )
        for contract_id in differing
        if found[contract_id]
    ]


def _hit(readers: Readers, table: str, change: Change) -> Hit:
    """Who is hit: nobody by other words or by what nobody reads yet."""
    if change.klass == "cosmetic" or not change.column or change.kind in ("column_added", "contract_added"):
        return Hit()
    return readers.of(table, change.column)


def promises(found: Iterable[Contract]) -> dict[str, Promise]:
    """Contracts as promises, by id."""
    return {each.contract_id: promise_of(each) for each in found}


def agreed(project: Path) -> dict[str, Promise] | None:
    """What was agreed on last; None where nothing is. Raises ContractError when the file is not one of ours."""
    path = project / "contracts" / FILE
    if not path.exists():
        return None
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return {str(contract_id): dict(promise) for contract_id, promise in read.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ContractError(
            f"contracts/{FILE} cannot be read: {type(error).__name__}",
            next_step="after a merge that went wrong take either side of it; `urbanbrain contract lock` writes it anew",
        ) from None


def _differences(project: Path) -> list[Difference]:
    today = contracts.load_all(LEVELS, project / "contracts")
    return compare(agreed(project) or {}, promises(today), today, project)


def since_agreed(project: Path) -> list[Difference]:
    """What changed in the promises since they were agreed on; nothing where nothing is agreed on."""
    return [] if agreed(project) is None else _differences(project)


def agree(project: Path, *, dry_run: bool = False) -> list[Difference]:
    """Agree on today's promises; returns what changed. Raises ContractError when a version does not say so."""
    found = _differences(project)
    refuse(found)
    today = promises(contracts.load_all(LEVELS, project / "contracts"))
    lines = (
        f"{json.dumps(contract_id)}: {json.dumps(promise, ensure_ascii=False)}"
        for contract_id, promise in sorted(today.items())
    )
    if not dry_run:
        write_file(project / "contracts" / FILE, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return found


def refuse(found: Iterable[Difference]) -> None:
    """Raise ContractError naming every promise whose version does not say how it changed, and who is hit."""
    if lines := [line for each in found if each.objection for line in _objected(each)]:
        raise ContractError(
            "promises are broken without saying so\n" + "\n".join(f"  {line}" for line in lines),
            next_step="raise `version` in the contracts named, or take the change back; "
            "`urbanbrain contract diff` shows all of it",
        )


def _objected(difference: Difference) -> Iterator[str]:
    yield f"{difference.contract_id} {difference.objection}"
    for change, _ in difference.changes:
        if change.klass == difference.klass:
            yield f"  {change.klass}: {change.text}"
    for who, names in parties(difference.hit):
        yield f"  hit: {who} {names}"


def parties(hit: Hit) -> Iterator[tuple[str, str]]:
    """Who is hit, in words."""
    if hit.tables:
        yield "tables", ", ".join(hit.tables)
    if hit.views:
        yield "views of the office files", ", ".join(hit.views)
    if hit.offices:
        yield "every street office, by", ", ".join(hit.offices)
    if hit.exports:
        yield "exports", ", ".join(hit.exports)


def ended(found: Iterable[Contract], today: date) -> list[str]:
    """Tables that are still served after the last day they were promised for, a sentence each."""
    return [
        f"{each.table} is served beyond {each.end_of_support}, the last day it was promised for"
        + (f"; {each.superseded_by} takes its place" if each.superseded_by else "")
        for each in found
        if each.is_deprecated and each.end_of_support and each.end_of_support < today
    ]
