"""What can be wrong with a single row: what is sent, and what becomes of it. All of them travel in one batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

GLUED = "天通苑一区"


@dataclass(frozen=True)
class Vector:
    """One row. It is validated with `values` and `flags`, or breaks `rules`."""

    identifier: str
    sent: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def one(identifier: str, column: str, text: str, value: Any = None, *flags: str) -> Vector:
    """A row with one odd text, that is mended to `value` with these flags on its column."""
    return Vector(identifier, {column: text}, {column: value}, tuple(f"{column}:{flag}" for flag in flags))


def bad(identifier: str, column: str, text: str, *rules: str) -> Vector:
    """A row with one text that sends it to quarantine."""
    return Vector(identifier, {column: text}, rules=rules)


SENT_ON = {"dispatched_at": "2026-11-17 09:00:00"}

VECTORS = (
    bad("E3", "note_text", "路面\ufffd\ufffd破损", "readable:note_text"),
    bad("E3", "note_text", "锟斤拷锟斤拷破损", "readable:note_text"),
    one("E5", "estate_name", "䶮㛃𬱖𠮷园", "䶮㛃𬱖𠮷园"),
    one("E7", "thing_code", "１１０１１４０１１", "110114011", "half_width"),
    one("E7", "thing_count", "１２０", 120, "half_width"),
    Vector("E7", {"dispatched_at": "２０２６-11-17　09:00:00"}, {"dispatched_at": utc(2026, 11, 17, 1)},
           ("dispatched_at:half_width",)),
    one("E8", "note_text", "约30㎡，①已拍照（25℃）", "约30㎡，①已拍照（25℃）"),
    one("E9", "thing_code", "110114011—2", "110114011-2", "look_alike"),
    one("E9", "thing_code", "110114011–2", "110114011-2", "look_alike"),
    one("E9", "meter_no", "1lO0I", "11001", "look_alike"),
    one("E9", "estate_name", "天通苑—区", GLUED, "look_alike"),
    one("E9", "estate_name", GLUED, GLUED),
    one("E9", "estate_name", "龙泽•苑", "龙泽·苑", "look_alike"),
    one("E10", "note_text", '第一行\n第二行\t"引号"', '第一行\n第二行\t"引号"'),
    one("E11", "built_on", "45292", date(2024, 1, 1), "excel_serial"),
    bad("E11", "thing_code", "1.10114E+11", "pattern:thing_code"),
    bad("E11", "street_code", "1.10114E+08", "area:street_code"),
    one("A1", "street_code", "110114011000", "110114011"),
    one("A2", "street_code", "天通苑北街道办事处", "110114008"),
    one("A3", "street_code", "北京市昌平区霍营街道", "110114010"),
    bad("A4", "street_code", "回龙观镇", "area:street_code"),
    bad("A5", "street_code", "区城管委", "area:street_code"),
    Vector("T1", SENT_ON, {"dispatched_at": utc(2026, 11, 17, 1)}),
    Vector("T1", {"dispatched_at": "1986-06-01 12:00:00"}, {"dispatched_at": utc(1986, 6, 1, 3)}),
    Vector("T3", {"dispatched_at": "2024/1/5 9:3"}, {"dispatched_at": utc(2024, 1, 5, 1, 3)}),
    Vector("T3", {"dispatched_at": "2024年1月5日"}, {"dispatched_at": utc(2024, 1, 4, 16)}),
    Vector("T3", {"dispatched_at": "20240105090300"}, {"dispatched_at": utc(2024, 1, 5, 1, 3)}),
    Vector("T3", {"seen_at": "24-01-05"}, {"seen_at": utc(2024, 1, 4, 16)}),
    one("T3", "seen_at", "1704416580", utc(2024, 1, 5, 1, 3), "epoch"),
    one("T3", "seen_at", "1704416580000", utc(2024, 1, 5, 1, 3), "epoch"),
    bad("T3", "dispatched_at", "1711120304556", "type:dispatched_at"),
    bad("T3", "built_on", "03/04/2024", "type:built_on"),
    bad("T3", "built_on", "2026-02-30", "type:built_on"),
    *(one("T4", column, text, None, "no_date")
      for column in ("built_on", "closed_at", "seen_at")
      for text in ("0000-00-00", "1900-01-01", "9999-12-31", "1900/1/1", "0000-00-00 00:00:00")),
    Vector("T5", {**SENT_ON, "closed_at": "2026-11-17 08:59:00"}, {"closed_at": utc(2026, 11, 17, 1)},
           ("closed_at:clamped",)),
    Vector("T5", {**SENT_ON, "closed_at": "2026-11-17 08:58:59"}, rules=("rule:close_not_before_dispatch",)),
    Vector("T6", {"closed_at": "2026-11-18 00:50:00"}, {"closed_at": utc(2026, 11, 17, 16, 40)},
           ("closed_at:clock_skew",)),
    Vector("T6", {"closed_at": "2026-11-18 00:50:01"}, rules=("rule:not_from_the_future",)),
    one("T7", "closed_at", "2026-11-17 24:00:00", utc(2026, 11, 17, 16), "24_hours"),
    *(one("R9", "remark", text)
      for text in ("无", "没有", "/", "\\", "—", "-", "－", ".", "空", "暂无", "不详", "未知", "待定", "null", "NULL",
                   "None", "N/A", "nan", "\\N", "#N/A", "0000")),
    one("R9", "has_lift", "无", "none"),
    one("R9", "caller_ref", "保密", "withheld"),
    one("R11", "done_share", "0.95", 0.95),
    bad("R11", "done_share", "95", "range:done_share"),
    bad("R11", "done_share", "95%", "type:done_share"),
    bad("R11", "area_m2", "15亩", "type:area_m2"),
    one("R12", "thing_count", "1，208", 1208, "half_width", "thousands"),
    one("R12", "thing_count", "1,208", 1208, "thousands"),
    one("R12", "thing_count", "二十三", 23, "chinese_numeral"),
    one("R12", "thing_count", "一千零五", 1005, "chinese_numeral"),
    one("R12", "thing_count", "约120", 120, "approximate"),
    one("R12", "thing_count", "120余", 120, "approximate"),
    one("R12", "thing_count", "约1,200", 1200, "thousands", "approximate"),
    bad("R12", "thing_count", "一百二", "type:thing_count"),
    bad("R12", "thing_count", "1,20", "type:thing_count"),
    bad("R12", "thing_count", "1.5", "type:thing_count"),
    one("R14", "note_text", "电话１３９ ０００－１２３４５，请回", "电话[号码]，请回"),
    one("R14", "note_text", "2024-01-05 13900012345", "2024-01-05 [号码]"),
    bad("R20", "estate_name", "测试小区", "test:estate_name"),
    bad("R20", "estate_name", "演示：联调", "test:estate_name"),
    bad("R20", "caller_ref", "13800138000", "test:caller_ref"),
    bad("R20", "caller_ref", "１３８００１３８０００", "test:caller_ref"),
    one("R21", "satisfied", "非常满意", "yes"),
    one("R21", "satisfied", "较满意", "yes"),
    bad("R21", "satisfied", "还行", "enum:satisfied"),
)  # fmt: skip
