"""A correction sheet that came back: from Excel, WPS or LibreOffice, whole or in part, sorted, saved as CSV.

Only two things of it count: the identity of each row and what was written into the columns of corrections. Locked
cells are never read, so what somebody changed there changes nothing. Names are found, never positions.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.desk.sheets import CORRECTION, DESK, GUIDE, REASON, ROW_ID, worksheet_of
from pipelines.errors import CommandError, DataError

if TYPE_CHECKING:
    from pipelines.readers.xlsx_workbook import Place, Sheet

_MOST_BYTES = 50_000_000
_MOST_ROWS = 100_000
_MOST_CELLS = 20
"""Cells a message names."""
_EMPTY = ("空", "（空）", "(空)", "(empty)", "empty")
"""What people write where nothing should stand."""
_NOT_OURS = "the identity of the row is none of ours · 编号无法识别"
_IDENTITY = re.compile(r"'?([a-z0-9_]+)/([0-9a-f]+)/([0-9]+)/([0-9a-f]+)")
_ENCODINGS = ("utf-8-sig", "gb18030")
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Returned:
    """One row of a sheet: who it says it is, and what was written into it; None where nothing should stand.

    `uncomputed` are columns with a formula whose value nobody knows, with the cell each stands in.
    """

    where: str
    feed_id: str
    batch_id: str
    row_number: int
    row_digest: str
    corrected: dict[str, str | None]
    uncomputed: dict[str, str] = field(default_factory=dict)

    @property
    def is_written_into(self) -> bool:
        return bool(self.corrected or self.uncomputed)


@dataclass(frozen=True)
class ReturnedSheet:
    """What a file says. `unreadable` are places of rows whose identity is none of ours, and why it is not.

    `uncomputed` are cells with formulas without a value in headings and on the first page: nothing can be read
    without them.
    """

    rows: list[Returned] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    uncomputed: list[str] = field(default_factory=list)
    desk: str = ""
    reason: str = ""


def read(path: Path, feeds: Collection[str] = ()) -> ReturnedSheet:
    """Read a returned sheet. Raises DataError when it is none, is damaged, or tries what no sheet should.

    Worksheets of `feeds` are called by their names, all others by their positions: a name somebody wrote may be
    a telephone number.
    """
    if path.is_symlink() or not path.is_file():
        raise CommandError(f"{path.name} is no file", next_step="give the sheet itself")
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DataError(
            f"the sheet has {size:,} bytes, at most {_MOST_BYTES:,} are read",
            next_step="send the rows that were corrected, without pictures",
        )
    content = path.read_bytes()
    is_workbook = content.startswith((b"PK", b"\xd0\xcf\x11\xe0"))
    found = _of_workbook(content, frozenset(map(worksheet_of, feeds))) if is_workbook else _of_csv(content)
    if found.uncomputed:
        raise DataError(
            no_value_in(found.uncomputed),
            next_step="nothing of the sheet can be read without these cells · 缺少这些单元格，整张表无法读取",
        )
    if not found.rows and not found.unreadable:
        raise DataError(
            f"the sheet has no row with an identity in a column {ROW_ID!r}, as every correction sheet has",
            next_step="export it anew with `urbanbrain quarantine export`; 请重新导出更正表后填写",
        )
    return found


def no_value_in(cells: Sequence[str]) -> str:
    """What is wrong with cells of formulas without a value, and what to do about it."""
    more = f" (+{len(cells) - _MOST_CELLS})" if len(cells) > _MOST_CELLS else ""
    return (
        f"{', '.join(cells[:_MOST_CELLS])}{more}: a formula without its value; open the sheet in a spreadsheet program "
        "and save it, so that values are stored, or write the value itself · "
        "公式没有保存计算结果，请用表格软件打开后重新保存，或直接填写内容"
    )


def _of_workbook(content: bytes, titles: Collection[str]) -> ReturnedSheet:
    from pipelines.readers import xlsx_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = xlsx_workbook.sheets(content, "the sheet")
    found = ReturnedSheet()
    said = {DESK: "", REASON: ""}
    for position, (title, sheet) in enumerate(book.items(), 1):
        is_ours = title in titles
        label = title if is_ours or title == GUIDE else f"工作表{position}·worksheet{position}"
        uncomputed = _cells(label, sheet)
        if title == GUIDE:
            for (row, column), text in sheet.texts.items():
                if column == 1 and text in said:
                    said[text] = sheet.texts.get((row, 2), "").strip()
                    found.uncomputed.extend(cell for place, cell in uncomputed.items() if place == (row, 2))
            continue
        lines: dict[int, dict[int, str]] = {}
        for (row, column), text in (*sheet.texts.items(), *dict.fromkeys(uncomputed, "").items()):
            lines.setdefault(row, {})[column] = text
        has_header = _take(found, label, sorted(lines.items()), uncomputed)
        if is_ours and not has_header:
            found.uncomputed.extend(uncomputed.values())
    return replace(found, desk=said[DESK], reason=said[REASON])


def _cells(label: str, sheet: Sheet) -> dict[Place, str]:
    """Cells with formulas without a value, each with the name a spreadsheet program gives it."""
    from openpyxl.utils import get_column_letter

    named = {}
    for place in sorted(sheet.uncomputed):
        row, column = sheet.origin(place)
        named[place] = f"{label}!{get_column_letter(column)}{row}"
    return named


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
    _take(found, "", ((number, dict(enumerate(cells, 1))) for number, cells in enumerate(lines, 1)), {})
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


def _take(
    found: ReturnedSheet,
    label: str,
    lines: Iterable[tuple[int, dict[int, str]]],
    uncomputed: Mapping[Place, str],
) -> bool:
    """Rows below each header; a CSV may hold one feed's after the other's, each under its own header.

    Returns whether there is a header. `uncomputed` counts in headers, identities and corrections alone.
    """
    identity, corrections = 0, {}
    for number, cells in lines:
        where = f"{label} {number}".strip()
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
            found.uncomputed.extend(
                uncomputed[number, column] for column in cells if (number, column) in uncomputed
            )
            continue
        unknown = {
            column: uncomputed[number, column]
            for column in (identity, *corrections)
            if (number, column) in uncomputed
        }
        if not identity or not (unknown or any(text.strip() for text in cells.values())):
            continue
        match = _IDENTITY.fullmatch(cells.get(identity, "").strip())
        if len(found.rows) + len(found.unreadable) >= _MOST_ROWS:
            raise DataError(f"the sheet has more than {_MOST_ROWS:,} rows", next_step="send it in parts")
        if match is None or len(match[3]) > 15:
            found.unreadable[where] = no_value_in([unknown[identity]]) if identity in unknown else _NOT_OURS
            continue
        written = {
            name: _text(cells[column])
            for column, name in corrections.items()
            if cells.get(column, "").strip()
        }
        without_value = {name: unknown[column] for column, name in corrections.items() if column in unknown}
        found.rows.append(
            Returned(where, match[1], match[2], int(match[3]), match[4], written, without_value)
        )
    return identity > 0


def _name(header: str) -> str:
    words = header.split()
    return words[-1] if words else ""


def _text(cell: str) -> str | None:
    text = cell.strip()
    if text in _EMPTY:
        return None
    # An apostrophe keeps a spreadsheet program from computing; in a CSV it stands in the text.
    return text[1:] if text.startswith("'") and text[1:2] in ("=", "+", "-", "@") else text
