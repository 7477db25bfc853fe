"""That rows of quarantine will not be corrected, and why; read into `ops.corrections` by every load and build."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import decisions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KIND = "discards"


@dataclass(frozen=True)
class Discard:
    """One decision about rows of one batch, each named by its number and its check digits."""

    feed_id: str
    batch_id: str
    row_numbers: list[int]
    row_digests: list[str]
    landed_at: str
    """When the batch was received."""
    decided_at: datetime
    decided_by: str
    reason: str

    def __post_init__(self) -> None:
        texts = (self.feed_id, self.batch_id, self.landed_at, self.decided_by, self.reason, *self.row_digests)
        if not all(isinstance(text, str) for text in texts) or len(self.row_numbers) != len(self.row_digests):
            raise TypeError("a discard holds texts, and check digits for each row")
        if datetime.fromisoformat(self.landed_at).tzinfo is None:
            raise ValueError(self.landed_at)


def write(connection: DuckDBPyConnection, discard: Discard) -> Path:
    """Keep a discard, its words masked. The same one written again is the same file."""
    return decisions.write(connection, KIND, discard)


def read() -> list[Discard]:
    """Every discard, oldest first. Raises DataError as `decisions.read`."""
    return decisions.read(KIND, Discard)
