"""Bad rows go out on a sheet, come back corrected, and every one of them can be accounted for."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import openpyxl
import pytest
from channel_days import DAYS, files, listened, pulled_at, run_warehouse
from desk_sheets import BAD_ORDERS, BY, FEED, KEYS, PHONE, WHY, asked, corrected, export, outcomes
from landed_by_hand import GOOD_ORDER, land_by_hand, window_of
from test_channel_leaks import OURS, leaked
from typer.testing import CliRunner

from pipelines import cli, lake, releases, run, settings
from pipelines.desk import returned, rows, sheets
from pipelines.errors import DataError
from pipelines.samplecity import answerkey


def states() -> dict[str, str]:
    return dict(asked("select business_key || ' ' || row_number, state from ops.quarantine order by all"))


def test_a_sheet_is_open_where_something_is_wrong_and_nowhere_else(batch: str, tmp_path: Path) -> None:
    sheet = export(tmp_path)
    page = sheet.book[FEED]
    texts = {str(cell.value) for row in page.iter_rows() for cell in row}
    choices = {each.formula1 for each in page.data_validations.dataValidation}
    open_cells = {
        (page.cell(cell.row, 3).value, str(page.cell(1, cell.column).value).split("\n")[1])
        for row in page.iter_rows(min_row=2)
        for cell in row
        if not cell.protection.locked
    }

    assert [sheets.GUIDE, FEED, "选项 Lists"] == sheet.book.sheetnames
    assert all(one.protection.sheet for one in sheet.book.worksheets)
    assert {
        (KEYS[1], "handling_role"),
        (KEYS[2], "contacted_at"),
        (KEYS[3], "work_order_id"),
        (KEYS[4], "satisfied"),
        (KEYS[4], "caller_ref"),
    } == open_cells
    assert len(choices) == 2
    assert "D2" == page.freeze_panes
    assert "=HYPERLINK(1)" in texts
    assert {"s", "n"} >= {cell.data_type for row in page.iter_rows() for cell in row}, "no cell is a formula"
    assert sheets.NOT_SHOWN in texts
    assert not {GOOD_ORDER["主要内容"], GOOD_ORDER["标题"]} & texts
    assert any("应为 主办、协办、转办 之一；实际为「主管」" in text for text in texts)
    assert KEYS[5] not in texts
    assert KEYS[5] in {cell.value for cell in export(tmp_path, "").book[FEED]["C"]}, (
        "nobody's row is on the owner's sheet"
    )
    assert any("one of 主办, 协办, 转办; found “主管”" in text for text in texts)


def test_three_rows_are_corrected_and_one_comes_back(batch: str, home: Path, tmp_path: Path) -> None:
    sheet = corrected(tmp_path).save()
    before = files(home / "lake")
    trial = run.resubmit(sheet, BY, WHY, dry_run=True)

    assert before == files(home / "lake")

    with listened() as said:
        told = run.resubmit(sheet, f"{BY} {PHONE}", WHY)
        once = files(home / "lake")
        again = run.resubmit(sheet, BY, WHY)
        run.load()
        run.check()

    expected = {KEYS[1]: "accepted", KEYS[2]: "accepted", KEYS[3]: "accepted", KEYS[4]: "returned"}
    assert expected == outcomes(trial) == outcomes(told)
    assert dict.fromkeys(expected, "skipped") == outcomes(again)
    assert once == files(home / "lake")
    back = next(each for each in told if each.outcome == "returned")
    assert any("很满意" in line and "取值应为" in line for line in back.reasons_zh)
    assert ["HL-20261117-000001", "HL-20261117-000002", "HL-20261117-000003", "HL-20261117-000004"] == [
        key for (key,) in asked(f"select work_order_id from {FEED.replace('_', '.', 1)} order by all")
    ]
    assert [("source", 6, 1, 5, 0), ("correction", 4, 3, 1, 0)] == asked(
        "select origin, received, validated, quarantined, duplicate from ops.batches order by landed_at"
    )
    assert sorted(["corrected"] * 3 + ["returned", "open", "open"]) == sorted(states().values())
    ledger = "select * from ops.corrections order by row_number"
    kept = asked(ledger)
    assert [
        ("accepted", KEYS[1], KEYS[1]),
        ("accepted", KEYS[2], KEYS[2]),
        ("accepted", KEYS[3], "HL-20261117-000004"),
    ] == asked(
        "select outcome, business_key, record_key from ops.corrections where outcome = 'accepted' order by row_number"
    )

    lake.warehouse_file().unlink()
    run.load()

    assert kept == asked(ledger)
    assert {} == leaked(home, OURS)
    assert set() == answerkey.find_marked(said.getvalue(), OURS)


def test_a_corrected_row_leads_to_what_the_source_sent_and_to_what_the_office_did(
    batch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.resubmit(corrected(tmp_path).save(), BY, WHY)
    run.load()
    monkeypatch.delenv("URBANBRAIN_PROJECT")  # a trace reads the whole project: which table is made of which
    (record,) = run.trace(FEED.replace("_", ".", 1), KEYS[1], with_bytes=True)["records"]

    assert [("source", "主管"), ("correction", "主办")] == [
        (each["origin"], row["handling_role"]) for each in record["batches"] for row in each["received"]
    ]
    sent, back = (each["received"][0] for each in record["batches"])
    assert sent.keys() - {"_row_number"} <= back.keys()
    assert sent["caller_ref"] == back["caller_ref"]


@pytest.mark.long
def test_what_went_through_privacy_once_goes_through_unchanged(batch: str, tmp_path: Path) -> None:
    run.resubmit(corrected(tmp_path).save(), BY, WHY)
    run.load()
    columns = "caller_ref, category_l1, category_l2, category_l3, content_text, place_text, lon"
    rows = asked(f"select distinct {columns} from city.hotline_orders")

    assert 1 == len(rows), "corrected rows are as the good one but for what was corrected"
    masked = asked(
        "select received ->> '$.caller_ref' from ops.quarantine where business_key = 'HL-20261117-000005'"
    )
    assert {"test"} < {value for (value,) in masked}
    assert [("2026-11-17 00:55:00+00",)] == asked(
        "select contacted_at::varchar from city.hotline_orders where work_order_id = 'HL-20261117-000003'"
    )


@pytest.mark.long
def test_a_returned_row_can_be_corrected_again(batch: str, tmp_path: Path) -> None:
    run.resubmit(corrected(tmp_path).save(), BY, WHY)
    run.load()
    second = export(tmp_path).write(KEYS[4], "satisfied", "满意").save()

    assert {KEYS[4]: "accepted"} == outcomes(run.resubmit(second, BY, WHY))
    run.load()
    run.check()
    assert ["returned", "corrected"] == [
        state
        for (state,) in asked(
            f"select state from ops.quarantine where business_key = '{KEYS[4]}' order by landed_at"
        )
    ]


def test_a_correction_of_a_version_that_is_old_by_now_is_accepted_and_told_to_be_overtaken(
    batch: str, tmp_path: Path
) -> None:
    newer = GOOD_ORDER | {"工单编号": KEYS[1], "版本号": 2, "最后修改时间": "2026-11-18 11:00:00"}
    run.gate(str(land_by_hand(FEED, [newer], landed_at=pulled_at(DAYS[1]))))
    run.load()
    run.resubmit(corrected(tmp_path).save(), BY, WHY)
    run.load()
    ledger = "select business_key, outcome, is_overtaken from ops.corrections order by all"
    expected = [
        (KEYS[1], "accepted", True),
        (KEYS[2], "accepted", False),
        (KEYS[3], "accepted", False),
        (KEYS[4], "returned", None),
    ]

    assert [(1, 2)] == asked("select stale, inserted from ops.batches where origin = 'correction'")
    assert sorted(expected) == asked(ledger)
    lake.warehouse_file().unlink()
    run.load()
    assert sorted(expected) == asked(ledger)


@pytest.mark.long
def test_newer_versions_win_over_a_correction_and_late_older_ones_do_not(batch: str, tmp_path: Path) -> None:
    sheet = export(tmp_path).write(KEYS[1], "handling_role", "主办").save()
    run.resubmit(sheet, BY, WHY, as_of="2026-11-18T10:00+08:00")
    newer = GOOD_ORDER | {
        "工单编号": KEYS[1],
        "版本号": 2,
        "最后修改时间": "2026-11-18 11:00:00",
        "标题": "新",
    }
    older = GOOD_ORDER | {
        "工单编号": KEYS[1],
        "版本号": 0,
        "最后修改时间": "2026-11-17 09:00:00",
        "标题": "旧",
    }
    found = []
    for record, hour in ((older, 12), (newer, 13)):
        landed = land_by_hand(
            FEED,
            [record | {"版本号": max(record["版本号"], 1)}],
            landed_at=pulled_at(DAYS[1]).replace(hour=hour),
        )
        run.gate(str(landed))
        run.load()
        found += asked(
            f"select title_text, handling_role from city.hotline_orders where work_order_id = '{KEYS[1]}'"
        )

        found += asked("select is_overtaken from ops.corrections")

    assert [("路面坑洼", "lead"), (False,), ("新", "lead"), (True,)] == found


def test_a_row_is_given_up_with_a_reason_and_never_comes_back(batch: str, tmp_path: Path) -> None:
    sheet = corrected(tmp_path).save()
    with pytest.raises(DataError, match="for a reason"):
        run.discard(FEED, batch, [2], BY, " ")
    assert {KEYS[1]: "discarded"} == outcomes(run.discard(FEED, batch, [2], BY, WHY, dry_run=True))
    assert [] == list((lake.lake() / "decisions" / "discards").glob("*"))
    told = run.discard(FEED, batch, [2, 99], BY, f"{WHY} {PHONE}")

    assert {KEYS[1]: "discarded", f"{batch} 99": "skipped"} == outcomes(told)
    assert "skipped" == outcomes(run.resubmit(sheet, BY, WHY))[KEYS[1]]
    run.load()
    run.check()
    assert [("discarded", f"{WHY} [号码]", None)] == asked(
        "select outcome, reason, record_key from ops.corrections where outcome = 'discarded'"
    )
    assert "discarded" == states()[f"{KEYS[1]} 2"]


@pytest.mark.long
def test_the_same_bad_row_received_again_is_one_row_on_the_sheet(batch: str, tmp_path: Path) -> None:
    rows = [GOOD_ORDER | change for change in BAD_ORDERS[:2]]
    run.gate(str(land_by_hand(FEED, rows, landed_at=pulled_at(DAYS[1]))))
    run.load()
    sheet = export(tmp_path)

    assert ["2"] == [row[3].value for row in sheet.book[FEED].iter_rows(min_row=2) if row[2].value == KEYS[1]]
    assert {KEYS[1]: "accepted"} == outcomes(
        run.resubmit(sheet.write(KEYS[1], "handling_role", "主办").save(), BY, WHY)
    )
    run.load()
    run.check()
    run.gate(str(land_by_hand(FEED, rows[1:], landed_at=pulled_at(DAYS[2]))))
    run.load()
    assert [("corrected", 3)] == asked(
        f"select state, count(*) from ops.quarantine where business_key = '{KEYS[1]}' group by all"
    )


def test_a_dropped_sheet_ends_in_one_of_two_folders_with_a_word_beside_it(
    batch: str, home: Path, tmp_path: Path
) -> None:
    inbox = settings.inbox()
    (inbox / "taking").mkdir(parents=True)
    corrected(tmp_path).save().rename(inbox / "taking" / "left by a killed one.xlsx")
    for name, content in (
        ("picture.xlsx", b"\x89PNG"), ("bomb.xlsx", b"PK\x03\x04 no zip"), ("half.xlsx.part", b"PK"), ("~$lock.xlsx", b""),
        ("other.csv", "姓名,电话\r\n王,".encode() + PHONE.encode()), (f"{'名' * 80}.csv", b"a,b\n"),
    ):  # fmt: skip
        (inbox / name).write_bytes(content)
        os.utime(inbox / name, (1, 1))
    (inbox / "still copied.xlsx").write_bytes(b"PK")
    (inbox / "link.csv").symlink_to("/etc/hosts")
    told = run.take_inbox()

    assert {"left by a killed one.xlsx"} == {each.name for each in told if each.is_taken}
    assert {"picture.xlsx", "bomb.xlsx", "other.csv", f"{'名' * 80}.csv"} <= {
        each.name for each in told if not each.is_taken
    }
    assert all(each.message.strip() for each in told)
    left = {path.name for path in inbox.iterdir() if not path.is_dir()}
    assert {"half.xlsx.part", "~$lock.xlsx", "still copied.xlsx"} <= left
    assert [] == list((inbox / "taking").iterdir())
    assert {} == leaked(home, OURS)
    kept = next(each for each in told if each.is_taken)
    assert "accepted 3, returned 1" in kept.message
    opened = CliRunner().invoke(
        cli.app, ["quarantine", "inbox", "--unseal", kept.kept_in, "--output", str(tmp_path / "again.xlsx")]
    )
    assert opened.exit_code == 0, opened.output
    assert returned.read(tmp_path / "again.xlsx").rows


def test_a_sheet_the_disk_does_not_give_stays_and_harms_no_other(
    batch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = settings.inbox()
    inbox.mkdir()
    (inbox / "locked.csv").write_text("a,b\n")
    corrected(tmp_path).save().rename(inbox / "sheet.xlsx")
    read = returned.read

    def denied(path: Path, feeds: Collection[str]) -> returned.ReturnedSheet:
        if path.name == "locked.csv":
            raise PermissionError(path)
        return read(path, feeds)

    monkeypatch.setattr(returned, "read", denied)
    told = {each.name: each for each in run.take_inbox(0)}

    assert (False, True) == (told["locked.csv"].is_taken, told["sheet.xlsx"].is_taken)
    assert "cannot be read or put away (PermissionError)" in told["locked.csv"].message
    assert str(inbox / "taking" / "locked.csv") == told["locked.csv"].kept_in
    assert ["locked.csv"] == [path.name for path in (inbox / "taking").iterdir()]


def test_the_last_act_on_a_row_or_on_one_of_its_content_counts() -> None:
    day = pulled_at(DAYS[0])

    def bad(batch_id: str, number: int, content: str) -> rows.Bad:
        return rows.Bad(FEED, window_of(DAYS[0]), batch_id, number, content, day, "", None, [], {})

    sent = rows.Settled(rows.RETURNED, "x", (FEED, "a", 1), ("b", 1))
    given_up = rows.Settled(rows.DISCARDED, "y", (FEED, "a", 2))
    acts = rows.Acts([given_up, sent])

    assert sent == acts.on(bad("a", 1, "x"))
    assert sent == acts.on(bad("c", 7, "x")), "the same row, received again"
    assert acts.on(bad("b", 1, "x")) is None, "what came back may be corrected again"
    assert acts.on(bad("c", 8, "z")) is None
    assert sent == rows.Acts([given_up, sent]).on(bad("a", 2, "x")), "the later of the two"


def test_rows_that_are_summed_up_cannot_be_corrected_one_by_one(home: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("row_id,更正 a online_share\nstreet_device_status/ab/1/cd,1\n")
    told = run.resubmit(tmp_path / "x.csv", BY, WHY)

    assert ["objected"] == [each.outcome for each in told]
    assert "summed up" in told[0].detail


@pytest.mark.long
def test_a_street_office_corrects_its_rows_in_the_demo(copied: Path, tmp_path: Path) -> None:
    """Through every table and a release: figures follow, the office sees its ledger, every row is accounted for."""
    before = releases.current().release_id
    sheet = export(tmp_path)
    flow = sheet.book["city_hotline_flow"]
    heads = {str(cell.value): cell.column for cell in flow[1]}
    assert heads
    for feed in sheet.book.sheetnames[1:-1]:
        page = sheet.book[feed]
        for row in page.iter_rows(min_row=2):
            for cell in row:
                if not cell.protection.locked and "event_no" in str(page.cell(1, cell.column).value):
                    cell.value = 9.0
    told = run.resubmit(sheet.save(), BY, WHY)
    run_warehouse()

    assert "accepted" in {each.outcome for each in told}
    assert before != releases.current().release_id
    accepted = sum(each.outcome == "accepted" for each in told)
    assert [(accepted,)] == asked("select count(*) from ops.corrections where outcome = 'accepted'")
    assert [(accepted,)] == asked("select sum(validated) from ops.batches where origin = 'correction'")
    assert [(0,)] == asked(
        "select count(*) from ops.batches where origin = 'correction' and validated <> inserted + updated + unchanged + stale"
    )
    book = openpyxl.load_workbook(sheet.path)
    assert book.sheetnames == sheet.book.sheetnames
