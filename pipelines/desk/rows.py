"""Rows of quarantine as the lake has them, and which of them are settled: true also between two loads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import lake
from pipelines.database import literal
from pipelines.decisions import discards
from pipelines.lake import CORRECTIONS, RECEIPT, ROWS, Window, batches
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OPEN, CORRECTED, RETURNED, DISCARDED = "open", "corrected", "returned", "discarded"
_DIGITS = 12


def digest(feed: str, received: str = "received", number: str = "_row_number") -> str:
    """SQL for the check digits of a row of one batch; rows of the same content there are told apart by their order."""
    same = f"row_number() over (partition by {received} order by {number})"
    return f"left(sha256(concat_ws(chr(10), {feed}, {received}, {same})), {_DIGITS})"


@dataclass(frozen=True)
class Bad:
    """One row of quarantine."""

    feed_id: str
    window: Window
    batch_id: str
    row_number: int
    row_digest: str
    landed_at: datetime
    business_key: str
    street_code: str | None
    reasons: list[dict[str, Any]]
    received: dict[str, str | None]

    @property
    def place(self) -> tuple[str, str, int]:
        return self.feed_id, self.batch_id, self.row_number


@dataclass(frozen=True)
class Settled:
    """What was done about a row, and where that is told."""

    state: str
    digest: str
    place: tuple[str, str, int]
    successor: tuple[str, int] | None = None
    """Batch and row number a returned row waits in."""


def find(
    connection: DuckDBPyConnection, feed_id: str, batch_ids: Iterable[str]
) -> dict[tuple[str, str, int], Bad]:
    """Every row that these batches of a feed left in quarantine, by its place."""
    found: dict[tuple[str, str, int], Bad] = {}
    for batch_id in sorted(set(batch_ids)):
        for folder in _folders("quarantine", feed_id, batch_id):
            receipt = Receipt.read(folder)
            rows = connection.execute(
                f"select _row_number, {digest(literal(feed_id))}, business_key, area_code, reasons, received "
                f"from read_parquet({literal(str(folder / ROWS))}) order by _row_number"
            ).fetchall()
            for number, digits, key, street, reasons, received in rows:
                bad = Bad(
                    feed_id, receipt.window, batch_id, number, digits, receipt.landed_at, key, street, reasons, json.loads(received),
                )  # fmt: skip
                found[bad.place] = bad
    return found


class Acts:
    """What was done about rows, in order, found by place and by content: as fast for the last row as for the first."""

    def __init__(self, done: Iterable[Settled]) -> None:
        self._of_place: dict[tuple[str, str, int], tuple[int, Settled]] = {}
        self._of_content: dict[str, list[tuple[int, Settled]]] = {}
        for number, act in enumerate(done):
            self._of_place[act.place] = number, act
            self._of_content.setdefault(act.digest, []).append((number, act))

    def on(self, bad: Bad) -> Settled | None:
        """What settled a row: the last act on itself, or on a row of the same content."""
        own = (bad.batch_id, bad.row_number)
        found = [self._of_place[bad.place]] if bad.place in self._of_place else []
        for each in reversed(self._of_content.get(bad.row_digest, [])):
            if (
                each[1].successor != own
            ):  # not the act this very row came of: it was sent back with the same content
                found.append(each)
                break
        return max(found, key=lambda each: each[0])[1] if found else None


def settled(connection: DuckDBPyConnection, feed_id: str) -> Acts:
    """Everything that was done about rows of a feed."""
    done = [
        Settled(DISCARDED, digits, (feed_id, each.batch_id, number))
        for each in discards.read()
        if each.feed_id == feed_id
        for number, digits in zip(each.row_numbers, each.row_digests, strict=True)
    ]
    for folder in sent_back(feed_id):
        bad = lake.same_batch(folder, "quarantine") / ROWS
        rows = connection.execute(
            "select sent._row_number, batch_id, row_number, row_digest, bad._row_number is not null "
            f"from read_parquet({literal(str(folder / CORRECTIONS))}) as sent "
            f"left join read_parquet({literal(str(bad))}) as bad using (_row_number) order by all"
        ).fetchall()
        own = folder.name.removeprefix("batch=")
        done += [
            Settled(RETURNED if is_bad else CORRECTED, digits, (feed_id, batch_id, number), (own, place))
            for place, batch_id, number, digits, is_bad in rows
        ]
    return Acts(done)


def sent_back(feed_id: str = "*") -> list[Path]:
    """Validated folders of the batches that offices sent."""
    folders = (
        path.parent for path in (lake.lake() / "validated").glob(f"{feed_id}/window=*/batch=*/{CORRECTIONS}")
    )
    return sorted(folder for folder in folders if (folder / RECEIPT).exists())


def _folders(stage: lake.Stage, feed_id: str, batch_id: str) -> list[Path]:
    if (
        not batch_id.isalnum() or not feed_id.replace("_", "").isalnum()
    ):  # it came on a sheet, and a path is made of it
        return []
    return [folder for folder in batches(stage, feed_id) if folder.name == f"batch={batch_id}"]
