"""One sheet of a workbook as text: what a cell means, merged ranges filled, nothing guessed.

Whole numbers come without `.0`, other numbers in their shortest form (in scientific notation beyond the 15 digits
a spreadsheet keeps), dates and times as ISO text, truths as true and false, formulas as the value stored with
them, errors (`#N/A`, `#REF!`) as their text.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar

from pipelines.errors import DataError
from pipelines.readers import columns

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_MOST_BYTES = 300_000_000
"""Bytes a workbook may unpack to. A bomb of a few kilobytes unpacks to thousands of millions."""
_MOST_CELLS = 20_000_000
"""Cells a sheet may span, and cells merged ranges may: one of either at the far corner costs all memory."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BROKEN = (
    zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError, OSError, EOFError, SyntaxError,
    NotImplementedError,
)  # fmt: skip
_FORMULA = re.compile(
    rb"<(?:\w+:)?c(\s[^>]*)?>\s*<(?:\w+:)?f(?:\s[^>]*?)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_ADDRESS = re.compile(rb"""\sr=["']([A-Z]{1,3})([1-9][0-9]{0,6})["']""")
_ROW = re.compile(rb"""\sr=["']([1-9][0-9]{0,6})["']""")
_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)(\s[^>]*|/)?>")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_ESCAPED = re.compile(r"_x(?!0000)([0-9A-Fa-f]{4})_")
_WHOLE_BELOW = 1e15

Place = tuple[int, int]
_Uncomputed = dict[str, frozenset[Place]]
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Sheet:
    """A sheet's texts by row and column from 1; empty cells are not in it. `origin` is of merged cells.

    `uncomputed` are cells with a formula of which no value is stored. They are not in `texts`, and not empty either.
    """

    texts: dict[Place, str]
    origins: dict[Place, Place]
    height: int
    width: int
    hidden_rows: frozenset[int]
    hidden_columns: int
    uncomputed: frozenset[Place]

    def origin(self, place: Place) -> Place:
        """The first cell of the range a cell is merged into; itself when it is not."""
        return self.origins.get(place, place)


def sheet(content: bytes, title: str, where: str) -> Sheet:
    """The sheet of that name, or the first one when no name is given.

    Raises DataError when the bytes are no workbook, it has no such sheet, it unpacks to too much, or a formula has
    no value stored with it.
    """

    def read(book: Workbook, uncomputed: _Uncomputed) -> Sheet:
        if uncomputed:
            raise _not_computed(uncomputed, where)
        return _sheet(_choose(book, title, where), where)

    return _opened(content, where, read)


def sheets(content: bytes, where: str) -> dict[str, Sheet]:
    """Every sheet of a workbook by its title, with the same guards; formulas without a value are told, not refused."""
    return _opened(
        content,
        where,
        lambda book, uncomputed: {
            one.title: _sheet(one, where, uncomputed.get(one.title, frozenset())) for one in book.worksheets
        },
    )


def _opened(content: bytes, where: str, read: Callable[[Workbook, _Uncomputed], _Found]) -> _Found:
    from openpyxl.reader.excel import ExcelReader

    _refuse_other_kinds(content, where)
    try:
        uncomputed = _look_inside(content, where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which hold no values
            reader = ExcelReader(io.BytesIO(content), data_only=True, keep_links=False)
            reader.read()
            titles = {part.target: one.name for one, part in reader.parser.find_sheets()}
        return read(reader.wb, {titles.get(part, part): places for part, places in uncomputed.items()})
    except _BROKEN as error:
        kind = type(error).__name__
    # No cause: openpyxl's messages quote cells.
    raise DataError(
        f"{where}: the workbook is damaged ({kind})",
        next_step="open it in a spreadsheet program and save it again as .xlsx, or ask the source to",
    )


def _refuse_other_kinds(content: bytes, where: str) -> None:
    if content.startswith(_OLE):
        found = "an old .xls workbook or one with a password"
    elif content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        found = "a web page or XML that calls itself a workbook"
    elif not content.startswith(b"PK"):
        found = "something else"
    else:
        return
    raise DataError(
        f"{where}: expected an .xlsx workbook, found {found}",
        next_step="ask the source for .xlsx without password",
    )


def _look_inside(content: bytes, where: str) -> _Uncomputed:
    """Refuse what would cost all memory to open; find the formulas nobody has computed, by part of the archive."""
    from openpyxl.utils import column_index_from_string

    uncomputed: _Uncomputed = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            raise DataError(
                f"{where}: the workbook unpacks to {size:,} bytes, at most {_MOST_BYTES:,} are read",
                next_step="ask the source for CSV; a spreadsheet is no way to send so much",
            )
        for name in (name for name in archive.namelist() if name.endswith(".xml")):
            text = archive.read(name)
            merged = 0
            for left, top, right, bottom in _MERGED.findall(text):
                wide = column_index_from_string(right.decode()) - column_index_from_string(left.decode()) + 1
                merged += wide * (int(bottom) - int(top) + 1)
            if merged > _MOST_CELLS:
                raise DataError(
                    f"{where}: merged ranges span {merged:,} cells, at most {_MOST_CELLS:,} are read",
                    next_step="ask the source to merge only the cells it means",
                )
            empty = [
                cell for cell in _FORMULA.finditer(text) if not (cell[2] and b't="str"' in (cell[1] or b""))
            ]
            if empty:
                places = _places(text)
                uncomputed[name] = frozenset(places[cell.start()] for cell in empty)
    return uncomputed


def _places(text: bytes) -> dict[int, Place]:
    """Where each cell of a sheet stands, by the byte it begins at.

    A row or a cell need not say where it stands: it follows the one before (ECMA-376, part 1, 18.3.1.4 and 18.3.1.73).
    """
    from openpyxl.utils import column_index_from_string

    places = {}
    row = column = 0
    for found in _ROW_OR_CELL.finditer(text):
        said = found[2] or b""
        if found[1] == b"row":
            row, column = (int(number[1]) if (number := _ROW.search(said)) else row + 1), 0
            continue
        if address := _ADDRESS.search(said):
            row, column = int(address[2]), column_index_from_string(address[1].decode())
        else:
            column += 1
        places[found.start()] = row, column
    return places


def _not_computed(uncomputed: _Uncomputed, where: str) -> DataError:
    from openpyxl.utils import get_column_letter

    cells = [
        f"{sheet}!{get_column_letter(column)}{row}"
        for sheet, places in uncomputed.items()
        for row, column in sorted(places)
    ]
    return DataError(
        f"{where}: {len(cells)} formula(s) have no value stored with them: {columns.listed(cells)}",
        next_step="open the workbook in a spreadsheet program, let it compute and save; ask the source to",
    )


def _sheet(chosen: Worksheet, where: str, uncomputed: frozenset[Place] = frozenset()) -> Sheet:
    texts = {place: text for place, text in _texts(chosen) if text}
    origins = {}
    for merged in chosen.merged_cells.ranges:
        first = (merged.min_row, merged.min_col)
        if first in uncomputed:
            uncomputed = uncomputed.union(merged.cells)
        for place in merged.cells:
            origins[place] = first
            if first in texts:
                texts[place] = texts[first]
    height = max((row for row, _ in texts), default=0)
    width = max((column for _, column in texts), default=0)
    if height * width > _MOST_CELLS:
        raise DataError(
            f"{where}: the sheet spans {height:,} rows and {width:,} columns",
            next_step="look for a stray cell far away from the table, and ask the source to remove it",
        )
    hidden = {row for row, look in chosen.row_dimensions.items() if look.hidden}
    columns_hidden = sum(
        (look.max or 0) - (look.min or 0) + 1
        for look in chosen.column_dimensions.values()
        if look.hidden and (look.min or 0) <= width
    )
    return Sheet(texts, origins, height, width, frozenset(hidden), columns_hidden, uncomputed)


def _choose(book: Workbook, title: str, where: str) -> Worksheet:
    found = {columns.normalise(one.title): one for one in reversed(book.worksheets)}
    wanted = found.get(columns.normalise(title)) if title else next(iter(book.worksheets), None)
    if wanted is None:
        titles = [one.title for one in book.worksheets]
        raise DataError(
            f"{where}: the workbook has no sheet {title!r}, it has {columns.listed(titles) or 'none'}",
            next_step="ask the source what changed, or correct `sheet` in the contract",
        )
    return wanted


def _texts(chosen: Worksheet) -> Iterator[tuple[Place, str]]:
    for place, cell in chosen._cells.items():  # the cells that exist; rows would make all those between them
        if cell.value is not None:
            yield place, _text(cell.value)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < _WHOLE_BELOW:
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
        case str():
            return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), value)
        case _:
            return str(value)
