"""One window of one feed: pulled, typed, judged. Any number at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import held, lake, settings
from pipelines.contract.model import Contract
from pipelines.decisions import batches as decided
from pipelines.errors import BatchHeld, BatchRejected, DataError, DataRefused
from pipelines.receipt import Receipt
from pipelines.run.windows import Instant, instant, window
from pipelines.telling import stages as telling

ROW_EQUATION = ("received", "validated", "quarantined", "duplicate", "refused")


def land(
    feed_id: str,
    start: Instant,
    end: Instant | None = None,
    as_of: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Pull one window of a feed and return the folder of what landed.

    `as_of` is the instant the pull claims to happen at, for replays; now when not given.
    Raises FeedError when the source misbehaves, DataRefused when the same content was refused before.
    """
    from pipelines.stages import landing

    feed = contracts.load(feed_id)
    landed_at = instant(as_of, ZoneInfo(feed.timezone)).astimezone(UTC) if as_of else settings.now()
    asked = window(feed, start, end)
    with telling.landing(feed, asked) as tell:
        folder = landing.land(feed, asked, landed_at, settings.server(), progress)
        tell(folder)
        raise_if_refused(folder)
    return str(folder)


def gate(landed: str) -> str:
    """Type and judge one landed batch and return the folder of its validated rows.

    A batch judged before under the same contract is left as it is; so is one, under an older contract, that today's
    would hold, until somebody decides. Raises BatchHeld when a person has to decide, BatchRejected when one keeps the
    batch out, DataError when it is unreadable, DataRefused when it shows what must not be kept: its bytes are gone
    then, the refusal recorded.
    """
    receipt = Receipt.read(Path(landed))
    with lake.alone(receipt.batch):
        return _gate(Path(landed), receipt)


def _gate(folder: Path, receipt: Receipt) -> str:
    from pipelines.stages import gate as gates
    from pipelines.stages import landing, staging

    feed = contracts.load(receipt.feed_id)
    decision = decided.about(feed.feed_id, receipt.batch_id, feed.version)
    if decision and decision.decision == decided.REJECTED:
        _forget(receipt.batch)
        raise BatchRejected(
            f"{feed.feed_id}: batch {receipt.batch_id} was rejected by {decision.decided_by} via {decision.via}: "
            f"{decision.reason}",
            next_step=f"`urbanbrain held approve {receipt.batch_id}` lets its good rows in after all",
        )
    validated = receipt.batch.folder("validated")
    if is_judged(receipt.batch, feed):
        _hold_no_longer(receipt.batch, decision)
        return str(validated)
    if decision is None and (waiting := _waiting(receipt.batch, feed)):
        raise held.waits(waiting)
    staged = receipt.batch.folder("staged")
    shutil.rmtree(staged, ignore_errors=True)
    with telling.judging(feed, receipt):
        try:
            staging.stage(feed, folder)
        except DataRefused as refusal:
            _forget(receipt.batch)
            landing.refuse(folder, feed, refusal.message, receipt.received)
            raise
        try:
            done = gates.gate(feed, staged, is_approved=decision is not None)
        except BatchHeld:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    _hold_no_longer(receipt.batch, decision)
    shutil.rmtree(staged, ignore_errors=True)
    return str(done)


def _waiting(batch: lake.Batch, feed: Contract) -> Receipt | None:
    """What is known of a batch that this very contract holds; judging it again would say the same."""
    folder = batch.folder("held")
    receipt = Receipt.read(folder) if (folder / lake.RECEIPT).exists() else None
    return receipt if receipt and receipt.contract_sha256 == feed.sha256 else None


def _hold_no_longer(batch: lake.Batch, decision: decided.BatchDecision | None) -> None:
    """Forget that a batch was held by an older contract, when today's lets it through without asking anybody."""
    folder = batch.folder("held")
    if decision is None and folder.exists() and held.read(folder).state != decided.APPROVED:
        lake.drop_folder(folder)


def is_judged(batch: lake.Batch, feed: Contract) -> bool:
    """Whether a batch was judged under this very contract, and both its files are still what was written."""
    import pyarrow
    import pyarrow.parquet

    for stage, rows in (("validated", "validated"), ("quarantine", "quarantined")):
        folder = batch.folder(stage)  # type: ignore[arg-type]
        try:
            receipt = Receipt.read(folder)
            written = pyarrow.parquet.read_metadata(folder / lake.ROWS).num_rows
        except (OSError, DataError, pyarrow.ArrowInvalid):
            return False
        counted = getattr(receipt, rows)
        is_whole = written <= counted if feed.is_reduced and stage == "validated" else written == counted
        if receipt.contract_sha256 != feed.sha256 or not is_whole:
            return False
    return True


def _forget(batch: lake.Batch) -> None:
    """Drop what was judged under an older contract."""
    lake.drop_folder(batch.folder("validated"))
    lake.drop_folder(batch.folder("quarantine"))


def raise_if_refused(folder: Path) -> None:
    """Raise DataRefused when a folder holds no bytes, only why they are gone."""
    receipt = Receipt.read(folder)
    if receipt.stage == "refused":
        raise DataRefused(
            f"{receipt.feed_id}: this batch was refused before: {receipt.details.get('reason')}",
            next_step="ask the source to leave it out; the bytes were deleted",
        )


def counts(folder: str) -> dict[str, Any]:
    """The row counts of a batch, small enough to travel with an asset event."""
    receipt = Receipt.read(Path(folder))
    return {
        "feed_id": receipt.feed_id,
        "batch_id": receipt.batch_id,
        "window_start": receipt.window.start.isoformat(),
        "window_end": receipt.window.end.isoformat(),
        **{name: getattr(receipt, name) for name in ROW_EQUATION},
    }


def run(
    feed_id: str,
    start: Instant,
    end: Instant | None = None,
    as_of: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Land and judge one window of a feed; returns its counts."""
    return counts(gate(land(feed_id, start, end, as_of, progress)))
