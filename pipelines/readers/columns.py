"""Which names on the wire belong to which column, and which names must never appear.

Names match by what a person would call the same: full-width or half-width, upper or lower case, with or without
blanks. Positions never matter. A name is shown in a message only when it cannot be a value that strayed into
a header.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.contract.model import Contract
from pipelines.errors import DataError, DataRefused
from pipelines.readers.findings import Missing

_INVISIBLE = re.compile(r"[\s\ufeff\u200b-\u200d\u2060]+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LIKELY_VALUE = re.compile(r"\d{5,}|\S@|[，。；;]|(?:\S+\s+){5}")
_LONGEST_NAME = 40
_MOST_NAMES = 20
_RESEMBLANCE = 0.6
# Objects of GA/T 1400, the interface of the police's image platforms: faces, people, vehicles, pictures of them.
_IMAGE_OBJECT = (
    r"(?:Face|Person|(?:Non)?MotorVehicle|VideoSlice|(?:Sub)?Image)(?:Info|List)*Object|SubImageList"
)
_IS_IMAGE_OBJECT = re.compile(_IMAGE_OBJECT)
_NAMES_IMAGE_OBJECT = re.compile(rf'"(?:{_IMAGE_OBJECT})"\s*:'.encode())


@dataclass(frozen=True)
class Wanted:
    """One column of `received` and the wire names that fill it.

    The first name that has a value counts; with `is_joined` all of them do, joined by a blank. `reason` is the
    one of the drop rule the column is for, "" for the contract's own columns.
    """

    name: str
    wires: tuple[str, ...]
    is_required: bool
    is_joined: bool = False
    reason: str = ""


def wanted(contract: Contract) -> tuple[Wanted, ...]:
    """The columns of `received`: every stored column that arrives, then `_drop_1` … for the drop rules."""
    columns = [
        Wanted(column.name, column.join or column.wire, column.required, bool(column.join))
        for column in contract.judged_columns
        if not column.constant
    ]
    # A drop rule guards what must not pass, so the name it looks at has to be there.
    rules = [
        Wanted(f"_drop_{number}", rule.wire, is_required=True, reason=rule.reason)
        for number, rule in enumerate(contract.drop_rules, 1)
    ]
    return (*columns, *rules)


def value_sql(sources: Sequence[str], is_joined: bool) -> str:
    """SQL for a column's text, made of the expressions that hold the values of its wire names."""
    if not sources:
        return "null"
    if is_joined:
        return f"nullif(concat_ws(' ', {', '.join(sources)}), '')"
    return sources[0] if len(sources) == 1 else f"coalesce({', '.join(sources)})"


def expected_names(contract: Contract) -> frozenset[str]:
    """Every wire name the contract knows, normalised, those of columns it drops included."""
    names = [wire for column in contract.columns for wire in (*column.wire, *column.join)]
    names += [wire for rule in contract.drop_rules for wire in rule.wire]
    return frozenset(normalise(name) for name in names)


def normalise(name: str) -> str:
    """What two spellings of one name have in common: NFKC, no white space, no case."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).casefold()


def index(names: Iterable[str]) -> dict[str, list[str]]:
    """Normalised name → the spellings found, in a fixed order."""
    found: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        found.setdefault(normalise(name), []).append(name)
    return found


def spelling(wire: str, found: Mapping[str, list[str]]) -> str | None:
    """How a wanted name is spelled here: exactly as wanted if possible, else the first that is the same."""
    spellings = found.get(normalise(wire), [])
    return wire if wire in spellings else next(iter(spellings), None)


def fingerprint(names: Iterable[str]) -> str:
    """A digest of the names on the wire; it changes when the source's schema does."""
    return hashlib.sha256("\n".join(sorted(set(names))).encode("utf-8", "surrogatepass")).hexdigest()


def safe(name: str) -> str:
    """A wire name as it may be kept and shown. A file without a header has values where names should be."""
    if not name.strip():
        return "(no name)"
    if _LIKELY_VALUE.search(unicodedata.normalize("NFKC", name)) or len(name) > _LONGEST_NAME:
        return f"({len(name)} characters that look like a value)"
    return name


def shown(name: str) -> str:
    return repr(name) if safe(name) == name else safe(name)


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(shown(name) for name in names[:_MOST_NAMES]) + more


def lacking(
    contract: Contract, where: str, absent: Sequence[Wanted], found: Sequence[str], is_any_there: bool
) -> tuple[Missing, ...]:
    """The columns that did not arrive, to be judged as drift, with the nearest of the names that did.

    Raises DataError when the contract wants no batch without them; always when none of its columns is there, for
    that is another table, and when a drop rule could not see what must not pass.
    """
    spare = [name for name in found if normalise(name) not in expected_names(contract)]
    gone = []
    for column in absent:
        near = _nearest(column.wires, spare)
        expected = " and " if column.is_joined else " or "
        name = f"rule that drops {column.reason} rows" if column.reason else column.name
        gone.append(
            Missing(
                name, expected.join(map(repr, column.wires)), shown(near) if near else "", column.is_required
            )
        )
    is_unguarded = any(column.reason for column in absent)
    if contract.drift.missing_columns != "fail" and is_any_there and not is_unguarded:
        return tuple(gone)
    lines = [
        f"  {each.column}: expected {each.expected}{f'; nearest found: {each.nearest}' if each.nearest else ''}"
        for each in gone
    ]
    what = "1 column is" if len(absent) == 1 else f"{len(absent)} columns are"
    raise DataError(
        f"{where}: {what} missing among {len(found)} found\n" + "\n".join(lines),
        next_step=f"ask the source what changed; a new name becomes a synonym in {contract.path or 'the contract'}",
    )


def _nearest(wires: Sequence[str], found: Sequence[str]) -> str | None:
    scored = [
        (difflib.SequenceMatcher(None, normalise(wire), normalise(name)).ratio(), name)
        for wire in wires
        for name in found
    ]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= _RESEMBLANCE else None


def refuse_forbidden_names(contract: Contract, names: Iterable[str], where: str) -> None:
    """Raise DataRefused when a name is, or has as one of its words, a name the contract forbids.

    Objects of GA/T 1400 are forbidden in every feed. `snapshotUrl`, `face_image` and `location.plate` have words; Chinese has none, so any part of it counts.
    """
    problems = []
    for name in sorted(set(names)):
        if _IS_IMAGE_OBJECT.fullmatch(name.rpartition(".")[2]):
            problems.append(f"{shown(name)} (an object of GA/T 1400)")
            continue
        for term in contract.forbidden_columns:
            if _is_named(term, name):
                problems.append(f"{shown(name)} (forbidden: {term})")
                break
    if problems:
        raise DataRefused(
            f"{where}: {len(problems)} forbidden column(s): " + ", ".join(problems[:_MOST_NAMES]),
            next_step="nothing of this batch may be kept; ask the source to leave them out",
        )


def _is_named(term: str, name: str) -> bool:
    if normalise(term) == normalise(name):
        return True
    if _HAN.search(term):
        return normalise(term) in normalise(name)
    return f" {_words(term)} " in f" {_words(name)} "


def _words(name: str) -> str:
    words = (word.casefold() for word in _WORDS.findall(unicodedata.normalize("NFKC", name)))
    return " ".join(word.removesuffix("s") for word in words)


def refuse_image_objects(text: bytes, where: str) -> None:
    """Raise DataRefused when JSON has an object of GA/T 1400, at any depth; a quick look, for every feed."""
    if (b"Object" in text or b"SubImageList" in text) and (found := _NAMES_IMAGE_OBJECT.search(text)):
        raise DataRefused(
            f"{where}: holds {found[0].decode().strip(' :')}, an object of GA/T 1400; images of people and vehicles "
            "are never taken",
            next_step="nothing of this batch may be kept; this is no source for the urban brain",
        )


def refuse_forbidden_values(contract: Contract, text: str, where: str) -> None:
    """Raise DataRefused when a part shows a kind of value the contract forbids."""
    if not contract.forbidden_values:
        return
    from pipelines import privacy

    if found := privacy.forbidden_values(text, contract.forbidden_values):
        raise DataRefused(
            f"{where}: shows values nobody may keep: {', '.join(found)}",
            next_step="nothing of this batch may be kept; ask the source to leave them out",
        )
