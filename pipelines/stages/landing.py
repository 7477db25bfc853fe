"""Landing: bytes as received, parts and a receipt, whole or not at all.

What the bytes mean is staging's work. A batch is named after its content: the same answers to the same window
give the same folder, and leave it as it is.

A source that answers "not modified" (304) has sent the previous batch's bytes again; they are copied, so that
each batch stands alone and expires alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import settings
from pipelines.connectors import Pulled, Validators, pull
from pipelines.connectors.pulling import Progress
from pipelines.contract.model import Contract, Server
from pipelines.errors import ContractError, DataError, SettingError
from pipelines.lake import (
    RECEIPT,
    Batch,
    Window,
    batches,
    drop_folder,
    new_folder,
    same_batch,
    scratch_folder,
)
from pipelines.parts import PartWriter, landing_key, read_part
from pipelines.receipt import CENSUS, CORRECTION, SOURCE, Part, Receipt

EXPIRED = "expired_at"
AHEAD = timedelta(days=1)
"""How far past its window a census asks. What changed between the window's end and the pull would be in no window of
the source's times before it, and would seem gone."""


def land(
    contract: Contract,
    window: Window,
    landed_at: datetime,
    server_name: str | None = None,
    progress: Progress | None = None,
    origin: str = SOURCE,
) -> Path:
    """Pull one window and keep it; returns the batch's folder, an older one when it held the same bytes.

    Bytes this very contract refused before are not kept again: then the folder of the refusal is returned.
    Raises FeedError, ContractError or SettingError, and leaves nothing behind.
    """
    server = _server(contract, server_name or settings.server())
    with scratch_folder("landing", contract.feed_id) as scratch:
        writer = PartWriter(scratch, landing_key(contract))
        pulled = _pull(contract, server, window, writer, progress, origin)
        batch = Batch(contract.feed_id, window, _batch_id(contract, window, writer.parts, origin))
        refusal = batch.folder("refused")
        if _is_written(refusal):
            if Receipt.read(refusal).contract_sha256 == contract.sha256:
                drop_folder(batch.folder("landing"))  # a refusal that was cut short between its two steps
                return refusal
            drop_folder(refusal)  # the contract changed; the gate decides anew
        return _keep(
            scratch, writer, batch, contract, landed_at, origin, pulled.rows or 0, _details(server, pulled), pulled.warnings
        )  # fmt: skip


def land_corrections(
    contract: Contract,
    window: Window,
    landed_at: datetime,
    rows: Sequence[dict[str, Any]],
    details: dict[str, Any],
) -> Path:
    """Keep rows an office sends back, as a batch of the window they came in; returns its folder.

    The same rows corrected the same way are the same batch. `details` say who corrected them and why, masked.
    """
    content = json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()
    with scratch_folder("landing", contract.feed_id) as scratch:
        writer = PartWriter(scratch, landing_key(contract))
        writer(content, "json")
        batch = Batch(contract.feed_id, window, _batch_id(contract, window, writer.parts, CORRECTION))
        refusal = batch.folder("refused")
        if _is_written(refusal):
            drop_folder(refusal)  # whoever sends it again wants it judged again
        told = {**details, "is_counted": True, "bytes": len(content)}
        return _keep(scratch, writer, batch, contract, landed_at, CORRECTION, len(rows), told)


def _keep(
    scratch: Path,
    writer: PartWriter,
    batch: Batch,
    contract: Contract,
    landed_at: datetime,
    origin: str,
    received: int,
    details: dict[str, Any],
    warnings: Sequence[str] = (),
) -> Path:
    """Move what was written to the batch's folder, with its receipt; a batch that is there and whole stays as it is."""
    target = batch.folder("landing")
    if _is_written(target) and not _is_whole(target, landing_key(contract)):
        drop_folder(target)
    with new_folder(target) as folder:
        for part in writer.parts:
            (scratch / part.name).rename(folder / part.name)
        Receipt(
            stage="landing",
            feed_id=contract.feed_id,
            window=batch.window,
            batch_id=batch.batch_id,
            landed_at=landed_at,
            contract_version=contract.version,
            contract_sha256=contract.sha256,
            origin=origin,
            parts=tuple(writer.parts),
            received=received,
            warnings=tuple(warnings),
            details=details,
        ).write(folder)
    return target


def _is_whole(folder: Path, key: bytes | None) -> bool:
    """Whether what was landed before can still be read; parts may have expired, or a disk may have lost them."""
    try:
        receipt = Receipt.read(folder)
        for part in receipt.parts:
            read_part(folder, part, key)
    except (DataError, SettingError):
        return False
    return EXPIRED not in receipt.details


def refuse(folder: Path, contract: Contract, reason: str, rows: int) -> Path:
    """Delete a landed batch and record why; returns the folder of the refusal.

    The refusal is written first: whenever it is cut short, calling it again ends the work.
    `reason` is stored and shown, so it names columns and rules, never values.
    """
    refusal = same_batch(folder, "refused")
    if not _is_written(refusal):
        landed = Receipt.read(folder)
        with new_folder(refusal) as temporary:
            replace(
                landed,
                stage="refused",
                contract_version=contract.version,
                contract_sha256=contract.sha256,
                received=rows,
                refused=rows,
                details={**landed.details, "reason": reason},
            ).write(temporary)
    drop_folder(same_batch(folder, "landing"))
    return refusal


def expire(contract: Contract, now: datetime, dry_run: bool = False) -> list[Path]:
    """Delete landed parts older than the contract's retention; the receipt stays and says so.

    Returns the folders whose parts went, or would go when `dry_run`. Staging what expired is a DataError;
    landing the window again brings it back when the source still has it.
    """
    if contract.retention is None:
        return []
    old = []
    for folder in batches("landing", contract.feed_id):
        receipt = Receipt.read(folder)
        paths = [path for part in receipt.parts if (path := folder / part.name).exists()]
        if receipt.landed_at + contract.retention > now or (EXPIRED in receipt.details and not paths):
            continue
        old.append(folder)
        if dry_run:
            continue
        if EXPIRED not in receipt.details:
            replace(receipt, details={**receipt.details, EXPIRED: now.isoformat()}).write(folder)
        for path in paths:
            path.unlink()
    return old


def _server(contract: Contract, name: str) -> Server:
    try:
        return contract.server(name)
    except KeyError:
        known = ", ".join(server.name for server in contract.servers) or "none"
        raise ContractError(
            f"{contract.path}: no server {name!r} to pull from; it has {known}",
            next_step="add the server to the contract, or set URBANBRAIN_SERVER to one it has",
        ) from None


def _pull(
    contract: Contract,
    server: Server,
    window: Window,
    writer: PartWriter,
    progress: Progress | None,
    origin: str,
) -> Pulled:
    ahead = AHEAD if origin == CENSUS else timedelta()
    previous = _previous(contract) if server.connector == "file" else None
    validators = None
    if previous:
        details = Receipt.read(previous).details
        validators = Validators(details["request_id"], details["etag"], details["last_modified"])
    pulled = pull(contract, server, window, writer, previous=validators, progress=progress, ahead=ahead)
    if not (pulled.is_not_modified and previous):
        return pulled
    receipt = Receipt.read(previous)
    try:
        for part in receipt.parts:
            writer(read_part(previous, part, landing_key(contract)), server.format)
    except (DataError, SettingError):  # the earlier bytes went or were sealed with another key: ask for them
        writer.back_to(0)
        return pull(contract, server, window, writer, progress=progress, ahead=ahead)
    pulled.rows = receipt.received if receipt.details["is_counted"] else None
    pulled.bytes = sum(part.size for part in receipt.parts)
    pulled.reported_total = receipt.details["reported_total"]
    return pulled


def _previous(contract: Contract) -> Path | None:
    """The newest landed batch that could be reused if the source has nothing new."""
    for folder in reversed(batches("landing", contract.feed_id)):
        details = Receipt.read(folder).details
        if EXPIRED not in details and (details.get("etag") or details.get("last_modified")):
            return folder
    return None


def _batch_id(contract: Contract, window: Window, parts: list[Part], origin: str) -> str:
    words = [
        contract.feed_id,
        window.start.isoformat(),
        window.end.isoformat(),
        *([origin] if origin != SOURCE else []),
        *(part.sha256 for part in parts),
    ]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _details(server: Server, pulled: Pulled) -> dict[str, Any]:
    return {
        "server": server.name,
        "source": pulled.source,
        "request_id": pulled.request_id,
        "bytes": pulled.bytes,
        "is_counted": pulled.rows is not None,
        "reported_total": pulled.reported_total,
        "content_type": pulled.content_type,
        "encoding_declared": pulled.charset,
        "etag": pulled.etag,
        "last_modified": pulled.last_modified,
        "source_date": pulled.source_date,
        "is_not_modified": pulled.is_not_modified,
        "http_attempts": pulled.attempts,
        "http_failures": pulled.failures,
        "passes": pulled.passes,
    }


def _is_written(folder: Path) -> bool:
    return (folder / RECEIPT).exists()
