"""Receipts: what a stage did to a batch, written last. Counts here are what the row equation is checked on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pipelines.errors import DataError
from pipelines.lake import RECEIPT, Batch, Window, write_file

SOURCE, CORRECTION, RE_PULL, CENSUS = "source", "correction", "re_pull", "census"


@dataclass(frozen=True)
class Part:
    """One file of a batch. `sha256` and `size` are of the bytes as received, before compression."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Hold:
    """One reason why a batch waits for a person, in both languages.

    Staging and the gate put them into their receipts; the gate holds a batch that has any. The words are shown in
    Airflow and kept in the ledger: they name columns, rules and counts, never a value that a row brought,
    and end without a full stop.
    """

    kind: str
    """What was passed: `rejected_share`, or how the shape changed."""
    text_en: str
    text_zh: str


@dataclass(frozen=True)
class Receipt:
    """One stage's word on one batch.

    received = validated + quarantined + duplicate + refused, all in rows.
    `landed_at` is when the pull ended; every later stage repeats it, so that rebuilding gives the same bytes.
    """

    stage: str
    feed_id: str
    window: Window
    batch_id: str
    landed_at: datetime
    contract_version: str
    contract_sha256: str
    origin: str = SOURCE
    """Who brought it: the source in its turn, an office that sent rows back, the source asked once more for its last
    days, or for all it holds."""
    parts: tuple[Part, ...] = ()
    received: int = 0
    validated: int = 0
    quarantined: int = 0
    duplicate: int = 0
    refused: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    """Broken rule → rows that break it (errors and warnings)."""
    warnings: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    """Why a person has to decide about the batch, or had to before its rows were let in."""
    details: dict[str, Any] = field(default_factory=dict)
    """What else the stage saw: encoding, etag, http attempts, schema fingerprint, reason of a refusal."""

    @property
    def batch(self) -> Batch:
        return Batch(self.feed_id, self.window, self.batch_id)

    @property
    def difference(self) -> int:
        """Rows the row equation cannot account for; anything but zero is a defect."""
        return self.received - self.validated - self.quarantined - self.duplicate - self.refused

    def write(self, folder: Path) -> None:
        """Write `receipt.json`; the last thing a stage does in a folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True, default=_instant)
        write_file(folder / RECEIPT, (text + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the receipt of a folder.

        Raises FileNotFoundError when there is none, DataError when it is not one of ours.
        """
        text = (folder / RECEIPT).read_text(encoding="utf-8", errors="replace")
        try:
            return cls._from(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{folder / RECEIPT} is not a receipt: {type(error).__name__}",
                next_step="remove its folder; the window can be landed and judged again",
            ) from None

    @classmethod
    def _from(cls, values: dict[str, Any]) -> Self:
        values["window"] = Window(
            *(datetime.fromisoformat(values["window"][key]) for key in ("start", "end"))
        )
        values["landed_at"] = datetime.fromisoformat(values["landed_at"])
        values["parts"] = tuple(Part(**part) for part in values["parts"])
        values["warnings"] = tuple(values["warnings"])
        values["holds"] = tuple(Hold(**hold) for hold in values.get("holds", ()))
        return cls(**values)


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"a receipt holds no {type(value).__name__}")
