"""Street device status: whether each device answered when it was asked. A text, ON or OFF, and nothing else.

Every device is asked three times a day, one in a hundred every twenty minutes. Some have been silent for weeks,
some fail for hours, some come and go.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import Defect, change, draw, plant, put
from pipelines.samplecity.source import Source, between
from pipelines.samplecity.street import devices
from pipelines.samplecity.wire import Wire, empty_objects, join, text_of_instants
from pipelines.samplecity.world import Bools, City, Instants, Ints, Objects, midnight, stamp

FEED = "street_device_status"
LOOK_BACK = timedelta(hours=2)
KEPT = timedelta(days=3)
"""How long the service keeps a sample."""
_SELDOM, _OFTEN = 8 * 3600, 20 * 60

DEFECTS = (
    Defect("R9", ("required:device_id",), (put("Datastream.name", ""),)),
    Defect("R9", ("required:device_status",), (put("result", "", None),)),
    Defect("R21", ("enum:device_status",), (put("result", "FAULT", "UNKNOWN"),)),
    Defect("E11", ("pattern:device_id",), (change("Datastream.name", lambda text: text[:6] + text[7:]),)),
    Defect("R23", ("pattern:device_id",), (change("Datastream.name", lambda text: text[:10] + "216" + text[13:]),)),
    Defect("T3", ("type:sampled_at",), (put("phenomenonTime", "2026-11-31T09:00:00Z"),)),
    Defect("T6", ("rule:not_after_the_pull",), (put("phenomenonTime", "2027-01-01T00:00:00Z"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@lru_cache(maxsize=8)
def rows(city: City, start: datetime | None, end: datetime | None, clock: datetime) -> Wire:
    """The samples taken in `[start, end)` and by `clock`, by time."""
    first = max(start or clock - KEPT, clock - KEPT)
    last = min(end or clock, clock)
    days = range(max(0, (last.date() - first.date()).days) + 1)
    known = join([_of_day(city, first.date() + timedelta(days=number)) for number in days])
    known = known.take(known.updated <= stamp(clock))
    return between(known, first, end)


@lru_cache(maxsize=8)
def _of_day(city: City, day: date) -> Wire:
    known = devices.inventory(city)
    device, asked = _rounds(known.salt)
    order = np.lexsort((device, asked))
    device, asked = device[order], asked[order]
    at = midnight(day) + asked.astype("timedelta64[s]")
    salt = known.salt[device] + asked
    off = _silent(city, day, device, asked)
    ids = known.ids[device]
    columns: dict[str, Objects] = {
        "phenomenonTime": text_of_instants(at),
        "resultTime": empty_objects(len(at)),
        "result": np.array(["ON", "OFF"], dtype=object)[off.astype(int)],
        "Datastream.name": ids.copy(),
    }
    moments: Instants = at
    true_id = np.asarray(ids + "@" + columns["phenomenonTime"], dtype=object)
    wire = Wire("Datastream.name", columns, moments, salt, true_id, true_id.copy(), moments)
    drawn = draw(city, FEED, day, len(at), DEFECTS)
    flipped = change("result", lambda text: "OFF" if text == "ON" else "ON")
    planted = plant(wire, drawn, DEFECTS, flipped)
    first = day.toordinal() * 1_000_000
    planted.columns["@iot.id"] = (first + np.arange(len(planted))).astype(object)
    return planted


def _rounds(salt: Ints) -> tuple[Ints, Ints]:
    """Which device is asked at which second of a day."""
    every = np.where(salt % 97 == 3, _OFTEN, _SELDOM)
    times = 86_400 // every
    device = np.repeat(np.arange(len(salt)), times)
    number = np.arange(len(device)) - np.repeat(np.cumsum(times) - times, times)
    return device, salt[device] // 5 % every[device] + number * every[device]


def _silent(city: City, day: date, device: Ints, asked: Ints) -> Bools:
    """Whether the device does not answer then: dead, in its outage of the day, or coming and going."""
    known = devices.inventory(city)
    salt, hour = known.salt[device], asked // 3600
    starts, lasts = salt // 3 % 18, 3 + salt // 7 % 9
    out = devices.offline(city, day)[device] & (hour >= starts) & (hour < starts + lasts)
    flaps = known.weak[device] & (salt % 3 == 0) & (asked // _OFTEN % 2 == 0)
    return np.asarray(known.dead[device] | out | flaps)


SOURCE = Source(
    FEED, "/sensorthings/v1.1/Observations", rows, desks.SensorThings("phenomenonTime"), DEFECTS, LOOK_BACK
)
