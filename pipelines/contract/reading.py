"""Which contract files there are, and reading them: all at once, so that one look shows every problem.

    contracts/<level>/<name>.odcs.yaml      holds the contract <level>_<name>
    contracts/reference/<name>.odcs.yaml    holds the contract ref_<name>

Nothing here imports anything heavy: every DAG file reads contracts when it is parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pipelines import settings
from pipelines.contract import document
from pipelines.contract.building import Builder
from pipelines.contract.document import Document
from pipelines.contract.model import FEED_LEVELS, LEVELS, Contract, Level
from pipelines.contract.places import where
from pipelines.contract.problems import Problem, contract_error, did_you_mean
from pipelines.contract.standard import violations
from pipelines.errors import ContractError

SUFFIX = ".odcs.yaml"
_FOLDERS: dict[Level, str] = {
    "city": "city",
    "district": "district",
    "street": "street",
    "governance": "governance",
    "ref": "reference",
    "ops": "operations",
}


def load(contract_id: str, folder: Path | None = None) -> Contract:
    """The contract of that id, such as `city_hotline_orders`.

    Raises ContractError when there is none or when anything in it is wrong.
    """
    folder = _folder(folder)
    for level in LEVELS:
        if contract_id.startswith(f"{level}_"):
            file = folder / _FOLDERS[level] / f"{contract_id.removeprefix(f'{level}_')}{SUFFIX}"
            if file.is_file():
                return _strict(_read_files([(level, file)], folder))[0]
    known = [_contract_id(level, file) for level, file in _files(folder, LEVELS)]
    raise ContractError(
        f"there is no contract {contract_id!r} in {_shown(folder)}{did_you_mean(contract_id, known)}",
        next_step="`urbanbrain feeds` lists them; a contract's file is <level>/<name>.odcs.yaml",
    )


def load_all(levels: Iterable[Level] = FEED_LEVELS, folder: Path | None = None) -> list[Contract]:
    """Every contract of these levels, sorted by id. Raises ContractError with every problem of every file."""
    return _strict(read_all(folder, levels))


def load_governance(folder: Path | None = None) -> list[Contract]:
    """The contracts of the governance tables, from that folder itself. Raises ContractError."""
    return _load_folder("governance", folder)


def load_reference(folder: Path | None = None, only: Collection[str] | None = None) -> list[Contract]:
    """The contracts of the reference tables, from that folder itself; only those of some names, without reading the
    others. Raises ContractError."""
    return _load_folder("ref", folder, only)


def load_operations(folder: Path | None = None) -> list[Contract]:
    """The contracts of the tables the channel keeps of itself, from that folder itself. Raises ContractError."""
    return _load_folder("ops", folder)


def load_file(file: Path) -> Contract:
    """The contract of any file, wherever it stands; its id says what it promises. Raises ContractError."""
    read = Document(_content(file))
    if read.data is None:
        raise contract_error(Problem(_shown(file), fault.line, fault.message) for fault in read.faults)
    contract_id = str(read.data.get("id"))
    level = next((each for each in LEVELS if contract_id.startswith(f"{each}_")), None)
    if level is None:
        raise contract_error(
            [Problem(_shown(file), 1, "is no contract: it has no id that begins with a level")]
        )
    contract, problems = _read(level, file, contract_id)
    if contract is None:
        raise contract_error(problems)
    return contract


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise contract_error([Problem(_shown(file), 1, f"cannot be read: {error.strerror}")]) from None


def read_all(
    folder: Path | None = None, levels: Iterable[Level] = FEED_LEVELS
) -> tuple[list[Contract], list[Problem]]:
    """The contracts that are right, sorted by id, and the problems of the others, sorted by file and line.

    A broken file harms no other: this is what a DAG file calls.
    """
    folder = _folder(folder)
    return _read_files(list(_files(folder, tuple(levels))), folder)


def check_all(folder: Path | None = None) -> list[Problem]:
    """Everything that is wrong with any contract, and with where the files are."""
    folder = _folder(folder)
    if not folder.is_dir():
        return [Problem(_shown(folder), 1, "is not a folder; contracts are looked for here")]
    _, problems = read_all(folder, LEVELS)
    return sorted({*problems, *_stray_files(folder)})


def _load_folder(level: Level, folder: Path | None, only: Collection[str] | None = None) -> list[Contract]:
    folder = _folder(None) / _FOLDERS[level] if folder is None else folder
    files = [
        (level, file)
        for file in sorted(folder.glob(f"*{SUFFIX}"))
        if only is None or file.name.removesuffix(SUFFIX) in only
    ]
    return _strict(_read_files(files, folder.parent))


def _strict(read: tuple[list[Contract], list[Problem]]) -> list[Contract]:
    contracts, problems = read
    if problems:
        raise contract_error(problems)
    return contracts


def _folder(folder: Path | None) -> Path:
    return settings.project() / "contracts" if folder is None else folder


def _files(folder: Path, levels: Sequence[Level]) -> Iterable[tuple[Level, Path]]:
    for level in levels:
        for file in sorted((folder / _FOLDERS[level]).glob(f"*{SUFFIX}")):
            yield level, file


def _contract_id(level: Level, file: Path) -> str:
    return f"{level}_{file.name.removesuffix(SUFFIX)}"


def _shown(file: Path) -> str:
    """A path as a person would type it in the project's folder."""
    try:
        return file.absolute().relative_to(settings.project()).as_posix()
    except ValueError:
        return file.as_posix()


def _read_files(files: list[tuple[Level, Path]], folder: Path) -> tuple[list[Contract], list[Problem]]:
    contracts: dict[str, Contract] = {}
    problems: list[Problem] = []
    for level, file in files:
        contract, found = _read(level, file)
        problems += found
        if contract is not None:
            contracts[contract.contract_id] = contract
    dangling = _dangling(contracts, {problem.contract_id for problem in problems}, folder)
    broken = {problem.contract_id for problem in dangling}
    kept = [contracts[name] for name in sorted(contracts) if name not in broken]
    return kept, sorted({*problems, *dangling})


def _read(level: Level, file: Path, contract_id: str = "") -> tuple[Contract | None, list[Problem]]:
    contract_id, path = contract_id or _contract_id(level, file), _shown(file)
    problems: list[Problem] = []
    try:
        content = file.read_bytes()
    except OSError as error:
        return None, [Problem(path, 1, f"cannot be read: {error.strerror}", contract_id)]
    read = Document(content)
    problems += [Problem(path, fault.line, fault.message, contract_id) for fault in read.faults]
    if read.data is None:
        return None, problems

    faulty = {fault.line for fault in read.faults}

    def say(place: document.Path, message: str) -> None:
        line = read.line(place)
        if line not in faulty:  # what could not be read is not judged as well
            problems.append(Problem(path, line, f"{where(read.data, place)} {message}", contract_id))

    for place, message in violations(read.data):
        say(place, message)
    contract = Builder(read.data, contract_id, level, say).build(path, _sha256(content), read.line)
    return (None if problems else contract), sorted(set(problems))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _dangling(contracts: dict[str, Contract], broken: set[str], folder: Path) -> list[Problem]:
    """References to tables or columns that are not there. A broken target is its own problem only."""
    targets: dict[str, Contract | None] = {**contracts, **dict.fromkeys(broken)}
    problems = []
    for contract in contracts.values():
        if message := _superseded(contract, targets, folder):
            problems.append(Problem(contract.path, 1, message, contract.contract_id))
        for column in contract.columns:
            for reference in column.references:
                if message := _dangles(reference, targets, folder):
                    text = f"property {column.name!r} refers to {message}"
                    problems.append(Problem(contract.path, column.line, text, contract.contract_id))
    return problems


def _superseded(contract: Contract, targets: dict[str, Contract | None], folder: Path) -> str:
    """What is wrong with the table that is said to take a contract's place; nothing when it is there."""
    if not contract.superseded_by:
        return ""
    level, _, table = contract.superseded_by.partition(".")
    known = {*targets, *(_contract_id(level, file) for level, file in _files(folder, LEVELS))}
    if f"{level}_{table}" in known:
        return ""
    return f"is superseded by {contract.superseded_by}, which has no contract{did_you_mean(f'{level}_{table}', known)}"


def _dangles(reference: str, targets: dict[str, Contract | None], folder: Path) -> str:
    level_name, table, name = reference.split(".")
    target_id = f"{level_name}_{table}"
    if target_id not in targets:
        files = {_contract_id(level, file): (level, file) for level, file in _files(folder, LEVELS)}
        if target_id not in files:
            hint = did_you_mean(target_id, files)
            return f"{level_name}.{table}, which has no contract{hint}"
        targets[target_id] = _read(*files[target_id])[0]
    target = targets[target_id]
    names = [column.name for column in target.stored_columns] if target else [name]
    return "" if name in names else f"{reference}, which is not there{did_you_mean(name, names)}"


def _stray_files(folder: Path) -> Iterable[Problem]:
    """Files that look like contracts and would never be read."""
    folders = {name: level for level, name in _FOLDERS.items()}
    for file in sorted(folder.rglob("*.y*ml")):
        inside = file.parent.relative_to(folder).as_posix()
        if inside not in folders:
            hint = did_you_mean(inside, folders)
            names = ", ".join(folders)
            yield Problem(
                _shown(file), 1, f"stands in folder {inside!r}, where nobody looks; expected {names}{hint}"
            )
        elif not file.name.endswith(SUFFIX):
            yield Problem(_shown(file), 1, f"is not read: a contract is called <name>{SUFFIX}")
