"""What a person decided about a batch that is held: its good rows come in, or nothing of it.

A decision is about bytes, for a batch is named after its content. It holds under every contract of the same major
version, so that judging again after a repair of the contract asks nobody twice; a new major version is a new promise,
and asks again. The newest decision about a batch holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines import database, decisions

KIND = "batches"
APPROVED, REJECTED = "approved", "rejected"
AIRFLOW, COMMAND_LINE = "airflow", "command line"


@dataclass(frozen=True)
class BatchDecision:
    """One decision about one batch, under one contract."""

    feed_id: str
    batch_id: str
    contract_version: str
    decision: str
    decided_at: datetime
    decided_by: str
    reason: str
    via: str

    def __post_init__(self) -> None:
        if self.decision not in (APPROVED, REJECTED):
            raise ValueError(self.decision)
        if not all(isinstance(value, str) for name, value in vars(self).items() if name != "decided_at"):
            raise TypeError("a decision about a batch holds texts")


def write(decision: BatchDecision) -> Path:
    """Keep a decision, its words masked. The same one written again is the same file."""
    connection = database.memory()
    try:
        return decisions.write(connection, KIND, decision)
    finally:
        connection.close()


def read() -> list[BatchDecision]:
    """Every decision about batches, oldest first. Raises DataError as `decisions.read`."""
    return decisions.read(KIND, BatchDecision)


def about(feed_id: str, batch_id: str, contract_version: str) -> BatchDecision | None:
    """The decision that holds for a batch under a contract of this version; files about other batches are not read."""
    return newest(decisions.read(KIND, BatchDecision, naming=batch_id), feed_id, batch_id, contract_version)


def newest(
    among: Iterable[BatchDecision], feed_id: str, batch_id: str, contract_version: str
) -> BatchDecision | None:
    """The one of these decisions that holds for a batch under a contract of this version."""
    holding = [
        each
        for each in among
        if (each.feed_id, each.batch_id) == (feed_id, batch_id)
        and is_same_promise(each.contract_version, contract_version)
    ]
    return max(holding, key=lambda each: (each.decided_at, each.decision), default=None)


def is_same_promise(version: str, other: str) -> bool:
    """Whether a decision under a contract of one version holds under one of the other."""
    return version.partition(".")[0] == other.partition(".")[0]
