"""What people and programs do to a sheet before it comes back: formulas, other names, copies, other formats."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from desk_sheets import BY, FEED, HUOYING, KEYS, PHONE, WHY, corrected, outcomes

from pipelines import run
from pipelines.desk import returned, sheets
from pipelines.errors import DataError


def test_what_was_tampered_with_is_told_and_harms_no_other_row(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path)
    page = sheet.book[FEED]
    sheet.row_id(KEYS[1]).value = f"{sheet.row_id(KEYS[1]).value[:-4]}0000"
    sheet.write(KEYS[3], "handling_role", "主办")
    page.cell(sheet.cell(KEYS[2], "contacted_at").row, 4).value = "=1+1"
    page.cell(1, page.max_column + 1).value = f"备注 {PHONE}"
    page.append(["city_hotline_orders/../../x"])
    copied = [cell.value for cell in page[sheet.cell(KEYS[2], "contacted_at").row]]
    page.append(copied)
    page.cell(page.max_row, 4).value = None
    page.cell(sheet.cell(KEYS[2], "contacted_at").row, 4).value = None
    told = run.resubmit(sheet.save(), BY, WHY)
    found = outcomes(told)

    assert {"objected": 3, "accepted": 1, "returned": 1, "skipped": 1} == {
        name: [each.outcome for each in told].count(name)
        for name in ("objected", "accepted", "returned", "skipped")
    }
    assert ("objected", "objected", "returned") == (found[KEYS[1]], found[KEYS[3]], found[KEYS[4]])
    assert not [each for each in told if PHONE in f"{each}"]


def test_a_formula_without_its_value_is_named_and_harms_no_other_row(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path).write(KEYS[2], "contacted_at", "=NOW()")
    sheet.book[FEED].cell(sheet.cell(KEYS[1], "handling_role").row, 4).value = "=1+1"  # locked: never read
    cell = sheet.cell(KEYS[2], "contacted_at").coordinate
    told = run.resubmit(sheet.save(), BY, WHY, dry_run=True)
    said = next(each.detail for each in told if each.business_key == KEYS[2])

    assert {KEYS[1]: "accepted", KEYS[2]: "objected", KEYS[3]: "accepted", KEYS[4]: "returned"} == outcomes(
        told
    )
    assert said.startswith(f"{FEED}!{cell}: ")
    assert "save it" in said and "重新保存" in said


def test_cells_that_do_not_say_where_they_stand_are_named_all_the_same(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path).write(KEYS[2], "contacted_at", "=NOW()")
    cell = sheet.cell(KEYS[2], "contacted_at").coordinate
    said = returned.read(sheet.save(), [FEED])
    content = sheet.path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(sheet.path, "w") as target:
        for member in source.infolist():
            part = source.read(member)
            if member.filename.startswith("xl/worksheets/"):
                # Some programs write every cell of a row, and then no addresses.
                part = re.sub(rb'<c r="[A-Z]+[0-9]+"', b"<c", re.sub(rb'<row r="[0-9]+"', b"<row", part))
            target.writestr(member, part)

    assert said == returned.read(sheet.path, [FEED])
    assert [{"contacted_at": f"{FEED}!{cell}"}] == [row.uncomputed for row in said.rows if row.uncomputed]


def test_formulas_without_which_nothing_can_be_read_refuse_the_sheet_by_name(
    batch: str, tmp_path: Path
) -> None:
    sheet = corrected(tmp_path)
    head = sheet.cell(KEYS[1], "handling_role").column_letter
    sheet.row_id(KEYS[3]).value = "=A1"
    (why,) = returned.read(sheet.save(), [FEED]).unreadable.values()
    assert why.startswith(f"{FEED}!A")

    sheet.book[FEED][f"{head}1"].value = "=A1"
    guide = sheet.book[sheets.GUIDE]
    desk = next(row for row in range(1, guide.max_row + 1) if guide.cell(row, 1).value == sheets.DESK)
    guide.cell(desk, 2).value = '="霍营"'
    with pytest.raises(DataError, match=rf"^{sheets.GUIDE}!B{desk}, {FEED}!{head}1: a formula"):
        run.resubmit(sheet.save(), BY, WHY)
    sheet.book[FEED]["A1"].value = "=A2"
    with pytest.raises(DataError, match=rf"{FEED}!A1, "):
        run.resubmit(sheet.save(), BY, WHY)


def test_worksheets_that_were_renamed_are_told_apart_and_not_named(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path)
    pages = sheet.book[FEED], sheet.book.copy_worksheet(sheet.book[FEED])
    for page, key, name in zip(pages, KEYS[1:3], (PHONE, PHONE[:-1] + "0"), strict=True):
        for row in range(page.max_row, 1, -1):
            if page.cell(row, 3).value != key:
                page.delete_rows(row)
        page.title = name
    told = run.resubmit(sheet.save(), BY, WHY, dry_run=True)

    assert {KEYS[1]: "accepted", KEYS[2]: "accepted"} == outcomes(told)
    assert ["工作表2·worksheet2 2", "工作表4·worksheet4 2"] == [each.where for each in told]


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_comes_back_however_it_was_saved(batch: str, tmp_path: Path, encoding: str) -> None:
    content, said = run.correction_sheet(HUOYING, FEED, "csv")
    text = content.decode("utf-8-sig")
    rows = text.split("\r\n")
    place = next(i for i, name in enumerate(rows[0].split(",")) if name == "更正 工单性质 handling_role")
    line = next(i for i, row in enumerate(rows) if KEYS[1] in row)
    found = next(csv.reader([rows[line]]))
    found[place] = "主办"
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows([rows[0].split(","), found])
    path = tmp_path / "back.csv"
    path.write_bytes(out.getvalue().encode(encoding))

    assert content.startswith(b"\xef\xbb\xbf")
    assert "'=HYPERLINK(1)" in text
    assert {FEED: 4} == said["rows"]
    assert {KEYS[1]: "accepted"} == outcomes(run.resubmit(path, BY, WHY, dry_run=True))


def test_a_row_that_was_copied_and_corrected_otherwise_is_not_guessed_at(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path)
    page = sheet.book[FEED]
    cell = sheet.cell(KEYS[1], "handling_role")
    for value in ("协办", "主办"):
        page.append([each.value for each in page[cell.row]])
        page.cell(page.max_row, cell.column).value = value
    told = run.resubmit(sheet.save(), BY, WHY)

    assert ["objected"] * 3 == [each.outcome for each in told if each.business_key == KEYS[1]]
    assert {"accepted": 2, "returned": 1} == {
        name: [each.outcome for each in told].count(name) for name in ("accepted", "returned")
    }


def test_hostile_content_stays_text(tmp_path: Path) -> None:
    for text in ("=1+1", "+1", "-1", "@x", "\tx"):
        assert sheets.plain(text)
    assert "a␀b" == sheets.plain("a\0b")
    assert len(sheets.plain("长" * 100_000)) < 3000
    (tmp_path / "x.csv").write_text(
        "row_id,更正 a b\ncity_x/ab/1/cd,'=1\ncity_x/ab/99999999999999999999/cd,1\n"
    )
    found = returned.read(tmp_path / "x.csv")
    assert [{"b": "=1"}] == [row.corrected for row in found.rows]
    assert 1 == len(found.unreadable)
