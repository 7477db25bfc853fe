"""Defects of whole files and batches: mended with a flag, refused, or warned of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from judged import THINGS, WIRE, judged, sheet

from pipelines.errors import DataError, DataRefused
from pipelines.readers.decoding import decode
from pipelines.samplecity.faults import spoil

SATURDAY = date(2026, 11, 14)
ROWS = [
    {"thing_id": f"T{number}", "estate_name": "龙泽苑", "note_text": "霍营街道道路破损"}
    for number in range(4)
]
PRIVATE = "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864"
PUBLIC = "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb"


def test_e1_a_file_in_another_encoding_is_decoded_and_every_row_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = judged(monkeypatch, spoil(sheet(*ROWS).encode(), "wrong_encoding"))

    assert {"龙泽苑"} == {row["estate_name"] for row in found.rows.values()}
    assert [["_file:re_decoded"]] * 4 == [row["_dq_flags"] for row in found.rows.values()]
    assert "gb18030" == found.receipt.details["encoding_actual"]


@pytest.mark.parametrize("text", ["霍营街道", "道路破损"])
def test_e2_utf8_read_as_gbk_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    rows = [{"thing_id": "T1", "note_text": text}]

    with pytest.raises(DataError, match="looks like UTF-8 read as GBK"):
        judged(monkeypatch, spoil(sheet(*rows).encode(), "mojibake"))


def test_e4_marks_of_files_put_together_go_and_every_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, spoil(sheet(*ROWS).encode(), "byte_order_marks"))

    assert {"T0", "T1", "T2", "T3"} == set(found.rows)
    assert [["_file:byte_order_mark"]] * 4 == [row["_dq_flags"] for row in found.rows.values()]


def test_e6_private_characters_become_those_of_the_standard_and_their_rows_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{**ROWS[0], "estate_name": PRIVATE}, *ROWS[1:]]
    trailer = "#rows=4\n"

    found = judged(monkeypatch, sheet(*rows, trailer=trailer).encode("gb18030"), server="chinese")

    assert 19 == len(PRIVATE)
    assert PUBLIC == found.rows["T0"]["estate_name"]
    assert [["estate_name:gb18030_2022"], [], [], []] == [row["_dq_flags"] for row in found.rows.values()]


@pytest.mark.parametrize(
    ("code", "letter"), [("fe9f", "䶮"), ("8230b731", "㛃"), ("9933c336", "𬱖"), ("9534b235", "𠮷")]
)
def test_e5_rare_letters_are_read_where_gbk_would_fail(code: str, letter: str) -> None:
    content = "名称\n地名".encode("gb18030") + bytes.fromhex(code)

    assert f"名称\n地名{letter}" == decode(content, "gbk", "here").data.decode()
    with pytest.raises(UnicodeDecodeError):
        bytes.fromhex(code).decode("gbk")


def test_e10_a_row_of_another_width_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"line 6.*field"):
        judged(monkeypatch, sheet(*ROWS) + "T9,one,too,few\n")


@pytest.mark.parametrize("promised", [3, 5])
def test_e10_a_count_that_does_not_fit_refuses_the_file(
    monkeypatch: pytest.MonkeyPatch, promised: int
) -> None:
    with pytest.raises(DataError, match=f"promises {promised} row.s., the file holds 4"):
        judged(monkeypatch, sheet(*ROWS, trailer=f"#rows={promised}\n"), server="chinese")


def test_t2_times_that_pass_for_local_ones_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"thing_id": f"T{hour}-{n}", "dispatched_at": f"2026-11-17 {hour:02d}:{n:02d}:00"}
        for hour in (1, 2, 3, 4, 9)
        for n in range(5)
    ]

    found = judged(monkeypatch, sheet(*rows))

    [warning] = [each for each in found.warnings if "night:dispatched_at" in each]
    assert (
        "expected at most 40 % of the times between 00:00 and 06:00 (more looks like UTC), found 80"
        in warning
    )
    assert 25 == len(found.rows)


def test_r10_same_as_above_is_the_value_above_and_a_merged_range_fills_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from openpyxl import Workbook

    book = Workbook()
    page = book.active
    page.append(list(WIRE.values()))
    place = list(WIRE).index("estate_name") + 1
    for number, name in enumerate(["龙泽苑", "同上", "云趣园", None, None], 2):
        page.cell(number, 1, f"T{number}")
        page.cell(number, place, name)
    page.merge_cells(start_row=4, end_row=5, start_column=place, end_column=place)
    book.save(tmp_path / "book.xlsx")

    found = judged(monkeypatch, (tmp_path / "book.xlsx").read_bytes(), server="sheet")

    assert [
        ("龙泽苑", []),
        ("龙泽苑", ["estate_name:filled_down"]),
        ("云趣园", []),
        ("云趣园", []),
        (None, []),
    ] == [(row["estate_name"], row["_dq_flags"]) for row in found.rows.values()]


@pytest.mark.parametrize(("unit", "factor"), [("亩", 1 / 666.67), ("公顷", 1 / 10_000)])
def test_r11_another_unit_is_never_scaled_in_silence(
    monkeypatch: pytest.MonkeyPatch, unit: str, factor: float
) -> None:
    areas = [800, 5_000, 30_000, 120_000]
    rows = [{"thing_id": f"T{n}", "area_m2": f"{area * factor:.4f}"} for n, area in enumerate(areas)]

    with pytest.raises(DataError, match="magnitude:area_m2: expected a median between 100 and 200000"):
        judged(monkeypatch, sheet(*rows))


def test_r13_subtotals_are_refused_and_used_as_control_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"T1": 3, "T2": 4, "小计": 7, "T3": 5, "小计 ": 5, "合计": 13}
    rows = [{"thing_id": key, "thing_count": str(count)} for key, count in counts.items()]

    found = judged(monkeypatch, sheet(*rows))

    assert [3, 5, 6] == sorted(found.refused)
    assert {"T1", "T2", "T3"} == set(found.rows)
    assert ["row 6: thing_count of the subtotal is 13, the rows before it give 12"] == [
        each for each in found.warnings if "subtotal" in each
    ]


def test_r15_a_new_column_is_warned_of_and_columns_may_change_places(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line.split(",") for line in sheet(*ROWS).splitlines()]
    turned = "\n".join(",".join([*reversed(line), "新增" if not n else "x"]) for n, line in enumerate(lines))

    found = judged(monkeypatch, turned)

    assert {"T0", "T1", "T2", "T3"} == set(found.rows)
    assert any("unknown column" in each and "新增" in each for each in found.warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "说明：本表由系统导出\n" + text, "column|fields"),
        (lambda text: text + text, "header"),
    ],
    ids=["header moved", "two tables"],
)
def test_r15_a_header_that_is_another_one_refuses_the_file(
    monkeypatch: pytest.MonkeyPatch, change, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        judged(monkeypatch, change(sheet(*ROWS)))


def test_r15_a_renamed_column_lets_the_file_wait_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, sheet(*ROWS).replace("小区", "小区名", 1))

    assert [("missing_column", True)] == [
        (
            hold.kind,
            "estate_name is missing" in hold.text_en and hold.text_en.endswith("nearest found: '小区名'"),
        )
        for hold in found.receipt.holds
    ]


def test_r16_a_file_cut_short_is_noticed_by_its_missing_trailer(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sheet(*ROWS, trailer="#rows=4\n").encode("gb18030")

    with pytest.raises(DataError, match=r"the last line should begin with '#rows=' .* does not"):
        judged(monkeypatch, spoil(whole, "cut_short"), server="chinese")


def test_r17_no_rows_on_a_working_day_are_missing_data(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = spoil(sheet(*ROWS).encode(), "no_rows")

    with pytest.raises(DataError, match="no row came for 2026-11-17, a day on which there is data"):
        judged(monkeypatch, empty)


def test_r17_no_rows_on_a_day_off_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(monkeypatch, spoil(sheet(*ROWS).encode(), "no_rows"), day=SATURDAY)

    assert (0, {}) == (found.receipt.received, found.rows)


def test_r23_the_same_thing_under_two_keys_is_a_rule_of_the_batch() -> None:
    """Two rows alike in place and name: a warning of the contract says how many (`metric: duplicateValues`)."""
    from pipelines import contract

    devices = contract.load("street_video_devices")
    [rule] = [rule for rule in devices.rules if rule.rule_id == "rule:seen_twice"]

    assert ("batch", "warning") == (rule.scope, rule.severity)
    assert {"device_name", "lon", "lat"} == set(rule.arguments["columns"])


def test_nothing_here_is_refused_for_other_reasons() -> None:
    assert issubclass(DataRefused, DataError)
    assert "city_things" == THINGS.feed_id
