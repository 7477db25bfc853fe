"""Landed bytes become typed rows, after privacy. What leaves here holds no personal value.

A batch is read, typed and written: how rows are typed is told in `typed_rows.py`, and in `corrected_rows.py` for rows
an office sends back. Rows the contract does not want are refused and exact repetitions are set aside, each by its
number.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import database, drift, parts, privacy, readers, settings, values
from pipelines.areas import places
from pipelines.contract.model import Contract
from pipelines.corrected_rows import CorrectedRows, as_shown
from pipelines.database import literal, quoted
from pipelines.errors import DataError
from pipelines.lake import new_folder
from pipelines.provenance import inputs
from pipelines.readers import corrections
from pipelines.receipt import CORRECTION, Part, Receipt
from pipelines.typed_rows import TypedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def stage(contract: Contract, landed: Path) -> Path:
    """Type one landed batch and return its staged folder.

    The staged `rows.parquet` has `_row_number` (from 1, in the order received), every stored column typed, a
    text column `<name>__bad` with what could not be read, `_received` with the texts before typing (after
    privacy), `_dq_flags` with what was mended, and the area columns. `set_aside.parquet` names the rows that
    were refused or are exact repetitions. Of rows an office sent back, `corrections.parquet` says what they correct.

    Raises DataError when the batch cannot be read at all, DataRefused when it shows what must not be kept.
    """
    receipt = Receipt.read(landed)
    target = receipt.batch.folder("staged")
    is_correction = receipt.origin == CORRECTION
    with _opened(contract, landed, receipt) as (read, rows):
        if receipt.details.get("is_counted") and receipt.received != read.rows:
            raise DataError(
                f"{contract.feed_id}: {receipt.received:,} records were landed, {read.rows:,} can be read from them",
                next_step="look at the landed parts; nothing of the batch was validated",
            )
        rows.clean()
        rows.type()
        rows.resolve_area()
        suspicions = [] if is_correction else places.suspicions(rows.connection, contract, "located")
        duplicate, refused = rows.set_aside()
        drifts = [] if is_correction else [*drift.of_header(contract, read), *rows.drift(read)]
        drift.refuse(contract, drifts)
        with new_folder(target) as folder:
            rows.write(folder)
            replace(
                receipt,
                stage="staged",
                contract_version=contract.version,
                contract_sha256=contract.sha256,
                parts=(),
                received=read.rows,
                duplicate=duplicate,
                refused=refused,
                warnings=(
                    *receipt.warnings,
                    *read.warnings,
                    *drift.warnings(read, drifts),
                    *suspicions,
                    *rows.wrong_totals(),
                ),
                holds=(*receipt.holds, *drift.holds(drifts)),
                details={
                    **receipt.details,
                    "encoding_actual": read.encoding_actual,
                    "fingerprint": read.fingerprint,
                    inputs.JUDGED_WITH: inputs.judging(contract),
                    "unknown_columns": sorted(read.unknown),
                    **drift.keep(drifts),
                },
            ).write(folder)
    return target


def received(contract: Contract, landed: Path, row_numbers: Sequence[int]) -> list[dict[str, str | int]]:
    """Rows of a landed batch as they were received, by column; what is nothing is left out.

    Of a feed with personal columns the texts are those after privacy, and columns that are dropped are not there.
    Of rows an office sent back, they are what it sent: its corrections among what stood in quarantine.
    Raises DataError when the batch cannot be read, or its bytes are gone.
    """
    with _opened(contract, landed, Receipt.read(landed)) as (_, rows):
        if not any(column.fill_down for column in contract.columns):  # such a column needs the rows before
            rows.connection.execute(
                "delete from received where not list_contains(?, _row_number)", [list(row_numbers)]
            )
        names = ", ".join(f"{literal(column.name)}: {quoted(column.name)}" for column in rows.given)
        query = f"select _row_number, {{{names}}} as texts from received"
        if contract.is_personal:
            rows.clean()
            rows.type()
            rows.resolve_area()
            query = f"select _row_number, {rows.texts(rows.given)} as texts from located join cleaned using (_row_number)"
        found = rows.connection.execute(
            f"select _row_number, texts from ({query}) where list_contains(?, _row_number) order by _row_number",
            [list(row_numbers)],
        ).fetchall()
    return [
        {"_row_number": number, **{name: str(text) for name, text in texts.items() if text is not None}}
        for number, texts in found
    ]


@contextmanager
def _opened(contract: Contract, landed: Path, receipt: Receipt) -> Iterator[tuple[readers.Read, TypedRows]]:
    """A landed batch, read into `received` in a database of its own: what the reader found, and the rows to type."""
    key = parts.landing_key(contract)
    contents = [(part.name, _loader(landed, part, key)) for part in receipt.parts]
    connection = database.memory()
    # DuckDB would make a join of each `in` of a few words: one or two a column, more work for a small batch than all else.
    connection.execute("set disabled_optimizers = 'in_clause'")
    try:
        privacy.install(connection, settings.secret(contract.caller_secret) if contract.caller_secret else "")
        kind = TypedRows
        if receipt.origin == CORRECTION:
            read = corrections.read(connection, contents, contract)
            kind, contract = CorrectedRows, as_shown(contract)
        else:
            server = contract.server(receipt.details.get("server") or settings.server())
            read = readers.read(connection, contents, contract, server)
        values.install(connection)
        mended = frozenset(flag for flags in read.flags.values() for flag in flags)
        yield read, kind(contract, receipt.window, receipt.landed_at, connection, mended)
    finally:
        connection.close()


def _loader(folder: Path, part: Part, key: bytes | None) -> Callable[[], bytes]:
    return lambda: parts.read_part(folder, part, key)
