"""District medical institutions: beds, family-doctor contracts and emergency stations, three months at a time."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, numbered, only_where
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    City,
    Ints,
    Objects,
    spell_streets,
)

FEED = "district_medical_institutions"
COUNT = 300
MONTHS = 3
# Kind, levels it has, its share, beds it opens and residents who sign there, at most.
KINDS = (
    ("社区卫生服务站", ("一级", "未定级"), 0.5, 0, 6000),
    ("社区卫生服务中心", ("一级", "一级"), 0.2, 60, 40000),
    ("专科医院", ("二级", "未定级"), 0.12, 180, 0),
    ("综合医院", ("三级", "二级"), 0.1, 900, 0),
    ("妇幼保健院", ("二级", "三级甲等"), 0.03, 200, 0),
    ("护理院", ("未定级", "未评级"), 0.05, 120, 0),
)


def _too_many_open(wire: Wire, rows: Ints) -> None:
    wire.columns["bedsApproved"][rows] = 40
    wire.columns["bedsOpen"][rows] = 400


DEFECTS = (
    Defect("R9", ("required:org_name",), (put("orgName", "", None),)),
    Defect("R9", ("required:beds_open",), (put("bedsOpen", None),)),
    Defect("R12", ("type:gp_signed_count",), (put("gpSigned", "见附表", "统计中"),)),
    Defect("R12", ("type:beds_open",), (put("bedsOpen", "全部"),)),
    Defect("R21", ("enum:institution_level",), (put("level", "四级", "甲等"),)),
    Defect("R21", ("enum:institution_kind",), (put("kind", "诊所联合体"),)),
    Defect("E11", ("pattern:org_code",), (change("orgCode", lambda text: f"PDY{text[3]}.{text[4:7]}E+12"),)),
    Defect("R12", ("range:beds_approved",), (put("bedsApproved", 99_999, 120_000),)),
    Defect("A5", ("area:street_code",), (put("street", "区卫健委"),)),
    Defect("A4", ("area:street_code",), (put("street", "回龙观镇", "110114006"),)),
    Defect("R11", ("rule:beds_open_within_approval",), (_too_many_open,)),
    Defect("T6", ("rule:month_has_begun",), (put("month", "2027-01-01"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The register at the first instant of `as_of`: the last three months that were over."""
    orgs = max(40, round(COUNT * city.scale))
    dice = city.dice("clinics")
    community = dice.choice(len(COMMUNITIES), size=orgs, p=COMMUNITY_WEIGHT)
    kind = dice.choice(len(KINDS), size=orgs, p=[share for _, _, share, _, _ in KINDS])
    kind[: len(KINDS)] = np.arange(len(KINDS))
    salt_of = dice.integers(0, 2**31, orgs)
    count = orgs * MONTHS
    org, ago = np.arange(count) // MONTHS, np.arange(count) % MONTHS
    salt = dice.integers(0, 2**31, count)
    last = as_of.year * 12 + as_of.month - 2
    months = last - ago
    beds, signed = (np.array([row[place] for row in KINDS])[kind][org] for place in (3, 4))
    approved = beds * (40 + salt_of[org] % 61) // 100
    names, levels = (np.array([row[place] for row in KINDS], dtype=object) for place in (0, 1))
    columns: dict[str, Objects] = {
        "orgCode": numbered("PDY", org + 1_101_140_001, 13),
        "month": np.array([f"{month // 12}-{month % 12 + 1:02d}-01" for month in months], dtype=object),
        "orgName": np.asarray(COMMUNITY_ESTATE[community] + names[kind] + numbered("", np.arange(orgs), 3))[
            org
        ],
        "level": levels[kind[org], salt_of[org] % 2],
        "kind": names[kind[org]],
        "street": spell_streets(COMMUNITY_STREET[community][org], salt // 13),
        "bedsApproved": only_where(beds > 0, approved.astype(object)),
        "bedsOpen": (approved * (70 + (salt_of[org] + months) % 40) // 100).astype(object),
        "gpSigned": only_where(
            signed > 0, (signed * (30 + (salt_of[org] + months) % 70) // 100).astype(object)
        ),
        "hasEmergency": np.asarray((kind[org] == 3) | (salt_of[org] % 9 == 0), dtype=object),
    }
    columns["gpSigned"][(signed == 0) & (salt % 4 == 0)] = "—"
    columns["hasEmergency"] = np.where(columns["hasEmergency"], "是", "否").astype(object)
    true_id = np.asarray(columns["orgCode"] + "/" + columns["month"], dtype=object)
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("orgCode", columns, midnight, salt, true_id, true_id.copy(), np.arange(count))
    return plant(wire, spread(city, FEED, count, DEFECTS), DEFECTS, put("orgName", "重复上报机构"))


SOURCE = Source(FEED, "/health/institutions", register(snapshot), desks.NextLink("items"), DEFECTS)
