"""What people decide. Input like a batch: written once, never rebuilt, read again by every load and build.

    lake/decisions/<kind>/<instant>-<digest>.json      one decision each; the last one about a thing holds

    links      whether two records are one problem
    batches    whether the good rows of a held batch come in
    discards   rows of quarantine that will not be corrected

A decision is a dataclass with at least `decided_at`, `decided_by` and `reason`; `decided_by` is a desk, not a person.
Both texts are masked before they are kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pipelines import lake, privacy
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Decision(Protocol):
    """What every decision has, whatever it is about."""

    @property
    def decided_at(self) -> datetime: ...
    @property
    def decided_by(self) -> str: ...
    @property
    def reason(self) -> str: ...


_Kind = TypeVar("_Kind", bound=Decision)


def root() -> Path:
    return lake.lake() / "decisions"


def folder(kind: str) -> Path:
    return root() / kind


def files(kind: str = "*") -> list[Path]:
    """Every decision of a kind there is, or of all kinds, oldest first."""
    return sorted(root().glob(f"{kind}/*.json"))


def write(connection: DuckDBPyConnection, kind: str, decision: Decision) -> Path:
    """Keep a decision, its words masked. The same one written again is the same file."""
    privacy.install(connection)
    by, reason = connection.execute(
        "select mask_text(?), mask_text(?)", [decision.decided_by, decision.reason]
    ).fetchone() or ("", "")
    values = asdict(decision) | {  # type: ignore[call-overload]  # a protocol cannot ask for a dataclass
        "decided_by": by,
        "reason": reason,
        "decided_at": decision.decided_at.isoformat(),
    }
    content = json.dumps(values, ensure_ascii=False, indent=1).encode() + b"\n"
    name = f"{lake.stamp(decision.decided_at)}-{sha256(content).hexdigest()[:10]}.json"
    lake.write_file(folder(kind) / name, content)
    return folder(kind) / name


def read(kind: str, of: type[_Kind], *, naming: str = "") -> list[_Kind]:
    """Every decision of a kind, oldest first. Raises DataError naming every file that is not one.

    `naming` reads only the files in which that text stands. A class says with ValueError or TypeError, from `__post_init__`, what it does not take.
    """
    found, problems = [], []
    for path in files(kind):
        try:
            text = path.read_text(encoding="utf-8")
            if naming in text:
                found.append(of(**_values(text, path)))
        except (ValueError, TypeError, KeyError) as error:
            problems.append(f"{path.name}: {type(error).__name__}, expected the fields of a decision")
    if problems:
        raise DataError(
            f"not every decision about {kind} can be read\n" + "\n".join(f"  {line}" for line in problems),
            next_step=f"restore or remove the files in {folder(kind)}, and build again",
        )
    return found


def _values(text: str, path: Path) -> dict[str, Any]:
    values = json.loads(text)
    decided_at = datetime.fromisoformat(values.pop("decided_at"))
    if decided_at.tzinfo is None:
        raise ValueError(path.name)
    return {**values, "decided_at": decided_at}
