"""The gate for tests that want a batch's good rows however many are bad: a person said so beforehand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipelines import contract, run
from pipelines.decisions import batches
from pipelines.receipt import Receipt


def let_in(landed: str) -> str:
    """Judge a landed batch that is approved, whatever its share of bad rows; returns the validated folder."""
    receipt = Receipt.read(Path(landed))
    version = contract.load(receipt.feed_id).version
    decided_at = datetime(2026, 11, 1, tzinfo=UTC)
    batches.write(
        batches.BatchDecision(
            receipt.feed_id,
            receipt.batch_id,
            version,
            batches.APPROVED,
            decided_at,
            "desk",
            "a test",
            batches.COMMAND_LINE,
        )
    )
    return run.gate(landed)
