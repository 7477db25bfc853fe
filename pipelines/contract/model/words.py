"""Words that contracts choose from."""

from __future__ import annotations

from typing import Literal

Level = Literal["city", "district", "street", "governance", "ref", "ops"]
Privacy = Literal["", "drop", "token", "mask", "coarsen"]
Severity = Literal["error", "warning"]
WITHHELD = "withheld"
TEST = "test"
"""Stands in place of a token where the number was one that only tests use."""
HISTORY = "_history"

FEED_LEVELS: tuple[Level, ...] = ("city", "district", "street")
LEVELS: tuple[Level, ...] = (*FEED_LEVELS, "governance", "ref", "ops")
AREA_LEVELS = ("city", "district", "street", "community")
CONNECTORS = (
    "ckan",
    "socrata",
    "file",
    "daily_file",
    "paged_json",
    "open311",
    "ngsi_ld",
    "keyset",
    "next_link",
    "sensor_things",
)
FORMATS = ("json", "csv", "xlsx", "geojson", "xml")
FORBIDDEN_VALUES = ("identity_number", "plate", "picture", "mobile_number")
AUDIENCES = ("everyone", "district", "offices", "engineers")
COUNTED = ("calls", "people")
CONSTANTS = ("window_last_day", "outline_areas")
COORDINATE_SYSTEMS = ("wgs84", "gcj02", "bd09")
Mode = Literal["accept", "warn", "quarantine", "hold", "fail"]
