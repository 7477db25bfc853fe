"""Whether two records are one problem, as a person sees it; read into `ops.link_decisions` by every build."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import decisions, operations

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KIND = "links"
ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True)
class LinkDecision:
    """One decision about two records, each named by its feed and its number there."""

    one_feed: str
    one_id: str
    other_feed: str
    other_id: str
    decision: str
    decided_at: datetime
    decided_by: str
    reason: str

    def __post_init__(self) -> None:
        if self.decision not in (ACCEPTED, REJECTED):
            raise ValueError(self.decision)
        if not all(isinstance(value, str) for name, value in vars(self).items() if name != "decided_at"):
            raise TypeError("a decision about links holds texts")


def write(connection: DuckDBPyConnection, decision: LinkDecision) -> Path:
    """Keep a decision, its words masked. The same one written again is the same file."""
    return decisions.write(connection, KIND, decision)


def load(connection: DuckDBPyConnection) -> int:
    """Fill `ops.link_decisions` with what the lake holds; returns how many. Raises DataError as `decisions.read`."""
    found = decisions.read(KIND, LinkDecision)
    operations.fill(connection, "ops.link_decisions", [asdict(each) for each in found])
    return len(found)
