"""The bytes a row arrived in: where its batch landed, whether they are still there, and the row as it was received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines import lake
from pipelines.contract.model import Contract
from pipelines.database import literal, memory, quoted
from pipelines.errors import DataError, SettingError
from pipelines.receipt import Receipt
from pipelines.tracing.links import Row

KEPT = "kept"
"""What is said of bytes that are still there."""
_MOST = 50
"""So many rows of a batch are told as they were received."""


def find(feed: Contract, batch: Row, key: str) -> None:
    """Add where the batch landed, and the checksum of what was received."""
    from pipelines.stages import landing

    window = lake.Window(batch["window_start"], batch["window_end"])
    of_batch = lake.Batch(feed.feed_id, window, batch["batch_id"])
    folder = of_batch.folder("landing")
    batch["landed"] = str(folder)
    if feed.is_reduced:
        batch["row_numbers"] = _summed_up(feed, of_batch, key) or batch["row_numbers"]
    try:
        receipt = Receipt.read(folder)
    except (FileNotFoundError, DataError):
        batch |= {"parts": [], "bytes": "are gone: the folder of the landed batch is not there"}
        return
    batch["parts"] = [
        {"name": part.name, "bytes": part.size, "sha256": part.sha256} for part in receipt.parts
    ]
    since = receipt.details.get(landing.EXPIRED)
    batch["bytes"] = f"were deleted on {since[:10]}, when their retention had ended" if since else KEPT


def add(feeds: Mapping[str, Contract], records: Sequence[Row]) -> None:
    """Add the rows as they were received to each batch whose bytes are kept; a batch is read once."""
    from pipelines.stages import staging

    together: dict[tuple[str, str], list[Row]] = {}
    for record in records:
        for batch in record["batches"]:
            if batch["bytes"] == KEPT:
                together.setdefault((record["feed"], batch["landed"]), []).append(batch)
    for (feed_id, landed), batches in together.items():
        wanted = sorted({number for batch in batches for number in batch["row_numbers"][:_MOST]})
        try:
            rows = staging.received(feeds[feed_id], Path(landed), wanted)
        except (DataError, SettingError) as error:
            for batch in batches:
                batch["bytes"] = f"cannot be read: {error.message}"
            continue
        for batch in batches:
            batch["received"] = [row for row in rows if row["_row_number"] in batch["row_numbers"]]


def _summed_up(feed: Contract, batch: lake.Batch, key: str) -> list[int]:
    """The numbers of the rows that a row of a reduced feed sums up."""
    path = Path(batch.folder("validated")) / lake.ROWS
    if not path.is_file():
        return []
    shown = " || '/' || ".join(f"{quoted(name)}::varchar" for name in feed.key)
    connection = memory()
    try:
        found = connection.execute(
            f"select flatten(list(_row_numbers)) from read_parquet({literal(str(path))}) where {shown} = ?",
            [key],
        ).fetchone()
    finally:
        connection.close()
    return sorted(found[0]) if found and found[0] else []
