"""What was promised: two versions side by side, agreeing on today's, who reads a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines import contract as contracts
from pipelines import promises, settings
from pipelines.contract import LEVELS, Contract
from pipelines.errors import CommandError, UrbanBrainError
from pipelines.promises import Difference, Hit, Promise

LOCK = "lock"
_SUFFIX = ".odcs.yaml"


@dataclass(frozen=True)
class Shown:
    """One contract, and who reads each of its columns and its rows."""

    contract: Contract
    readers: dict[str, Hit]
    everybody: Hit


def contract_diff(old: str = LOCK, new: str = "") -> list[Difference]:
    """What changed from `old` to `new`: each a file, a folder, the id of a contract, or the promises agreed on (`lock`).

    Without `new` it is the contracts of the project; an id is then compared with what was agreed on. Raises
    ContractError when a contract is not right, UrbanBrainError when there is nothing to compare.
    """
    today = contracts.load_all(LEVELS)
    if not new and _is_id(old, today):
        new, old = old, LOCK
        before = {name: each for name, each in _promises(old, today).items() if name == new}
        return promises.compare(before, _promises(new, today), today, settings.project())
    before, after = _promises(old, today), _promises(new or str(settings.project() / "contracts"), today)
    if not before.keys() & after.keys() and (len(before), len(after)) == (1, 1):
        raise UrbanBrainError(
            f"{old} promises {next(iter(before))}, {new} promises {next(iter(after))}",
            next_step="compare two versions of one contract",
        )
    if _is_one(old, today):  # one contract is compared with its namesake, not with all there are
        after = {name: each for name, each in after.items() if name in before}
    elif _is_one(new, today):
        before = {name: each for name, each in before.items() if name in after}
    return promises.compare(before, after, today, settings.project())


def _is_one(given: str, today: list[Contract]) -> bool:
    return Path(given).is_file() or _is_id(given, today)


def _is_id(given: str, today: list[Contract]) -> bool:
    return any(each.contract_id == given for each in today) and not Path(given).exists()


def _promises(given: str, today: list[Contract]) -> dict[str, Promise]:
    """The promises of a file, of all files below a folder, of a contract of the project, or those agreed on."""
    path = Path(given)
    if path.is_dir():
        files = sorted(path.rglob(f"*{_SUFFIX}"))
        if not files:
            raise UrbanBrainError(
                f"{given} has no contracts", next_step=f"a contract's file ends in {_SUFFIX}"
            )
        return promises.promises(contracts.load_file(file) for file in files)
    if path.is_file():
        return promises.promises([contracts.load_file(path)])
    if given == LOCK:
        if (found := promises.agreed(settings.project())) is None:
            raise UrbanBrainError(
                "nothing was agreed on yet", next_step="`urbanbrain contract lock` agrees on today's promises"
            )
        return found
    if _is_id(given, today):
        return promises.promises(each for each in today if each.contract_id == given)
    if "/" in given or given.endswith(".yaml"):
        raise CommandError(
            f"there is no file or folder {given}",
            next_step="compare a file, a folder, the id of a contract, or `lock`: the promises last agreed on",
        )
    return promises.promises([contracts.load(given)])


def contract_lock(*, dry_run: bool = False) -> list[Difference]:
    """Agree on today's promises. Raises ContractError when one changed and its version does not say so."""
    return promises.agree(settings.project(), dry_run=dry_run)


def contract_show(contract_id: str) -> Shown:
    """A contract with everybody who reads it. Raises ContractError when there is none of that id."""
    found = contracts.load(contract_id)
    readers = promises.Readers(contracts.load_all(LEVELS), settings.project())
    return Shown(
        found,
        {column.name: readers.of(found.table, column.name) for column in found.stored_columns},
        readers.of(found.table),
    )
