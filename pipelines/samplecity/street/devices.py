"""Street video devices: the inventory and whether each device answers. Nothing about what they see.

Addresses, ports and passwords stand in the broker's entities because real brokers send them; they are
made-up (RFC 5737 addresses) and the contract's allow-list must drop them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, current
from pipelines.samplecity.wire import REFUSED, Wire, empty_objects, numbered, text_of_instants
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    STREETS,
    Bools,
    City,
    Ints,
    Objects,
    spell_streets,
    stamp,
)

FEED = "street_video_devices"
COUNT = 12_000
UNMEASURED_STREET, UNMEASURED, MANY = 5, 30, 20
"""A street whose first devices all stand at one point, and how many rows at one point are too many."""
MODELS = np.array(["DS-2CD3T47", "IPC-HFW5443", "HIC5421", "DS-2DE4423"], dtype=object)

DEFECTS = (
    Defect("R9", ("required:device_id",), (put("deviceId.value", ""),)),
    Defect("R9", ("required:device_status",), (put("status.value", ""),)),
    Defect("R21", ("enum:network_class",), (put("networkClass.value", "四类", "社会面"),)),
    Defect("R21", ("enum:device_status",), (put("status.value", "FAULT", "UNKNOWN"),)),
    Defect("E11", ("pattern:device_id",), (change("deviceId.value", lambda text: text[:6] + text[7:]),)),
    Defect(
        "R23", ("pattern:device_id",), (change("deviceId.value", lambda text: text[:10] + "215" + text[13:]),)
    ),
    Defect("A10", ("range:lat", "range:lon"), (put("lon", 0.0), put("lat", 0.0))),
    Defect("A10", ("type:lat",), (put("lat", "40°04'N"),)),
    Defect("A5", ("area:street_code",), (put("street.value", "区公安分局"),)),
    Defect("A4", ("area:street_code",), (put("street.value", "回龙观镇"),)),
    Defect("R23", ("rule:district_agrees",), (change("deviceId.value", lambda text: "110108" + text[6:]),)),
    Defect("E3", ("readable:device_name",), (change("name.value", lambda text: "锟斤拷" + text[3:]),)),
    Defect("R23", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@dataclass(frozen=True)
class Inventory:
    """The devices that were ever built, as arrays over the same rows."""

    ids: Objects
    community: Ints
    salt: Ints
    weak: Bools

    @property
    def dead(self) -> Bools:
        """Those that have not answered for weeks."""
        return np.asarray(self.salt % 43 == 5)


@lru_cache(maxsize=4)
def inventory(city: City) -> Inventory:
    """Every device of the city."""
    count = max(60, round(COUNT * city.scale))
    dice = city.dice("devices")
    community = np.sort(dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT))
    salt = dice.integers(0, 2**31, count)
    weak = dice.random(count) < 0.1
    industry = numbered("", dice.integers(0, 10, count), 2)
    kind = np.where(salt % 4 == 0, "131", "132").astype(object)
    ids = np.asarray("11011400" + industry + kind + numbered("", np.arange(1, count + 1), 7), dtype=object)
    return Inventory(ids, community, salt, weak)


def offline(city: City, day: date) -> Bools:
    """Which devices fail on that day."""
    known = inventory(city)
    dice = city.dice("devices/health", day)
    return np.asarray((dice.random(len(known.ids)) < np.where(known.weak, 0.5, 0.02)) | known.dead)


@lru_cache(maxsize=8)
def snapshot(city: City, clock: datetime) -> Wire:
    """Every device as the broker knows it at `clock`."""
    known = inventory(city)
    ids, community, salt = known.ids, known.community, known.salt
    count, street = len(ids), COMMUNITY_STREET[community]
    now = stamp(clock)
    failed = offline(city, clock.date())
    poll = now.astype("M8[h]").astype("M8[s]")
    seen = poll - (salt % 600).astype("timedelta64[s]")
    seen = np.where(failed, seen - (3600 + salt % 40_000).astype("timedelta64[s]"), seen)
    spot = np.array(["北门", "南门", "东路口", "中心花园", "车棚", "健身区"], dtype=object)[salt // 3 % 6]
    columns: dict[str, Objects] = {
        "deviceId.value": ids.copy(),
        "name.value": np.asarray(COMMUNITY_ESTATE[community] + spot + "枪机" + numbered("", salt % 99, 2), dtype=object),
        "civilCode.value": empty_objects(count, "110114"),
        "street.value": spell_streets(street, salt // 13),
        "community.value": COMMUNITY_NAME[community],
        "networkClass.value": np.array(["一类", "二类", "二类", "三类"], dtype=object)[salt // 17 % 4],
        "status.value": np.array(["ON", "OFF"], dtype=object)[failed.astype(int)],
        "status.observedAt": text_of_instants(seen),
        "lon": np.round(np.array([s.lon for s in STREETS])[street] + (salt % 5003 - 2501) * 4e-6, 6).astype(object),
        "lat": np.round(np.array([s.lat for s in STREETS])[street] + (salt // 5003 % 5003 - 2501) * 4e-6, 6).astype(object),
        "model.value": MODELS[salt // 19 % len(MODELS)],
        "secrecy.value": (salt % 83 == 0).astype(np.int64).astype(object),
        "ipAddress.value": np.asarray("192.0.2." + numbered("", salt % 254, 1), dtype=object),
        "port.value": empty_objects(count, 37777),
        "password.value": np.asarray("not-a-password-" + numbered("", salt % 10_000, 4), dtype=object),
    }  # fmt: skip
    # A second platform lists some devices under a number of its own: same name, same place.
    again = np.flatnonzero((salt[1:] % 53 == 9) & (community[1:] == community[:-1])) + 1
    for name in ("name.value", "lon", "lat"):
        columns[name][again] = columns[name][again - 1]
    # Devices nobody measured stand at the middle of their street.
    unmeasured = np.flatnonzero(street == UNMEASURED_STREET)[:UNMEASURED]
    columns["lon"][unmeasured] = STREETS[UNMEASURED_STREET].lon
    columns["lat"][unmeasured] = STREETS[UNMEASURED_STREET].lat
    wire = Wire("deviceId.value", columns, seen, salt, ids.copy(), ids.copy(), np.arange(count))
    drawn = spread(city, FEED, count, DEFECTS)
    secret = np.flatnonzero(columns["secrecy.value"] == 1)
    if not len(secret):
        secret = np.array([count - 1])
        columns["secrecy.value"][secret] = 1
    drawn[secret] = -1
    wire.label(secret, REFUSED, (), "4.8")
    planted = plant(wire, drawn, DEFECTS, put("name.value", "同编号的另一台设备"))
    centre = STREETS[UNMEASURED_STREET]
    shared = np.flatnonzero((planted.columns["lon"] == centre.lon) & (planted.columns["lat"] == centre.lat))
    if len(shared) > MANY:
        planted.flag(shared, "lon:centroid", defect="A11")
    return planted


# What the platform behind the broker calls the same things; what is not in the standard stands in its Info.
ELEMENTS = {
    "deviceId.value": "DeviceID",
    "name.value": "Name",
    "model.value": "Model",
    "civilCode.value": "CivilCode",
    "secrecy.value": "Secrecy",
    "ipAddress.value": "IPAddress",
    "port.value": "Port",
    "password.value": "Password",
    "status.value": "Status",
    "lon": "Longitude",
    "lat": "Latitude",
    "street.value": "Info/Street",
    "community.value": "Info/Community",
    "networkClass.value": "Info/NetworkClass",
    "status.observedAt": "Info/StatusTime",
}
CATALOGUE = desks.File(
    "catalogue.xml",
    desks.GB_XML,
    lambda wire, _, claimed: dialects.catalogue_xml(wire, claimed, ELEMENTS),
)

SOURCE = Source(
    FEED,
    "/ngsi-ld/v1/entities",
    current(snapshot),
    desks.NgsiLd("VideoDevice"),
    DEFECTS,
    also=(("/gb28181/catalogue.xml", CATALOGUE),),
)
