"""A correction sheet: one worksheet a feed, a row a bad row, beside each faulty column an empty one to write into.

Only cells that may be corrected are open; everything else is locked, without a password, against slips and not
against people. A row's identity stands in one text, `feed/batch/row number/check digits`, that no spreadsheet takes
for a number. Everything is written as text: what begins with = + - or @ is nobody's formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.contract.model import Column
from pipelines.desk.faults import Faults

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

ROW_ID = "row_id"
CORRECTION = "更正"
"""How the header of a column to write into begins."""
DESK, REASON = "填报岗位 Desk", "更正说明 Reason"
"""The two cells of the first sheet that are filled in there; each answer stands right of them."""
NOT_SHOWN = "（不显示 not shown）"
GUIDE = "说明 Read me"
_LISTS = "选项 Lists"
_LONGEST = 2000
"""Letters of a value that a sheet shows."""
_TITLE = 31
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FIXED = (
    ("编号", ROW_ID, 12),
    ("行号", "row_number", 12),
    ("业务主键", "business_key", 23),
    ("收到次数", "times_received", 15),
    ("退回原因（中文）", "reasons_zh", 44),
    ("退回原因（英文）", "reasons_en", 44),
)


@dataclass(frozen=True)
class SheetRow:
    """A row of quarantine as it goes out, after disclosure."""

    feed_id: str
    batch_id: str
    row_number: int
    row_digest: str
    business_key: str
    times: int
    """How many times the same content was received."""
    reasons: Sequence[dict[str, Any]]
    received: dict[str, str | None]

    @property
    def row_id(self) -> str:
        return f"{self.feed_id}/{self.batch_id}/{self.row_number}/{self.row_digest}"


@dataclass(frozen=True)
class _Cell:
    text: str
    is_open: bool = False
    is_faulty: bool = False


@dataclass(frozen=True)
class FeedSheet:
    """The rows of one feed, ready to be written."""

    faults: Faults
    rows: Sequence[SheetRow]

    @property
    def _open(self) -> list[frozenset[str]]:
        return [self.faults.correctable(row.reasons) for row in self.rows]

    def columns(self) -> list[Column]:
        """Columns that an office may see, and those it may correct unseen, faulty ones first."""
        faulty = frozenset().union(*self._open)
        every = [
            column
            for name, column in self.faults.given.items()
            if name in self.faults.shown or name in faulty
        ]
        return [
            *(one for one in every if one.name in faulty),
            *(one for one in every if one.name not in faulty),
        ]

    def header(self) -> list[tuple[str, str]]:
        """What each column is called, in Chinese and as the contract has it."""
        faulty = frozenset().union(*self._open)
        found = [(chinese, name) for chinese, name, _ in _FIXED]
        for column in self.columns():
            found.append((column.business_name or column.name, column.name))
            if column.name in faulty:
                found.append((f"{CORRECTION} {column.business_name or ''}".strip(), column.name))
        return found

    def cells(self) -> Iterable[list[_Cell]]:
        columns, faulty = self.columns(), frozenset().union(*self._open)
        for row, is_open in zip(self.rows, self._open, strict=True):
            chinese, english = self.faults.sentences(row.reasons)
            named = {reason["column_name"] for reason in row.reasons}
            cells = [
                _Cell(plain(text))
                for text in (
                    row.row_id, str(row.row_number), row.business_key or "", str(row.times), _numbered(chinese), _numbered(english),
                )
            ]  # fmt: skip
            for column in columns:
                shown = (
                    (row.received.get(column.name) or "") if column.name in self.faults.shown else NOT_SHOWN
                )
                cells.append(_Cell(plain(shown), is_faulty=column.name in named))
                if column.name in faulty:
                    cells.append(_Cell("", is_open=column.name in is_open))
            yield cells


def _numbered(lines: Sequence[str]) -> str:
    return (
        lines[0] if len(lines) == 1 else "\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1))
    )


def plain(text: str) -> str:
    """A text that any cell can hold: no control characters, not without end."""
    text = _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if ord(found[0]) < 0x20 else "�", text)
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a letter is none
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…（共{len(text)}字）"


def as_csv(sheets: Sequence[FeedSheet]) -> bytes:
    """One feed's rows as CSV that a spreadsheet program opens as it is: a byte order mark, texts that are no formulas."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    for sheet in sheets:
        writer.writerow(f"{chinese} {name}" for chinese, name in sheet.header())
        for cells in sheet.cells():
            writer.writerow(
                f"'{cell.text}" if cell.text.startswith(_FORMULA) else cell.text for cell in cells
            )
    return stream.getvalue().encode("utf-8-sig")


def worksheet_of(feed_id: str) -> str:
    """The name of the worksheet with a feed's rows."""
    return feed_id[:_TITLE]


def as_workbook(
    sheets: Sequence[FeedSheet], whose: str, as_of: datetime, left_out: Sequence[str] = ()
) -> bytes:
    """The sheets as an XLSX workbook, behind a page that says in both languages what to do with it.

    `as_of` stands in the zone in which times are written.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = "urbanbrain"
    book.properties.created = book.properties.modified = as_of.replace(tzinfo=None)
    book.remove(book.worksheets[0])
    _write_guide(book.create_sheet(GUIDE), sheets, whose, as_of, left_out)
    lists = _Lists(book)
    for sheet in sheets:
        _write_sheet(book.create_sheet(worksheet_of(sheet.faults.contract.feed_id)), sheet, lists)
    lists.end()
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


_STEPS = (
    (
        "每个工作表是一个数据集，每行是一条未通过校验的记录。「退回原因」逐条说明应为什么、实际是什么。",
        "Each sheet is one data set, each row a record that broke its rules. The reasons say what is expected and what was found.",
    ),
    (
        "请在黄色单元格（标题以“更正”开头）填写正确内容；不改的留空。其他单元格已锁定，改了也不采用。",
        "Write what is right into the yellow cells (their headings begin with 更正); leave the others empty. All other cells are locked, and changes to them are not taken.",
    ),
    (
        "应为空的，填“空”。原内容无误的，把原内容再填一次。有下拉选项的请从中选择。",
        "Write 空 where nothing should stand; write the same again where it was right. Where there is a list, choose from it.",
    ),
    (
        "日期写作 2026-11-17，时间写作 2026-11-17 08:30:00（{zone} 时间）。",
        "Dates are written 2026-11-17, times 2026-11-17 08:30:00 (time of {zone}).",
    ),
    (
        "可以只交一部分，可以删行、排序，也可以另存为 CSV；请勿改动「编号」一列。",
        "You may send a part of it, delete or sort rows, or save it as CSV; leave the column row_id as it is.",
    ),
    (
        "交回后逐条重新校验：通过的入库；仍不通过的附新的原因退回。重复提交不产生影响。",
        "Each row is judged again: what is right now is loaded, what is not comes back with its new reasons. Sending a sheet twice changes nothing.",
    ),
    (
        "请勿填写与更正无关的个人信息。电话等按原规则脱敏后才保存。",
        "Write nothing personal that the correction does not need. Telephone numbers and the like are masked before they are kept.",
    ),
)


def _write_guide(
    guide: Worksheet, sheets: Sequence[FeedSheet], whose: str, as_of: datetime, left_out: Sequence[str]
) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side

    wrapped = Alignment(wrap_text=True, vertical="top")
    guide.column_dimensions["A"].width = 30
    guide.column_dimensions["B"].width = 95
    guide.append([f"更正表 Correction sheet · {plain(whose)}"])
    guide["A1"].font = Font(bold=True, size=15)
    guide.append([f"数据截至 Data as of {as_of:%Y-%m-%d %H:%M}"])
    guide["A2"].font = Font(color="666666")
    guide.append([])
    thin = Side(style="thin", color="999999")
    for label in (DESK, REASON):
        guide.append([label, None])
        guide.cell(guide.max_row, 1).font = Font(bold=True)
        answer = guide.cell(guide.max_row, 2)
        answer.fill = PatternFill("solid", fgColor=_OPEN)
        answer.border = Border(left=thin, right=thin, top=thin, bottom=thin)
        answer.protection = Protection(locked=False)
        answer.number_format = "@"
    guide.append([])
    for place, (chinese, english) in enumerate(_STEPS, 1):
        guide.append([place, f"{chinese}\n{english}".replace("{zone}", str(as_of.tzinfo))])
        guide.cell(guide.max_row, 2).alignment = wrapped
        guide.cell(guide.max_row, 1).alignment = Alignment(horizontal="right", vertical="top", indent=1)
        guide.row_dimensions[guide.max_row].height = 46 if len(english) > 105 else 32
    guide.append([])
    guide.append(["工作表 Sheet", "数据集 Data set · 行数 rows"])
    for cell in guide[guide.max_row]:
        cell.font = Font(bold=True)
    for sheet in sheets:
        contract = sheet.faults.contract
        named = f"{contract.business_name} {contract.title} · {len(sheet.rows)}"
        if contract.owner:
            named += f" · 责任单位 owner {contract.owner}"
        guide.append([contract.feed_id[:_TITLE], plain(named)])
    for line in left_out:
        guide.append(["", plain(line)])
        guide.cell(guide.max_row, 2).alignment = wrapped
        guide.row_dimensions[guide.max_row].height = 32
    _print(guide)
    guide.protection.sheet = True


_OPEN, _FAULTY, _HEAD, _HEAD_OPEN = "FFF8C6", "FBE3E0", "DDE6EF", "F2D45C"


def _print(sheet: Worksheet) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_margins.left = sheet.page_margins.right = 0.3
    sheet.page_margins.top = sheet.page_margins.bottom = 0.4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _write_sheet(target: Worksheet, sheet: FeedSheet, lists: _Lists) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    header, columns = sheet.header(), sheet.faults.given
    thin = Side(style="thin", color="C8C8C8")
    border = Border(left=thin, right=thin, top=thin, bottom=thin)
    fills = {color: PatternFill("solid", fgColor=color) for color in (_OPEN, _FAULTY, _HEAD, _HEAD_OPEN)}
    wrapped = Alignment(wrap_text=True, vertical="top")
    cells = list(sheet.cells())
    widths = []
    for place, (chinese, name) in enumerate(header, 1):
        is_open = chinese.startswith(CORRECTION)
        head = target.cell(1, place, f"{chinese}\n{name}")
        head.font, head.alignment, head.border = Font(bold=True), wrapped, border
        head.fill = fills[_HEAD_OPEN if is_open else _HEAD]
        widths.append(_width(place, chinese, name, [row[place - 1].text for row in cells]))
        target.column_dimensions[get_column_letter(place)].width = widths[-1]
    target.row_dimensions[1].height = 34
    for number, row in enumerate(cells, 2):
        for place, one in enumerate(row, 1):
            cell: Any = target.cell(number, place)
            if one.text:
                cell.value = one.text
                cell.data_type = "s"  # whatever it begins with
                cell.quotePrefix = one.text.startswith(_FORMULA)
            cell.number_format = "@"
            cell.alignment, cell.border = wrapped, border
            if one.is_open:
                cell.fill, cell.protection = fills[_OPEN], Protection(locked=False)
            elif one.is_faulty:
                cell.fill = fills[_FAULTY]
            if place == 1:  # nobody reads it
                cell.alignment, cell.font = Alignment(vertical="top"), Font(color="999999", size=8)
        target.row_dimensions[number].height = _height(row, widths)
    for place, (chinese, name) in enumerate(header, 1):
        column = columns.get(name)
        if not chinese.startswith(CORRECTION) or column is None or not column.enum:
            continue
        choice = DataValidation(
            type="list",
            formula1=lists.reference([value.label or value.value for value in column.enum]),
            allow_blank=True,
            showErrorMessage=False,  # a hint; the rules judge it
        )
        target.add_data_validation(choice)
        choice.add(f"{get_column_letter(place)}2:{get_column_letter(place)}{len(cells) + 1}")
    target.freeze_panes = "D2"
    target.auto_filter.ref = f"A1:{get_column_letter(len(header))}{len(cells) + 1}"
    target.print_title_rows = "1:1"
    _print(target)
    look = target.protection
    look.sheet = True
    look.formatColumns = look.formatRows = look.sort = look.autoFilter = False  # False: allowed


def _wide(text: str) -> int:
    """Columns a line of text takes: a Chinese letter takes two."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _width(place: int, chinese: str, name: str, texts: Iterable[str]) -> float:
    if place <= len(_FIXED):
        return _FIXED[place - 1][2]
    longest = max((_wide(line) for text in texts for line in text.split("\n")), default=0)
    return max(11, min(30, max(longest, _wide(chinese), _wide(name)) + 3))


def _height(row: Sequence[_Cell], widths: Sequence[float]) -> float:
    lines = 1
    for one, width in zip(row[1:], widths[1:], strict=True):  # the identity may be cut off
        lines = max(
            lines, sum(-(-_wide(line) // max(int(width) - 1, 1)) or 1 for line in one.text.split("\n"))
        )
    return min(16.5 * lines + 4, 400)


class _Lists:
    """Texts to choose from, on a sheet of their own: a list in a validation may not be longer than 255 letters."""

    def __init__(self, book: Workbook) -> None:
        self._sheet = book.create_sheet(_LISTS)
        self._known: dict[tuple[str, ...], str] = {}

    def reference(self, texts: Sequence[str]) -> str:
        from openpyxl.utils import get_column_letter

        key = tuple(texts)
        if key not in self._known:
            place = len(self._known) + 1
            for number, text in enumerate(texts, 1):
                cell: Any = self._sheet.cell(number, place)
                cell.value = plain(text)
                cell.data_type, cell.number_format = "s", "@"
            letter = get_column_letter(place)
            self._known[key] = f"'{_LISTS}'!${letter}$1:${letter}${len(texts)}"
        return self._known[key]

    def end(self) -> None:
        book = self._sheet.parent
        book.move_sheet(self._sheet, offset=len(book.worksheets))
        self._sheet.sheet_state = "hidden"
        self._sheet.protection.sheet = True
