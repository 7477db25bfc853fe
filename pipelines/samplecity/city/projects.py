"""City project registry: 102 projects of the second round, as the plan office's weekly sheet has them.

Cells keep their Excel nature (dates, numbers, text); `sheet.py` draws the workbook around them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.city import project_sheet
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import REFUSED, Wire, empty_objects, join
from pipelines.samplecity.world import STREETS, City, Ints, Objects

FEED = "city_projects"
COUNT = 102
EPOCH = date(1899, 12, 30)
PACKAGES = (
    ("教育", "区教委", "学位", ("中学新建", "小学扩建", "幼儿园新建"), 23),
    ("医疗卫生养老", "区卫健委", "床位", ("社区卫生服务中心", "养老照料中心", "医院二期"), 16),
    ("绿化文体", "区园林绿化局", "绿地㎡", ("口袋公园", "文体中心", "体育公园"), 17),
    ("交通", "区交通局", "道路km", ("次干路", "支路贯通", "公交场站"), 22),
    ("市政设施", "区城管委", "车位", ("停车楼", "变电站", "再生水厂"), 14),
    ("社会管理", "区委社会工委", "", ("社区服务站", "议事厅", "便民商业"), 10),
)
STAGES = ("前期", "拟开工", "在建", "在建", "完工", "投用", "投用", "暂停", "调出")


def _spent(wire: Wire, rows: Ints) -> None:
    for row in rows:
        total = float(str(wire.columns["总投资"][row]).replace(",", "").replace("，", ""))
        wire.columns["累计完成"][row] = round(total * 3)


def _finished_first(wire: Wire, rows: Ints) -> None:
    for row in rows:
        wire.columns["实际/开工"][row], wire.columns["实际/完工"][row] = date(2025, 6, 1), date(2024, 6, 1)


DEFECTS = (
    Defect("R9", ("required:project_name",), (put("项目名称", None),)),
    Defect("R9", ("required:package_code",), (put("任务包", None),)),
    Defect("T3", ("type:planned_finish",), (put("计划/完工", "2026/13/45", "年底前"),)),
    Defect("R12", ("type:invest_total_wan",), (put("总投资", "见附件"),)),
    Defect("R21", ("enum:stage",), (put("项目阶段", "验收中"),)),
    Defect("R21", ("enum:package_code",), (put("任务包", "生态环境"),)),
    Defect("E11", ("pattern:project_id",), (change("项目编号", lambda text: text.replace("-", "")),)),
    Defect("R11", ("range:physical_progress_pct",), (put("形象进度(%)", 120, -5),)),
    Defect("R11", ("rule:invest_done_within_total",), (_spent,)),
    Defect("T5", ("rule:finish_not_before_start",), (_finished_first,)),
    Defect(
        "R21",
        ("enum:plan_code", "range:physical_progress_pct"),
        (put("计划批次", "HT9"), put("形象进度(%)", 999)),
    ),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The registry as of the first instant of `as_of`, the subtotal row included."""
    dice = city.dice("projects")
    salt = dice.integers(0, 2**31, COUNT)
    package = np.repeat(np.arange(len(PACKAGES)), [p[4] for p in PACKAGES])
    rows = [_project(number, int(salt[number]), PACKAGES[package[number]], as_of) for number in range(COUNT)]
    columns: dict[str, Objects] = {}
    for place, name in enumerate(NAMES):
        columns[name] = np.array([row[place] for row in rows] + [None], dtype=object)[:-1]
    ids = columns["项目编号"].copy()
    instants = np.full(COUNT, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("项目编号", columns, instants, salt, ids, ids.copy(), np.arange(COUNT))
    wire = plant(wire, spread(city, FEED, COUNT, DEFECTS), DEFECTS, put("项目名称", "重复登记项目"))
    return join([wire, _subtotal(wire)])


NAMES = (
    "计划批次", "项目编号", "项目名称", "任务包", "责任单位", "属地街镇", "项目阶段", "计划/开工", "计划/完工", "实际/开工",
    "实际/完工", "形象进度(%)", "总投资", "累计完成", "新增能力/类别", "新增能力/数量", "是否续建", "备注",
)  # fmt: skip


def _project(
    number: int, salt: int, package: tuple[str, str, str, tuple[str, ...], int], as_of: date
) -> tuple[object, ...]:
    title, org, capacity, kinds, _ = package
    week = (as_of - date(2026, 1, 1)).days // 7
    streets = [STREETS[salt // 3 % 7]] + ([STREETS[salt // 5 % 7]] if salt % 4 == 0 else [])
    spelled = [s.aliases[0] if salt % 5 == 0 else s.name for s in dict.fromkeys(streets)]
    stage = STAGES[salt // 7 % len(STAGES)]
    start = date(2021, 3, 1) + timedelta(days=salt // 11 % 1500)
    finish = start + timedelta(days=300 + salt // 13 % 700)
    finished = finish + timedelta(days=salt % 90)
    if stage in ("完工", "投用") and finished >= as_of:
        stage = "在建"  # nothing is finished on a day to come
    begun = stage in ("在建", "完工", "投用", "暂停")
    done = stage in ("完工", "投用")
    total = 800 + salt // 17 % 60_000
    progress = 100 if done else min(95, 10 + (salt // 19 + week) % 85) if begun else 0
    spent = round(total * progress / 100)
    style = salt // 23 % 4
    name = f"{streets[0].estates[salt % len(streets[0].estates)]}{kinds[salt // 29 % len(kinds)]}项目"
    return (
        "HT2", f"HT2-{number + 1:03d}", name, title, org, "、".join(spelled), stage,
        _day(start, style), _day(finish, style), _day(start + timedelta(days=salt % 60), style) if begun else None,
        _day(finished, style) if done else None,
        progress, _amount(total, salt), _amount(spent, salt // 2),
        capacity or None, 100 + salt // 31 % 900 if capacity else None,
        "是" if salt % 6 == 0 else "否", "见说明第①条" if salt % 10 == 0 else None,
    )  # fmt: skip


def _day(day: date, style: int) -> object:
    """A date as a real Excel date, as text, or as the serial number Excel keeps behind it."""
    if style == 2:
        return f"{day.year}/{day.month}/{day.day}"
    return str((day - EPOCH).days) if style == 3 else day


def _amount(value: int, salt: int) -> object:
    return (f"{value:,}", f"{value:,}".replace(",", "，"), value, value)[salt % 4]


def _subtotal(wire: Wire) -> Wire:
    last = wire.take(np.array([len(wire) - 1]))
    for column in last.columns.values():
        column[0] = None
    last.columns["计划批次"][0] = "合计"
    last.columns["总投资"][0] = 1_234_567
    last.columns["累计完成"][0] = 654_321
    last.problem, last.true_id = empty_objects(1, ""), empty_objects(1, "")
    last.label(np.array([0]), REFUSED, (), "R13")
    return last


SOURCE = Source(
    FEED,
    "/plan/projects.xlsx",
    register(snapshot),
    desks.File(
        "projects.xlsx", desks.XLSX, lambda wire, as_of, _: project_sheet.workbook(wire, as_of), end="as_of"
    ),
    DEFECTS,
)
