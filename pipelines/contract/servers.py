"""From `servers` to where a feed is pulled, telling what does not fit together."""

from __future__ import annotations

from typing import Any

from pipelines.contract import syntax
from pipelines.contract.custom import read_custom
from pipelines.contract.keys import KEYS
from pipelines.contract.model import Server
from pipelines.contract.places import Say, entries, has_custom, inside, text
from pipelines.contract.shapes import snake

_JSON = ("json", "geojson")
_ONLY_FOR = {  # keys that mean something for some formats only
    "sheet": ("xlsx",),
    "headerRows": ("xlsx", "csv"),
    "unpivot": ("xlsx", "csv"),
    "encoding": ("csv", "xml", *_JSON),
    "trailer": ("csv",),
    "delimiter": ("csv",),
    "quote": ("csv",),
    "escape": ("csv",),
    "records": ("xml", *_JSON),
    "total": ("xml", *_JSON),
}
_SPEAK_JSON = ("ckan", "paged_json", "open311", "ngsi_ld")
_TAKE_FILES = ("file", "daily_file")


def read_servers(data: dict[str, Any], say: Say) -> tuple[Server, ...]:
    """Every server of a feed. Paths begin at the contract."""
    servers: list[Server] = []
    if not data.get("servers"):
        say((), "lacks 'servers': a feed says where it is pulled from")
    for index, entry in entries(data, "servers"):
        inner = inside(say, "servers", index)
        server = _server(entry, inner)
        if any(other.name == server.name for other in servers):
            inner(("server",), "has a name another server has already")
        servers.append(server)
    return tuple(servers)


def _server(entry: dict[str, Any], say: Say) -> Server:
    custom = read_custom(entry.get("customProperties"), "server", inside(say, "customProperties"))
    kind, location = entry.get("type"), text(entry, "location")
    if not location and kind != "api" and isinstance(kind, str):
        say((), f"is of type {kind!r} without 'location'; a feed is pulled over HTTP (type: api)")
    for objection in syntax.wrong_address(location) if location else ():
        say(("location",), f"has a location that {objection}")
    if not has_custom(entry, "connector"):
        say((), "lacks custom property 'connector'")
    connector, form = custom.setdefault("connector", ""), custom.get("format", "json")
    if connector in _SPEAK_JSON and form not in _JSON:
        say((), f"has format {form!r}, but connector {connector!r} speaks JSON")
    if form == "xml" and "records" not in custom:
        say((), "has format 'xml' without 'records', the path from the root to the elements that are records")
    if connector in _TAKE_FILES and "page_size" in custom:
        say((), f"has custom property 'pageSize', but connector {connector!r} takes a file whole")
    for key in KEYS:
        formats = _ONLY_FOR.get(key.name, (form,)) if key.place == "server" else (form,)
        if snake(key.name) in custom and form not in formats:
            say((), f"has custom property {key.name!r}, which means nothing for format {form!r}")
    if list(rows := custom.get("header_rows", ())) != sorted(rows):
        say((), "has headerRows out of order")
    return Server(name=text(entry, "server"), location=location, **custom)
