"""The plan office's workbook around the project rows: title, two-row header, merged cells, hidden rows.

The bytes depend on the rows and the day only, so the clock times that openpyxl and zip write are set to the day.
"""

from __future__ import annotations

import re
import zipfile
from datetime import date
from io import BytesIO

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.samplecity.wire import CLEAN, Wire

SHEET = "项目台账"
FIRST_DATA_ROW = 4
GROUPS = {"计划": 2, "实际": 2, "投资(万元)": 2, "新增能力": 2}
LEAVES = {"总投资": "投资(万元)", "累计完成": "投资(万元)"}
FILLED = ("任务包", "责任单位")


def workbook(wire: Wire, as_of: date) -> bytes:
    """The registry as an XLSX file; the same rows and day give the same bytes."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    names = list(wire.columns)
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(names))
    sheet.cell(1, 1, f"回天地区行动计划项目台账（{as_of.year}年{as_of.month}月{as_of.day}日）").font = Font(
        bold=True
    )
    _header(sheet, names)
    for place, name in enumerate(names, start=1):
        for row, value in enumerate(wire.columns[name], start=FIRST_DATA_ROW):
            if value is not None:
                cell = sheet.cell(row, place, value)
                if isinstance(value, date):
                    cell.number_format = "yyyy-mm-dd"
    for name in FILLED:
        fold(sheet, wire, name, FIRST_DATA_ROW)
    for row in range(FIRST_DATA_ROW + 8, FIRST_DATA_ROW + len(wire) - 1, 17):
        sheet.row_dimensions[row].hidden = True
    memory = BytesIO()
    book.save(memory)
    return timeless(memory.getvalue(), as_of)


def _header(sheet: Worksheet, names: list[str]) -> None:
    """Groups over their leaves, single headers merged over both rows."""
    started = ""
    for place, name in enumerate(names, start=1):
        group, _, leaf = name.partition("/")
        if not leaf and name in LEAVES:
            group, leaf = LEAVES[name], name
        if not leaf:
            sheet.cell(2, place, name)
            sheet.merge_cells(start_row=2, start_column=place, end_row=3, end_column=place)
            continue
        sheet.cell(3, place, leaf)
        if group != started:
            started = group
            sheet.cell(2, place, group).alignment = Alignment(horizontal="center")
            sheet.merge_cells(
                start_row=2, start_column=place, end_row=2, end_column=place + GROUPS[group] - 1
            )


def fold(sheet: Worksheet, wire: Wire, name: str, first_row: int) -> None:
    """Write runs of equal values as people do: one merged cell, or 同上 under the first.

    Only between clean rows, so that a planted defect stays in its own row.
    """
    values, outcome = wire.columns[name], wire.outcome
    place = list(wire.columns).index(name) + 1
    clean = [
        outcome[row] == CLEAN and (row + 1 >= len(wire) or outcome[row + 1] == CLEAN)
        for row in range(len(wire))
    ]
    row, run = 0, 0
    while row < len(wire):
        end = row + 1
        while end < len(wire) and end - row < 5 and clean[row] and clean[end] and values[end] == values[row]:
            end += 1
        if end - row > 1 and run % 3 == 0:
            for below in range(row + 1, end):
                sheet.cell(first_row + below, place).value = None
            sheet.merge_cells(
                start_row=first_row + row,
                end_row=first_row + end - 1,
                start_column=place,
                end_column=place,
            )
        elif end - row > 1 and run % 3 == 1:
            for below in range(row + 1, end):
                sheet.cell(first_row + below, place).value = "同上"
        row, run = end, run + 1


def timeless(packed: bytes, as_of: date) -> bytes:
    """The same workbook with the snapshot's day wherever the moment of saving was written."""
    day = (as_of.year, as_of.month, as_of.day, 0, 0, 0)
    memory = BytesIO()
    with zipfile.ZipFile(BytesIO(packed)) as old, zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", f"{as_of}T00:00:00Z".encode(), content)
            info = zipfile.ZipInfo(entry.filename, day)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)
    return memory.getvalue()
