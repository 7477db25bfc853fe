"""City hotline flow log: one row per step of an order, in the order in which the centre wrote them down.

The log only grows. Some steps are written down a day late, and an order that reaches the table late brings
all its steps with it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, words
from pipelines.samplecity.city import hotline
from pipelines.samplecity.city.hotline_log import STEP, TYPES, log, street_at
from pipelines.samplecity.defects import NONE, Defect, change, draw, mendable, plant, put
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, numbered, only_where, text_of_times
from pipelines.samplecity.world import STREETS, City, Objects, spell_streets, stamp

FEED = "city_hotline_flow"
LOOK_BACK = timedelta(hours=6)
CENTRE = "市民热线服务中心"
OF_CENTRE = tuple(
    STEP[label]
    for label in ("受理", "派单", "再派", "督办", "升级", "回访未接通", "回访", "评价", "重办", "再回访", "再评价", "剔除", "恢复")
)  # fmt: skip
LABELS = np.array([label.removeprefix("再") if label != "再派" else label for label in TYPES], dtype=object)
REASONS = {
    "退单": ("非本辖区点位", "不属本街道职责，建议派区城管委", "点位属相邻街道"),
    "再派": ("首接负责，请先行办理", "核实后改派"),
    "延期": ("需协调产权单位", "配件到货需五日"),
    "剔除": ("不可抗力，予以剔除", "重复诉求，予以剔除"),
    "恢复": ("申诉未通过，恢复考核",),
    "督办": ("临期未办，请加快",),
    "吹哨": ("街道吹哨，部门报到",),
}


def _from_tomorrow(wire: Wire, rows: np.ndarray) -> None:
    for row in rows:
        moved = datetime.fromisoformat(wire.columns["记录时间"][row]) + timedelta(hours=30)
        wire.columns["发生时间"][row] = moved.isoformat(sep=" ")


DEFECTS = (
    Defect("R9", ("required:event_id",), (put("流水号", "", None),)),
    Defect("R9", ("required:work_order_id",), (put("工单编号", "", None),)),
    Defect("R9", ("rule:dispatch_says_where_to",), (put("环节", "派单", "再派"), put("去向单位", None))),
    Defect("T3", ("type:logged_at",), (put("记录时间", "2026-11-31 08:00:00", "昨日下午"),)),
    Defect("R21", ("enum:event_type",), (put("环节", "跟进", "催办两次"),)),
    Defect("E11", ("pattern:work_order_id",), (change("工单编号", lambda text: text.replace("-", "", 1)),)),
    Defect("A5", ("area:street_code",), (put("涉及街镇", "区城管委", "市排水集团"),)),
    Defect("A4", ("area:street_code",), (put("涉及街镇", "回龙观镇", "110114006"),)),
    Defect("T6", ("rule:not_written_before_it_happened",), (_from_tomorrow,)),
    Defect("R4", ("range:event_no",), (put("序号", 0, 10000),)),
    Defect("E3", ("readable:reason_text",), (put("说明", "非本辖区\ufffd\ufffd点位", "锟斤拷锟斤拷点位"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=64)
def _day(city: City, day: date) -> tuple[Wire, np.ndarray]:
    """Every row the log will ever have on the orders of `day`, sound, and which defect each gets."""
    known = log(city, day)
    orders, rows = known.orders, np.nonzero(~np.isnat(known.steps))
    order, step = (np.asarray(part, dtype=np.int64) for part in rows)
    when = known.steps[order, step]
    sorting = np.lexsort((step, when, order))
    order, step, when = order[sorting], step[sorting], when[sorting]
    event_no = np.arange(len(order)) - np.searchsorted(order, order) + 1
    salt = (orders.salt[order] // 7 + 9973 * event_no) % 2**31
    ids = np.asarray(orders.ids[order] + numbered("-", event_no, 2), dtype=object)
    written = np.maximum(when, orders.appears[order])
    written += np.where(salt % 50 == 7, 30 * 3600, salt % 40).astype("m8[s]")
    street = street_at(orders, order, when)
    first = np.isin(step, [STEP["派单"], STEP["退单"]])
    street = np.where(first, known.first_street[order], street)
    centre = np.isin(step, OF_CENTRE)
    goes, returned = np.isin(step, [STEP["派单"], STEP["再派"]]), step == STEP["退单"]
    names = np.array([s.name for s in STREETS], dtype=object)[street]
    columns: dict[str, Objects] = {
        "_id": empty_objects(len(order)),
        "流水号": ids.copy(),
        "工单编号": orders.ids[order].copy(),
        "序号": event_no.astype(object),
        "环节": LABELS[step],
        "发生时间": text_of_times(when, np.where(salt % 10 == 3, 1, 0)),
        "记录时间": text_of_times(written),
        "经办单位": np.where(centre, CENTRE, names),
        "涉及街镇": spell_streets(street, salt // 13),
        "去向单位": only_where(goes | returned, np.where(goes, names, CENTRE)),
        "说明": _reasons(orders, order, step, salt),
    }
    wire = Wire("流水号", columns, written, salt, orders.ids[order], ids, written)
    wire = wire.take(np.lexsort((np.arange(len(wire)), written)))
    return wire, draw(city, FEED, day, len(wire), DEFECTS)


def _reasons(orders: hotline.Orders, order: np.ndarray, step: np.ndarray, salt: np.ndarray) -> Objects:
    text = empty_objects(len(order))
    for label, reasons in REASONS.items():
        rows = step == STEP[label]
        text[rows] = np.array(reasons, dtype=object)[salt[rows] % len(reasons)]
    for row in np.flatnonzero((step == STEP["回复"]) & (salt % 5 == 0)):
        phone, number = words.mobile(int(orders.phone[order[row]])), int(orders.salt[order[row]])
        text[row] = "已回复来电人，" + words.mention(int(salt[row] // 5), phone, number, f"{orders.day}")
    return text


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """The log as far as it is written at `clock`; `_id` grows down the log. A row put right keeps its own."""
    day, parts, labels = city.history_start, [], []
    while day <= clock.date():
        wire, drawn = _day(city, day)
        parts.append(wire)
        labels.append(drawn)
        day += timedelta(days=1)
    joined, drawn = join(parts), np.concatenate(labels)
    sorting = np.lexsort((joined.true_id.astype(str), joined.order))
    # Ten apart: a row that is written twice has its second number between.
    joined.columns["_id"][sorting] = (10 * np.arange(1, len(joined) + 1)).astype(object)
    sorting = sorting[joined.updated[sorting] <= stamp(clock)]
    joined, drawn = joined.take(sorting), drawn[sorting]
    mended_at = joined.updated + (26 * 3600 + joined.salt % 86400).astype("m8[s]")
    mended = mendable(drawn, DEFECTS) & (joined.salt % 4 == 0) & (mended_at <= stamp(clock))
    joined.updated = np.where(mended, mended_at, joined.updated)
    joined.columns["记录时间"] = text_of_times(joined.updated)
    wire = plant(joined, np.where(mended, NONE, drawn), DEFECTS, put("说明", "补录：重复推送"))
    numbers = wire.columns["_id"]
    numbers[1:][numbers[1:] == numbers[:-1]] += 1
    return wire


SOURCE = Source(
    FEED,
    "/hotline/flow",
    incremental(snapshot),
    desks.Keyset(key="_id", start="from", end="to"),
    DEFECTS,
    LOOK_BACK,
)
