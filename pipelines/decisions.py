"""What a person decides about two records, one problem or two. Input like a batch: written once, never rebuilt.

    lake/decisions/links/<instant>-<digest>.json      one decision each; the last one about a pair holds

A build reads all of them into `ops.link_decisions`; so a warehouse made from nothing knows them, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import lake, privacy
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE = """
create schema if not exists ops;
create table if not exists ops.link_decisions (
    one_feed varchar not null, one_id varchar not null, other_feed varchar not null, other_id varchar not null,
    decision varchar not null, decided_at timestamptz not null, decided_by varchar not null, reason varchar not null
);
"""
ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True)
class Decision:
    """One decision. `decided_by` is a desk, not a person; `reason` is masked before it is kept."""

    one_feed: str
    one_id: str
    other_feed: str
    other_id: str
    decision: str
    decided_at: datetime
    decided_by: str
    reason: str


def folder() -> Path:
    return lake.lake() / "decisions" / "links"


def files() -> list[Path]:
    """Every decision there is, oldest first."""
    return sorted(folder().glob("*.json"))


def write(connection: DuckDBPyConnection, decision: Decision) -> Path:
    """Keep a decision, its words masked. The same one written again is the same file."""
    privacy.install(connection)
    by, reason = connection.execute(
        "select mask_text(?), mask_text(?)", [decision.decided_by, decision.reason]
    ).fetchone() or ("", "")
    values = asdict(decision) | {
        "decided_by": by,
        "reason": reason,
        "decided_at": decision.decided_at.isoformat(),
    }
    content = json.dumps(values, ensure_ascii=False, indent=1).encode() + b"\n"
    name = f"{lake.stamp(decision.decided_at)}-{hashlib.sha256(content).hexdigest()[:10]}.json"
    lake.write_file(folder() / name, content)
    return folder() / name


def load(connection: DuckDBPyConnection) -> int:
    """Fill `ops.link_decisions` with what the lake holds; returns how many.

    Raises DataError naming every file that is not a decision.
    """
    found, problems = [], []
    for path in files():
        try:
            found.append(_read(path))
        except (ValueError, TypeError, KeyError) as error:
            problems.append(f"{path.name}: {type(error).__name__}, expected the fields of a decision")
    if problems:
        raise DataError(
            "not every decision about links can be read\n" + "\n".join(f"  {line}" for line in problems),
            next_step=f"restore or remove the files in {folder()}, and build again",
        )
    connection.execute(TABLE)
    connection.execute("delete from ops.link_decisions")
    if found:
        names = [field.name for field in fields(Decision)]
        connection.execute(
            f"insert into ops.link_decisions ({', '.join(names)}) select {', '.join(['unnest(?)'] * len(names))}",
            [[getattr(each, name) for each in found] for name in names],
        )
    return len(found)


def _read(path: Path) -> Decision:
    values = json.loads(path.read_text(encoding="utf-8"))
    decided_at = datetime.fromisoformat(values.pop("decided_at"))
    if decided_at.tzinfo is None or values["decision"] not in (ACCEPTED, REJECTED):
        raise ValueError(path.name)
    if not all(isinstance(value, str) for value in values.values()):
        raise TypeError(path.name)
    return Decision(decided_at=decided_at, **values)
