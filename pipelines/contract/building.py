"""From the data of one file to a `Contract`, telling what does not fit together on the way.

The standard has been checked before (`standard`); what it found wrong is skipped here, not told twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pipelines.contract import syntax
from pipelines.contract.columns import TYPES, read_columns
from pipelines.contract.custom import read_custom
from pipelines.contract.document import Path
from pipelines.contract.keys import KEYS, RawDrop
from pipelines.contract.model import (
    FEED_LEVELS,
    HISTORY,
    Census,
    Column,
    Contract,
    CoordinateSystem,
    DropRule,
    Level,
    Rule,
)
from pipelines.contract.places import (
    Say,
    custom_index,
    entries,
    has_custom,
    inside,
    lacks,
    mapping,
    number,
    text,
)
from pipelines.contract.problems import did_you_mean, expected_one_of, shown
from pipelines.contract.quality import Quality
from pipelines.contract.rules import column_rules, point_rules, unique_rule
from pipelines.contract.servers import read_servers
from pipelines.contract.standard import VERSION

_STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_VERSION_TYPES = ("timestamp", "date", "integer")
_SERVICE_LEVELS = ("latency", "frequency", "retention")
_END = "endOfSupport"
_OTHER_SERVICE_LEVELS = frozenset(  # they say something to people and nothing to us
    {
        "availability",
        "throughput",
        "errorRate",
        "generalAvailability",
        "endOfLife",
        "timeOfAvailability",
        "timeToDetect",
        "timeToNotify",
        "timeToRepair",
    }
)
_FEED_NEEDS = ("level", "schedule", "timezone")
_TABLE: Path = ("schema", 0)
_KNOWN = frozenset(key.name for key in KEYS)


class Builder:
    """Reads one contract. `say` takes the path of a place and what is wrong there."""

    def __init__(self, data: dict[str, Any], contract_id: str, level: Level, say: Say) -> None:
        self._data = data
        self._id = contract_id
        self._level = level
        self._name = contract_id.removeprefix(f"{level}_")
        self._say = say
        self._custom = read_custom(data.get("customProperties"), "contract", inside(say, "customProperties"))

    def build(self, path: str, sha256: str, line: Callable[[Path], int]) -> Contract:
        """The contract, to be used only when nothing was said. `line` gives the line of a place."""
        data, say = self._data, self._say
        is_feed = self._level in FEED_LEVELS
        self._check_identity()
        self._check_stray_keys(data, ())
        table = self._table()
        columns = read_columns(
            table, is_feed=is_feed, say=inside(say, *_TABLE), line=lambda place: line((*_TABLE, *place))
        )
        return Contract(
            contract_id=self._id,
            level=self._level,
            name=self._name,
            title=text(data, "name"),
            business_name=text(table, "businessName"),
            description=text(mapping(data, "description"), "purpose"),
            grain=text(table, "dataGranularityDescription"),
            version=text(data, "version"),
            status=text(data, "status"),
            path=path,
            sha256=sha256,
            columns=columns,
            rules=self._rules(table, columns, is_feed),
            servers=read_servers(data, say) if is_feed else (),
            owner=text(mapping(data, "team"), "name"),
            tags=tuple(tag for tag in data.get("tags") or () if isinstance(tag, str)),
            **self._service_levels(),
            end_of_support=self._end_of_support(),
            **self._contract_keys(columns, is_feed),
        )

    def _check_identity(self) -> None:
        data, say = self._data, self._say
        if isinstance(given := data.get("id"), str) and given != self._id:
            say(("id",), f"has id {shown(given)}, expected {self._id!r}, as folder and file name say")
        if objection := syntax.wrong_name(self._name):
            say((), f"is in a file whose name {objection}")
        if self._level in FEED_LEVELS and self._name.endswith(HISTORY):
            say((), f"is in a file whose name ends in {HISTORY}, as only tables of kept versions do")
        if isinstance(given := data.get("apiVersion"), str) and given != VERSION:
            say(("apiVersion",), f"has apiVersion {shown(given)}, expected {VERSION!r}")
        if isinstance(given := data.get("version"), str) and not _VERSION.fullmatch(given):
            say(("version",), f"has version {shown(given)}, expected three numbers such as 1.2.0")
        if "name" not in data:
            say((), "lacks 'name', the title people read")
        if "status" not in data:
            say((), "lacks 'status'")
        elif isinstance(given := data["status"], str) and given not in _STATUSES:
            say(("status",), f"has status {shown(given)}, {expected_one_of(given, _STATUSES)}")
        if lacks(mapping(data, "description"), "purpose"):
            say((), "lacks 'description' with a 'purpose', the sentence the data dictionary opens with")
        if lacks(mapping(data, "team"), "name"):
            say((), "lacks 'team' with a 'name': somebody answers for this data")

    def _check_stray_keys(self, node: Any, path: Path) -> None:
        """Custom properties stand at four places; elsewhere nobody reads them."""
        if isinstance(node, list):
            for index, item in enumerate(node):
                if isinstance(item, dict | list):
                    self._check_stray_keys(item, (*path, index))
        elif isinstance(node, dict):
            for key, item in node.items():
                if key == "customProperties" and not _reads_custom(path):
                    for index, entry in entries(node, key):
                        hint = "; it belongs elsewhere" if entry.get("property") in _KNOWN else ""
                        self._say((*path, key, index), f"is read by nobody at this place{hint}")
                elif key != "value" and isinstance(item, dict | list):
                    self._check_stray_keys(item, (*path, key))

    def _table(self) -> dict[str, Any]:
        tables = [table for _, table in entries(self._data, "schema")]
        if len(tables) != 1:
            count = str(len(tables)) if tables else "none"
            self._say(("schema",), f"should describe exactly one table in 'schema', found {count}")
            if not tables:
                return {}
        table, say = tables[0], inside(self._say, *_TABLE)
        if isinstance(given := table.get("name"), str) and given != self._name:
            say(("name",), f"has name {shown(given)}, expected {self._name!r}, as the file is called")
        if lacks(table, "description"):
            say((), "lacks 'description'")
        if table.get("relationships"):
            say(("relationships",), "has relationships; write them under the column they belong to")
        return table

    def _rules(self, table: dict[str, Any], columns: tuple[Column, ...], is_feed: bool) -> tuple[Rule, ...]:
        zone = self._custom.get("timezone", "UTC")
        rules = [rule for column in columns for rule in column_rules(column, zone)]
        if (modes := self._custom.get("drift")) and modes.new_values == "warn":
            rules = self._open_lists(rules, columns)
        if crs := self._custom.get("crs"):
            rules = point_rules(crs, rules)
        known = {column.name: column for column in columns}
        keys = [column.name for column in columns if column.is_key and column.arrives]
        versions = [
            name
            for name in self._custom.get("version_columns", ())
            if name not in keys and (name not in known or known[name].arrives)
        ]
        if keys:
            rules.append(unique_rule("unique", (*keys, *versions)))
        quality = Quality(known, is_feed)
        for index, entry in entries(table, "properties"):
            if column := known.get(text(entry, "name")):
                say = inside(self._say, *_TABLE, "properties", index, "quality")
                rules += quality.rules(entry, column, say)
        return (*rules, *quality.rules(table, None, inside(self._say, *_TABLE, "quality")))

    def _open_lists(self, rules: list[Rule], columns: tuple[Column, ...]) -> list[Rule]:
        """Rules of a feed that keeps values nobody knows yet: such a row is flagged, not quarantined."""
        for column in columns:
            if column.enum and column.type != "VARCHAR":
                self._say(
                    self._at("drift"),
                    f"keeps new values, but {column.name!r} is of type {column.logical_type}, and only a text can be kept "
                    "as it came",
                )
        return [replace(rule, severity="warning") if rule.kind == "enum" else rule for rule in rules]

    def _service_levels(self) -> dict[str, Any]:
        spans: dict[str, timedelta] = {}
        for index, entry in entries(self._data, "slaProperties"):
            name, value, unit = entry.get("property"), entry.get("value"), entry.get("unit", "d")
            say = inside(self._say, "slaProperties", index)
            if not isinstance(name, str) or name in _OTHER_SERVICE_LEVELS:
                continue
            if name == _END:
                continue
            if name not in _SERVICE_LEVELS:
                say((), f"is unknown, {expected_one_of(name, (*_SERVICE_LEVELS, _END))}")
            elif name in spans:
                say((), "is given twice")
            elif "value" not in entry:
                continue
            elif not number(value) or value <= 0:
                say(("value",), f"is {shown(value)}, expected a number above zero")
            elif not isinstance(unit, str) or (span := syntax.sla_span(value, unit)) is None:
                say(("unit",), f"has unit {shown(unit)}, {expected_one_of(unit, syntax.SLA_UNITS)}")
            else:
                spans[name] = span
        return {name: spans[name] for name in ("latency", "retention") if name in spans}

    def _end_of_support(self) -> date | None:
        """The last day a deprecated table is served; it names that and the table that takes its place."""
        is_deprecated = text(self._data, "status") == "deprecated"
        for index, entry in entries(self._data, "slaProperties"):
            if entry.get("property") != _END:
                continue
            try:
                return date.fromisoformat(str(entry.get("value")))
            except ValueError:
                say = inside(self._say, "slaProperties", index)
                say(("value",), f'is {shown(entry.get("value"))}, expected a day such as "2027-03-31"')
                return None
        if is_deprecated and self._level not in FEED_LEVELS:
            self._say(
                ("status",), f"is deprecated, but no service level {_END!r} says until when it is served"
            )
        if is_deprecated and self._level not in FEED_LEVELS and not self._custom.get("superseded_by"):
            self._say(
                ("status",), "is deprecated, but no custom property 'supersededBy' says what takes its place"
            )
        return None

    def _contract_keys(self, columns: tuple[Column, ...], is_feed: bool) -> dict[str, Any]:
        custom, data, say = dict(self._custom), self._data, self._say
        level = custom.pop("level", None)
        if level is not None and level != self._level:
            say(self._at("level"), f"is {level!r}, but the file stands in the folder of {self._level!r}")
        for name in _FEED_NEEDS if is_feed else ():
            if not has_custom(data, name):
                say((), f"lacks custom property {name!r}")
        for key in KEYS if not is_feed else ():
            if key.feeds_only and has_custom(data, key.name):
                say(self._at(key.name), "is for feeds, and this table is not pulled from a source")
        if custom.get("delivery") == "snapshot" and has_custom(data, "lookBack"):
            say(
                self._at("lookBack"),
                "is given, but a snapshot brings everything anyway",
            )
        for name in ("rePull", "census") if custom.get("delivery") == "snapshot" else ():
            if has_custom(data, name):
                say(self._at(name), "is given, but every pull of a snapshot brings everything")
        self._check_census(custom.get("census"), columns)
        if custom.get("delivery") != "snapshot" and has_custom(data, "snapshotFloor"):
            say(self._at("snapshotFloor"), "is about snapshots, and a pull of this feed brings what changed")
        self._check_versions(custom.get("version_columns", ()), columns)
        self._check_points(custom.get("crs"), columns)
        self._check_outline(custom.get("outline", ""), columns)
        self._check_partition(custom.get("partition_by", ""), columns, is_feed=is_feed)
        if is_feed:
            self._check_secrets(columns)
        custom["drop_rules"] = tuple(self._drop_rules(custom.pop("drop_rows", ()), columns))
        return custom

    def _check_versions(self, names: tuple[str, ...], columns: tuple[Column, ...]) -> None:
        known = {column.name: column for column in columns}
        say = inside(self._say, *self._at("versionColumns"))
        for index, name in enumerate(names):
            column = known.get(name)
            if column is None:
                say(
                    (index,),
                    f"names column {shown(name)}, which does not exist{did_you_mean(name, known)}",
                )
            elif column.logical_type in TYPES and column.logical_type not in _VERSION_TYPES:
                expected = " or ".join(_VERSION_TYPES)
                say((index,), f"names column {name!r} of type {column.logical_type}, expected {expected}")
            elif not column.required or not column.is_stored:
                say(
                    (index,),
                    f"names column {name!r}, which needs 'required: true' and may not be dropped",
                )
            elif column.role == "column" and any(each.role == "measure" for each in columns):
                say((index,), f"names column {name!r}, which is gone once the rows are summed up")

    def _check_census(self, census: Census | None, columns: tuple[Column, ...]) -> None:
        """What is gone is told by key, among rows whose time the census reaches."""
        if census is None:
            return
        say, known = inside(self._say, *self._at("census"), "by"), {each.name: each for each in columns}
        if (column := known.get(census.by)) is None:
            say((), f"names column {shown(census.by)}, which does not exist{did_you_mean(census.by, known)}")
        elif column.logical_type in TYPES and column.logical_type not in ("timestamp", "date"):
            say((), f"names column {census.by!r} of type {column.logical_type}, expected timestamp or date")
        elif not column.required or not column.is_stored:
            say((), f"names column {census.by!r}, which needs 'required: true' and may not be dropped")
        if not any(column.is_key for column in columns):
            self._say(self._at("census"), "needs a primary key: what is gone is told by it")
        if any(column.role != "column" for column in columns):
            self._say(self._at("census"), "is of rows, and those of this feed are summed up")
        for index, server in entries(self._data, "servers"):
            if any(entry.get("value") == "daily_file" for _, entry in entries(server, "customProperties")):
                self._say(("servers", index), "has a file for each day and cannot be asked for all it holds")

    def _check_points(self, crs: CoordinateSystem | None, columns: tuple[Column, ...]) -> None:
        """A point needs two numbers with bounds: without them nobody can tell a swapped pair from a far one."""
        known = {column.name: column for column in columns}
        for key, name in (("lon", crs.lon), ("lat", crs.lat)) if crs else ():
            say, column = inside(self._say, *self._at("crs"), key), known.get(name)
            if column is None:
                say((), f"names column {shown(name)}, which does not exist{did_you_mean(name, known)}")
            elif column.type != "DOUBLE" or not column.is_stored:
                say((), f"names column {name!r}, expected one of type number that is stored")
            elif column.minimum is None or column.maximum is None:
                say((), f"names column {name!r}, which needs a minimum and a maximum")
        for column in columns:
            via = column.area.via if column.area else None
            if via and (via.lon or via.lat) and (crs is None or (via.lon, via.lat) != (crs.lon, crs.lat)):
                self._say(
                    (),
                    f"finds {column.name!r} via a point, so custom property 'crs' must name both its columns",
                )

    def _check_outline(self, name: str, columns: tuple[Column, ...]) -> None:
        """The areas of an outline need the outline, and a column that says of which level and day."""
        known = {column.name: column for column in columns}
        if name and (name not in known or known[name].type != "VARCHAR" or not known[name].is_stored):
            self._say(self._at("outline"), f"names {shown(name)}, expected a column of text that is stored")
        divided = [column.name for column in columns if column.constant == "outline_areas"]
        if divided and (not name or not any(column.area for column in columns)):
            self._say(
                (),
                f"divides an outline among areas in {divided[0]!r}, which needs custom property 'outline' "
                "and a column with an 'area'",
            )

    def _check_partition(self, name: str, columns: tuple[Column, ...], *, is_feed: bool) -> None:
        """Months of a table that is released; rows of a feed leave for offices only."""
        if not name:
            return
        say, known = inside(self._say, *self._at("partitionBy")), {each.name: each for each in columns}
        if is_feed:
            say((), "is for tables of a release, and this one is pulled from a source")
        elif (column := known.get(name)) is None:
            say((), f"names column {shown(name)}, which does not exist{did_you_mean(name, known)}")
        elif column.logical_type not in ("timestamp", "date"):
            say((), f"names column {name!r} of type {column.logical_type}, expected timestamp or date")

    def _check_secrets(self, columns: tuple[Column, ...]) -> None:
        tokens = [column.name for column in columns if column.privacy == "token"]
        personal = [column.name for column in columns if column.privacy in ("drop", "token", "mask")]
        if tokens and not has_custom(self._data, "callerSecret"):
            self._say((), f"makes tokens of {', '.join(tokens)}, but lacks custom property 'callerSecret'")
        if personal and not has_custom(self._data, "landingSecret"):
            names = ", ".join(personal)
            self._say((), f"has personal columns ({names}), but lacks 'landingSecret' to encrypt what lands")

    def _drop_rules(self, drops: tuple[RawDrop, ...], columns: tuple[Column, ...]) -> list[DropRule]:
        say = inside(self._say, *self._at("dropRows"))
        wires = {column.name: column.wire for column in columns}
        rules = []
        for index, drop in enumerate(drops):
            if bool(drop.column) == bool(drop.wire):
                say((index,), "drops rows by both 'column' and 'wire', or by neither; give one of them")
            elif drop.column and drop.column not in wires:
                hint = did_you_mean(drop.column, wires)
                say((index,), f"drops rows by column {shown(drop.column)}, which does not exist{hint}")
            else:
                for name in drop.totals:
                    if not any(column.name == name and column.is_numeric for column in columns):
                        say((index,), f"has totals of {shown(name)}, which is no column of numbers here")
                rules.append(
                    DropRule(drop.wire or wires[drop.column], drop.pattern, drop.reason, drop.totals)
                )
        return rules

    def _at(self, name: str) -> Path:
        """Where a custom property of the contract has its value."""
        index = custom_index(self._data, name)
        return ("customProperties",) if index is None else ("customProperties", index, "value")


def _reads_custom(path: Path) -> bool:
    match path:
        case () | ("servers", int()) | ("schema", 0, "properties", int()):
            return True
        case ("schema", 0, "properties", int(), "enum", int()):
            return True
    return False
