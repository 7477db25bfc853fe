"""A sheet is read as what its cells mean: merged ranges filled, hidden rows kept, nothing left uncomputed."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from reader_feeds import column, feed, read, rows_of, server

from pipelines import contract as contracts
from pipelines.contract.model import Unpivot
from pipelines.errors import DataError, DataRefused
from pipelines.readers import xlsx_workbook

SHEET = server(format="xlsx")


def workbook(
    rows: Sequence[Sequence[Any]], change: Callable[[Worksheet], object] = lambda sheet: None
) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "台账"
    for row in rows:
        sheet.append(list(row))
    change(sheet)
    book.create_sheet("说明").append(["see 台账"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def edited(content: bytes, old: str, new: str) -> bytes:
    """A workbook whose first sheet's XML has been changed by hand, as other programs write it."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(changed, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                assert re.search(old.encode(), data)
                data = re.sub(old.encode(), new.encode(), data)
            target.writestr(member, data)
    return changed.getvalue()


def test_cells_come_as_text_that_says_what_they_mean() -> None:
    values = [
        (12, "12"), (12.0, "12"), (55.5, "55.5"), (0.1 + 0.2, "0.3"), (110114011000, "110114011000"),
        (1.10114e19, "1.10114e+19"), (True, "true"), (False, "false"), (date(2024, 1, 5), "2024-01-05"),
        (datetime(2024, 1, 5, 9, 3, 7), "2024-01-05 09:03:07"), (time(9, 3), "09:03:00"), (timedelta(hours=26), "26:00:00"),
        ("#N/A", "#N/A"), ("007", "007"), ("  多行\n文字 ", "  多行\n文字 "), ("", None), (None, None), ("a_x000D_b", "a\rb"),
    ]  # fmt: skip
    names = [f"n{number}" for number in range(len(values))]
    content = workbook([names, [value for value, _ in values]])

    assert [tuple(text for _, text in values)] == rows_of(feed(*names), SHEET, content)


def test_a_formula_is_its_stored_value_and_one_without_is_refused() -> None:
    content = workbook([["a", "b"], ["x", "=1+1"]])
    computed = edited(content, "<v ?/>", "<v>2</v>")
    empty_text = edited(content, r'<c r="B2"><f>1\+1</f><v ?/>', '<c r="B2" t="str"><f>1+1</f><v></v>')

    assert [("x", "2")] == rows_of(feed("a", "b"), SHEET, computed)
    assert [("x", None)] == rows_of(feed("a", "b"), SHEET, empty_text)
    unplaced = edited(edited(content, '<c r="B2">', "<c>"), r'<row r="2"', "<row")
    for lacking in (content, edited(content, "<v ?/>", ""), edited(content, "<v ?/>", "<v></v>"), unplaced):
        with pytest.raises(DataError, match=r"1 formula\(s\) have no value stored with them: .*!B2"):
            rows_of(feed("a", "b"), SHEET, lacking)


def test_a_header_of_two_rows_is_flattened_and_vertical_merges_stay_single() -> None:
    def merge(sheet: Worksheet) -> None:
        for merged in ("A2:A3", "B2:C2", "D2:D3"):
            sheet.merge_cells(merged)

    content = workbook(
        [
            ["行动计划台账"],
            ["项目\n编号", "计划", None, "备注 "],
            [None, "开工", "完工"],
            ["HT2-001", 1, 2, "x"],
        ],
        merge,
    )
    columns = [
        column("id", "项目编号"),
        column("start", "计划/开工"),
        column("finish", "计划/完工"),
        column("remark", "备注"),
    ]
    found, rows = read(feed(*columns), server(format="xlsx", header_rows=(2, 3)), content)

    assert [("HT2-001", "1", "2", "x")] == rows
    assert () == found.unknown


def test_merged_cells_fill_their_whole_range_and_nothing_else() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("A5:B5")

    content = workbook([["a", "b"], ["P1", 1], [None, 2], [None, 3], ["合计"]], merge)

    assert [("P1", "1"), ("P1", "2"), (None, "3"), ("合计", "合计")] == rows_of(
        feed("a", "b"), SHEET, content
    )


def test_hidden_rows_and_columns_are_data_and_warn() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["B"].hidden = True

    found, rows = read(feed("a", "b"), SHEET, workbook([["a", "b"], [1, 2], [3, 4]], hide))

    assert [("1", "2"), ("3", "4")] == rows
    assert (
        "part-00001: 1 hidden row(s) read as data",
        "part-00001: 1 hidden column(s) read as data",
    ) == found.warnings


def test_rows_without_values_are_no_records() -> None:
    def look_only(sheet: Worksheet) -> None:
        sheet["A9"].number_format = "0.00"

    found, rows = read(feed("a"), SHEET, workbook([["a"], [1], [], [], [2]], look_only))

    assert [("1",), ("2",)] == rows
    assert ("part-00001: 2 blank row(s) between records are no records",) == found.warnings


def test_values_below_no_name_are_told_and_empty_columns_are_not() -> None:
    assert ("(no name)",) == read(feed("a", "b"), SHEET, workbook([["a", None, "b"], [1, 2, 3]]))[0].unknown
    assert () == read(feed("a", "b"), SHEET, workbook([["a", None, "b"], [1, None, 3]]))[0].unknown


def test_the_sheet_is_chosen_by_name_and_the_first_without_one() -> None:
    content = workbook([["a"], [1]])

    assert [("1",)] == rows_of(feed("a"), server(format="xlsx", sheet=" 台账"), content)
    assert [("1",)] == rows_of(feed("a"), SHEET, content)
    with pytest.raises(DataError, match="no sheet '项目', it has '台账', '说明'"):
        rows_of(feed("a"), server(format="xlsx", sheet="项目"), content)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([["a", "x"], [1, 2]], "1 column is missing among 2 found\n  b: expected 'b'"),
        ([["a", "b", "A"], [1, 2, 3]], "stand in the header more than once: 'A'"),
        ([["a", "b"], [1, 2], ["a", "b"], [3, 4]], "row 3: the header stands here again"),
        ([], "the sheet ends at row 0, the header should be in row 1"),
    ],
)
def test_a_sheet_that_is_not_what_was_promised_is_refused(rows: list[list[Any]], fault: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(feed("a", "b"), SHEET, workbook(rows))

    assert fault in str(caught.value)


def test_a_header_without_records_is_no_records() -> None:
    assert [] == rows_of(feed("a", "b"), SHEET, workbook([["a", "b"]]))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old .xls workbook or one with a password"),
        (b"\xef\xbb\xbf <html><table></table></html>", "a web page or XML"),
        (b"a,b\n1,2\n", "something else"),
        (b"PK\x03\x04 13800138000", r"the workbook is damaged \(BadZipFile\)"),
        (workbook([["a"], [1]])[:-600], r"the workbook is damaged \(BadZipFile\)"),
        (
            edited(workbook([["a"], [1]]), "<v>1</v>", "<v>13800138000x</v>"),
            r"the workbook is damaged \(ValueError\)",
        ),
        (
            edited(workbook([["a"], [1]]), "</row></sheetData>", "</sheetData>"),
            r"the workbook is damaged \(ParseError\)",
        ),
    ],
)
def test_what_is_no_sound_workbook_is_refused_without_showing_it(content: bytes, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        rows_of(feed("a"), SHEET, content)

    assert "138" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_bombs_are_refused_before_they_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    small = workbook([["a"], [1]])
    merged = edited(
        small, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:XFD1048576"/></mergeCells>'
    )
    far = edited(
        small, "</row></sheetData>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )

    with pytest.raises(DataError, match="merged ranges span 17,179,852,800 cells"):
        rows_of(feed("a"), SHEET, merged)
    with pytest.raises(DataError, match="the sheet spans 1,048,576 rows and 16,384 columns"):
        rows_of(feed("a"), SHEET, far)
    monkeypatch.setattr(xlsx_workbook, "_MOST_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to"):
        rows_of(feed("a"), SHEET, small)


def test_forbidden_names_and_values_refuse_a_workbook_too() -> None:
    with pytest.raises(DataRefused, match="'face_image'"):
        rows_of(feed("a", forbidden_columns=("face",)), SHEET, workbook([["a", "face_image"], [1, 2]]))
    with pytest.raises(DataRefused, match="plate"):
        rows_of(feed("a", forbidden_values=("plate",)), SHEET, workbook([["a", "b"], [1, "京A12345"]]))


def test_a_wide_sheet_becomes_long() -> None:
    source = server(format="xlsx", unpivot=Unpivot(("day",), "station", "value"))
    content = workbook([["day", "东四", "天坛"], [1, 2.5, None], [2, None, 3]])

    assert [("1", "东四", "2.5"), ("2", "天坛", "3")] == rows_of(
        feed("day", "station", "value"), source, content
    )


def test_the_project_registry_reads_with_its_contract() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.title = "项目台账"
        for letter in "ABCDEFGLQR":
            sheet.merge_cells(f"{letter}2:{letter}3")
        for pair in ("H2:I2", "J2:K2", "M2:N2", "O2:P2", "E4:E5"):
            sheet.merge_cells(pair)

    header = [
        "计划批次", "项目编号", "项目名称", "任务包", "责任单位", "属地街镇", "项目阶段", "计划", None, "实际", None, "形象进度(%)",
        "投资(万元)", None, "新增能力", None, "是否续建", "备注",
    ]  # fmt: skip
    below = [None] * 7 + ["开工", "完工", "开工", "完工", None, "总投资", "累计完成", "类别", "数量"]
    first = [
        "2021—2025",
        "HT2-001",
        "学校",
        "教育",
        "教委",
        "霍营街道、史各庄街道",
        "在建",
        date(2024, 1, 2),
        date(2025, 1, 1),
    ]
    first += [None, None, 55.5, 1200, 3.0, "学位", 300, True, None]
    second = ["2021—2025", "HT2-002", "医院", "同上", None, "霍营街道", "前期"]
    contract = contracts.load("city_projects")
    rows = rows_of(
        contract, contract.server("sample"), workbook([["台账"], header, below, first, second], merge)
    )
    names = [one.name for one in contract.stored_columns if not one.constant]
    one, two = (dict(zip(names, row, strict=False)) for row in rows)

    assert ("2024-01-02", "2025-01-01", None, "55.5", "1200", "3", "学位", "300", "true") == (
        one["planned_start"], one["planned_finish"], one["actual_start"], one["physical_progress_pct"],
        one["invest_total_wan"], one["invest_done_wan"], one["capacity_kind"], one["capacity_added"], one["is_carry_over"],
    )  # fmt: skip
    assert ("同上", "教委") == (two["package_code"], two["lead_org"])
    assert ("HT2-001", "2021—2025") == rows[0][-2:]
