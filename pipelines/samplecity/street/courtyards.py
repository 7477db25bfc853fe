"""Street courtyards: the stairwell units of every community, as the street offices' common sheet has them.

About buildings only. Runs of equal street, community and company are merged or written 同上, as people do.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from io import BytesIO

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Font

from pipelines.samplecity import desks
from pipelines.samplecity.city.project_sheet import fold, timeless
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, empty_objects, numbered, only_where
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_CODE,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    STREETS,
    City,
    Objects,
)

FEED = "street_courtyards"
COUNT = 8_000
SHEET = "楼门院台账"
FIRST_DATA_ROW = 3
STAIRWELLS = 4
BANDS = np.array(["1-10户", "11-20户", "21-40户", "41户及以上"], dtype=object)
COMPANIES = np.array(["安居物业", "天成物业", "回龙物业", "和谐物业"], dtype=object)

DEFECTS = (
    Defect("R9", ("required:has_lift",), (put("有无电梯", None),)),
    Defect("R9", ("type:chief_present",), (put("有无楼门长", "空缺"),)),
    Defect("R21", ("enum:households_band",), (put("户数档", "100户左右"),)),
    Defect("R12", ("type:building_no",), (put("楼号", "甲栋"),)),
    Defect("R12", ("range:built_year",), (put("建成年份", 1028, 20052),)),
    Defect("E11", ("pattern:courtyard_id",), (change("楼门院编号", lambda text: text.replace("-", "")),)),
    Defect("A6", ("rule:id_holds_community",), (change("楼门院编号", lambda text: "110114299001" + text[12:]),)),
    Defect("A5", ("area:street_code",), (put("所属街道", "区房管局"),)),
    Defect("A4", ("area:street_code",), (put("所属街道", "回龙观镇"),)),
    Defect("T5", ("rule:ends_after_it_begins",), (put("停用日期", date(1990, 1, 1)),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@lru_cache(maxsize=4)
def snapshot(city: City, as_of: date) -> Wire:
    """The sheet at the first instant of `as_of`."""
    count = max(120, round(COUNT * city.scale))
    dice = city.dice("courtyards")
    community = np.sort(dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT))
    salt = dice.integers(0, 2**31, count)
    first = np.searchsorted(community, community)
    building, unit = np.divmod(np.arange(count) - first, STAIRWELLS)
    code, street = COMMUNITY_CODE[community], COMMUNITY_STREET[community]
    # Buildings of one estate were finished together, and one company looks after them.
    estate_salt = salt[first]
    year = 1996 + estate_salt % 20 + building % 3
    ids = np.asarray(
        code + "-B" + numbered("", building + 1, 2) + "-U" + numbered("", unit + 1, 1), dtype=object
    )
    columns: dict[str, Objects] = {
        "楼门院编号": ids.copy(),
        "所属街道": np.array([s.name for s in STREETS], dtype=object)[street],
        "社区代码": code.copy(),
        "所属社区": COMMUNITY_NAME[community],
        "楼号": (building + 1).astype(object),
        "单元": (unit + 1).astype(object),
        "户数档": BANDS[salt % 4],
        "有无电梯": np.where((year > 2004) | (salt % 9 == 0), "有", "无").astype(object),
        "建成年份": np.where(salt % 23 == 0, "不详", year.astype(object)).astype(object),
        "有无楼门长": np.where(salt // 7 % 10 < 7, "有", "无").astype(object),
        "物业公司": only_where(estate_salt % 7 > 0, COMPANIES[estate_salt // 11 % len(COMPANIES)]),
        "启用日期": np.array([date(int(y), 9, 1) for y in year], dtype=object),
        "停用日期": only_where(salt % 211 == 0, empty_objects(count, date(2024, 6, 30))),
    }
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("楼门院编号", columns, midnight, salt, ids, ids.copy(), np.arange(count))
    drawn = spread(city, FEED, count, DEFECTS)
    return plant(wire, drawn, DEFECTS, put("物业公司", "另报物业"))


def workbook(wire: Wire, as_of: date) -> bytes:
    """The sheet as an XLSX file; the same rows and day give the same bytes."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    names = list(wire.columns)
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(names))
    sheet.cell(1, 1, f"回天地区楼门院台账（{as_of.year}年{as_of.month}月）").font = Font(bold=True)
    for place, name in enumerate(names, start=1):
        sheet.cell(2, place, name)
        for row, value in enumerate(wire.columns[name], start=FIRST_DATA_ROW):
            if value is not None:
                cell = sheet.cell(row, place, value)
                if isinstance(value, date):
                    cell.number_format = "yyyy-mm-dd"
    for name in ("所属街道", "社区代码", "所属社区", "物业公司"):
        fold(sheet, wire, name, FIRST_DATA_ROW)
    memory = BytesIO()
    book.save(memory)
    return timeless(memory.getvalue(), as_of)


SOURCE = Source(
    FEED,
    "/street/courtyards.xlsx",
    register(snapshot),
    desks.File("courtyards.xlsx", desks.XLSX, lambda wire, as_of, _: workbook(wire, as_of), end="as_of"),
    DEFECTS,
)
