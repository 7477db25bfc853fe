"""District green spaces: parcels with outline and size, one file a season, sizes in three units.

Each office writes the unit it is used to. One parcel in forty has the right number behind the wrong unit; no rule
of the contract can see that, only who compares it with the outline.
"""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import NONE, Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, empty_objects, numbered
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    STREETS,
    City,
    Floats,
    Objects,
    spell_streets,
)

FEED = "district_green_spaces"
COUNT = 1000
KINDS = np.array(["公园绿地", "口袋公园", "社区公园", "防护绿地", "广场绿地", "附属绿地"], dtype=object)
UNITS = np.array(["亩", "㎡", "平方米", "公顷"], dtype=object)
SQUARE_METRES = np.array([2000 / 3, 1.0, 1.0, 10_000.0])
METRES_A_DEGREE = 111_195.0

DEFECTS = (
    Defect("R9", ("required:parcel_name",), (put("name", "", None),)),
    Defect("R9", ("required:area_unit",), (put("areaUnit", None, ""),)),
    Defect("R11", ("enum:area_unit",), (put("areaUnit", "万元", "顷", "平方公里"),)),
    Defect("R12", ("type:area_value",), (put("area", "见图", "面积不详"),)),
    Defect("R12", ("range:area_value",), (put("area", -3.5, 0),)),
    Defect("R21", ("enum:green_kind",), (put("kind", "林地", "农田"),)),
    Defect("E11", ("pattern:parcel_id",), (change("parcelNo", lambda text: f"{text[2]}.{text[3:]}E+07"),)),
    Defect("T3", ("pattern:season",), (put("season", "2026秋", "26-4"),)),
    Defect("R9", ("required:geometry",), (put("geometry", None),)),
    Defect("A11", ("pattern:geometry",), (put("geometry", '{"type":"Point","coordinates":[116.35,40.07]}'),)),
    Defect("A5", ("area:street_code",), (put("street", "区园林绿化局"),)),
    Defect("A4", ("area:street_code",), (put("street", "回龙观镇"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The parcels as surveyed in the season of `as_of`."""
    count = max(70, round(COUNT * city.scale))
    dice = city.dice("greens")
    community = dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT)
    salt = dice.integers(0, 2**31, count)
    street = COMMUNITY_STREET[community]
    square_metres = np.round(300 + dice.random(count) ** 4 * 60_000)
    unit = salt // 7 % len(UNITS)
    drawn = spread(city, FEED, count, DEFECTS)
    said = np.where((salt % 40 == 0) & (drawn == NONE), np.where(unit == 0, 3, 0), unit)
    size = np.round(square_metres / SQUARE_METRES[unit], 4)
    kind = KINDS[salt // 11 % len(KINDS)]
    columns: dict[str, Objects] = {
        "parcelNo": numbered("LD", 11_400_001 + np.arange(count), 8),
        "season": empty_objects(count, f"{as_of.year}Q{(as_of.month - 1) // 3 + 1}"),
        "name": np.asarray(COMMUNITY_ESTATE[community] + kind + numbered("", np.arange(count), 3)),
        "kind": kind,
        "street": spell_streets(street, salt // 13),
        "area": size.astype(object),
        "areaUnit": UNITS[said],
        "isOpen": np.where(salt // 17 % 5 > 0, "是", "否").astype(object),
        "geometry": _squares(
            np.array([s.lon for s in STREETS])[street] + (salt % 5003 - 2501) * 4e-6,
            np.array([s.lat for s in STREETS])[street] + (salt // 5003 % 5003 - 2501) * 4e-6,
            square_metres,
        ),
    }
    true_id = columns["parcelNo"].copy()
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("parcelNo", columns, midnight, salt, true_id, true_id.copy(), np.arange(count))
    return plant(wire, drawn, DEFECTS, put("name", "重复上报绿地"))


def _squares(lon: Floats, lat: Floats, square_metres: Floats) -> Objects:
    """Squares of that size around each point, as GeoJSON."""
    north = np.sqrt(square_metres) / 2 / METRES_A_DEGREE
    east = north / np.cos(np.radians(lat))
    shapes = empty_objects(len(lon))
    for row in range(len(lon)):
        west, right = round(lon[row] - east[row], 7), round(lon[row] + east[row], 7)
        south, top = round(lat[row] - north[row], 7), round(lat[row] + north[row], 7)
        ring = [[west, south], [right, south], [right, top], [west, top], [west, south]]
        shapes[row] = json.dumps({"type": "Polygon", "coordinates": [ring]}, separators=(",", ":"))
    return shapes


SOURCE = Source(
    FEED,
    "/landscaping/green-spaces.geojson",
    register(snapshot),
    desks.File(
        "green-spaces.geojson", desks.GEOJSON, lambda wire, as_of, _: dialects.features(wire), end="asOf"
    ),
    DEFECTS,
)
