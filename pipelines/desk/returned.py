"""A correction sheet that came back: from Excel, WPS or LibreOffice, whole or in part, sorted, saved as CSV.

Only two things of it count: the identity of each row and what was written into the columns of corrections. Locked
cells are never read, so what somebody changed there changes nothing. Names are found, never positions.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.desk.sheets import CORRECTION, DESK, GUIDE, REASON, ROW_ID
from pipelines.errors import CommandError, DataError
from pipelines.readers import columns

_MOST_BYTES = 50_000_000
_MOST_ROWS = 100_000
_EMPTY = ("空", "（空）", "(空)", "(empty)", "empty")
"""What people write where nothing should stand."""
_IDENTITY = re.compile(r"'?([a-z0-9_]+)/([0-9a-f]+)/([0-9]+)/([0-9a-f]+)")
_ENCODINGS = ("utf-8-sig", "gb18030")
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Returned:
    """One row of a sheet: who it says it is, and what was written into it; None where nothing should stand."""

    where: str
    feed_id: str
    batch_id: str
    row_number: int
    row_digest: str
    corrected: dict[str, str | None]


@dataclass(frozen=True)
class ReturnedSheet:
    """What a file says. `unreadable` are places of rows whose identity is none of ours."""

    rows: list[Returned] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    desk: str = ""
    reason: str = ""


def read(path: Path) -> ReturnedSheet:
    """Read a returned sheet. Raises DataError when it is none, is damaged, or tries what no sheet should."""
    if path.is_symlink() or not path.is_file():
        raise CommandError(f"{path.name} is no file", next_step="give the sheet itself")
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DataError(
            f"the sheet has {size:,} bytes, at most {_MOST_BYTES:,} are read",
            next_step="send the rows that were corrected, without pictures",
        )
    content = path.read_bytes()
    found = _of_workbook(content) if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")) else _of_csv(content)
    if not found.rows and not found.unreadable:
        raise DataError(
            f"the sheet has no row with an identity in a column {ROW_ID!r}, as every correction sheet has",
            next_step="export it anew with `urbanbrain quarantine export`; 请重新导出更正表后填写",
        )
    return found


def _of_workbook(content: bytes) -> ReturnedSheet:
    from pipelines.readers import xlsx_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = xlsx_workbook.sheets(content, "the sheet")
    found = ReturnedSheet()
    desk = reason = ""
    for title, sheet in book.items():
        if title == GUIDE:
            labels = {text: place for place, text in sheet.texts.items() if place[1] == 1}
            desk, reason = (
                sheet.texts.get((labels[label][0], 2), "") if label in labels else ""
                for label in (DESK, REASON)
            )
            continue
        lines: dict[int, dict[int, str]] = {}
        for (row, column), text in sheet.texts.items():
            lines.setdefault(row, {})[column] = text
        _take(found, title, sorted(lines.items()))
    return ReturnedSheet(found.rows, found.unreadable, desk.strip(), reason.strip())


def _of_csv(content: bytes) -> ReturnedSheet:
    text = _decoded(content)
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    found = ReturnedSheet()
    csv.field_size_limit(1_000_000)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise DataError(
            "the sheet is no CSV file that can be read",
            next_step="open it in a spreadsheet program and save it again",
        ) from None
    _take(found, "", ((number, dict(enumerate(cells, 1))) for number, cells in enumerate(lines, 1)))
    return found


def _decoded(content: bytes) -> str:
    encodings: Sequence[str] = _ENCODINGS
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(
        "the sheet is neither a workbook (.xlsx) nor text in UTF-8 or GB18030",
        next_step="save it as .xlsx or as CSV, without a password",
    )


def _take(found: ReturnedSheet, title: str, lines: Iterable[tuple[int, dict[int, str]]]) -> None:
    """Rows below each header; a CSV may hold one feed's after the other's, each under its own header."""
    identity, corrections = 0, {}
    for number, cells in lines:
        where = f"{columns.safe(title) if title else ''} {number}".strip()
        names = {column: _name(text) for column, text in cells.items()}
        if ROW_ID in names.values():
            identity = next(column for column, name in names.items() if name == ROW_ID)
            corrections = {
                column: name
                for column, name in names.items()
                if cells[column].strip().startswith(CORRECTION) and name
            }
            if len(set(corrections.values())) < len(corrections):
                raise DataError(
                    f"{where}: a column of corrections stands there twice",
                    next_step="nobody can know which one counts; remove one of them",
                )
            continue
        if not identity or not any(text.strip() for text in cells.values()):
            continue
        match = _IDENTITY.fullmatch(cells.get(identity, "").strip())
        if len(found.rows) + len(found.unreadable) >= _MOST_ROWS:
            raise DataError(f"the sheet has more than {_MOST_ROWS:,} rows", next_step="send it in parts")
        if match is None or len(match[3]) > 15:
            found.unreadable.append(where)
            continue
        written = {
            name: _text(cells[column])
            for column, name in corrections.items()
            if cells.get(column, "").strip()
        }
        found.rows.append(Returned(where, match[1], match[2], int(match[3]), match[4], written))


def _name(header: str) -> str:
    words = header.split()
    return words[-1] if words else ""


def _text(cell: str) -> str | None:
    text = cell.strip()
    if text in _EMPTY:
        return None
    # An apostrophe keeps a spreadsheet program from computing; in a CSV it stands in the text.
    return text[1:] if text.startswith("'") and text[1:2] in ("=", "+", "-", "@") else text
