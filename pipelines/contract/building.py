"""From the data of one file to a `Contract`, telling everything that does not fit together on the way.

The standard has been checked before (`standard`); what it found wrong is skipped here, not told twice.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pipelines.contract import syntax
from pipelines.contract.document import Path
from pipelines.contract.keys import KEYS, RawDrop, Say, read_custom, snake
from pipelines.contract.model import FEED_LEVELS, Column, Contract, DropRule, EnumValue, Level, Rule, Server
from pipelines.contract.problems import did_you_mean, expected_one_of, shown
from pipelines.contract.quality import Quality
from pipelines.contract.rules import column_rules, unique_rule
from pipelines.contract.standard import VERSION

_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}
_PHYSICAL = {
    "string": re.compile(r"VARCHAR"),
    "integer": re.compile(r"(TINY|SMALL|BIG|HUGE)INT|INTEGER|U(TINY|SMALL|BIG)INT|UINTEGER"),
    "number": re.compile(r"DOUBLE|FLOAT|DECIMAL\((?:[1-9]|[12]\d|3[0-8]),\d{1,2}\)"),
    "boolean": re.compile(r"BOOLEAN"),
    "date": re.compile(r"DATE"),
    "timestamp": re.compile(r"TIMESTAMPTZ|TIMESTAMP"),
}
_BOUNDED = {"minimum", "maximum"}
_OPTIONS = {  # logicalTypeOptions that are kept as promises; the standard knows more
    "string": {"pattern", "minLength", "maxLength", "format"},
    "integer": {*_BOUNDED, "format"},
    "number": {*_BOUNDED, "format"},
}
_STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
_SLA = ("latency", "frequency", "retention")
_SLA_OTHERS = (  # words of the standard that say something to people and nothing to us
    "availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeOfAvailability",
    "timeToDetect", "timeToNotify", "timeToRepair",
)  # fmt: skip
_JSON_FORMATS = ("json", "geojson")
_ONLY_FOR = {  # server keys that mean something for some formats only
    "sheet": ("xlsx",),
    "header_rows": ("xlsx", "csv"),
    "unpivot": ("xlsx", "csv"),
    "encoding": ("csv", "json", "geojson"),
    "trailer": ("csv",),
    "delimiter": ("csv",),
    "quote": ("csv",),
    "escape": ("csv",),
    "records": _JSON_FORMATS,
}
_JSON_CONNECTORS = ("ckan", "paged_json", "open311", "ngsi_ld")
_UNPAGED_CONNECTORS = ("file", "daily_file")
_LARGEST = 2**53


class Builder:
    """Reads one contract. `say` takes the path of a place and what is wrong there."""

    def __init__(self, data: dict[str, Any], contract_id: str, level: Level, say: Say) -> None:
        self._data = data
        self._id = contract_id
        self._level = level
        self._say = say
        self._custom = read_custom(data.get("customProperties"), "contract", _inside(say, "customProperties"))

    @property
    def _is_feed(self) -> bool:
        return self._level in FEED_LEVELS

    def build(self, path: str, sha256: str, line: Any) -> Contract:
        """The contract, to be used only when nothing was said. `line` gives the line of a path."""
        name = self._id.removeprefix(f"{self._level}_")
        self._identity(name)
        table_path: Path = ("schema", 0)
        table = self._table(name)
        columns = self._columns(table, table_path, line)
        self._references(columns, table_path)
        rules = self._rules(table, columns, table_path)
        described = _mapping(self._data, "description")
        custom = self._contract_keys(columns)
        return Contract(
            contract_id=self._id,
            level=self._level,
            name=name,
            title=_text(self._data, "name"),
            business_name=_text(table, "businessName"),
            description=_text(described, "purpose") or _text(table, "description"),
            grain=_text(table, "dataGranularityDescription"),
            version=_text(self._data, "version"),
            status=_text(self._data, "status"),
            path=path,
            sha256=sha256,
            columns=columns,
            rules=rules,
            servers=self._servers() if self._is_feed else (),
            owner=_text(_mapping(self._data, "team"), "name"),
            tags=tuple(tag for tag in self._data.get("tags") or () if isinstance(tag, str)),
            **self._service_levels(),
            **custom,
        )

    # What the file is.

    def _identity(self, name: str) -> None:
        data, say = self._data, self._say
        if (given := data.get("id")) != self._id and isinstance(given, str):
            say(("id",), f"has id {given!r}, expected {self._id!r}, as folder and file name say")
        if objection := syntax.wrong_name(name):
            say(("id",), f"is in a file whose name {objection}")
        version = data.get("apiVersion")
        if version != VERSION and isinstance(version, str):
            say(("apiVersion",), f"has apiVersion {version!r}, expected {VERSION!r}")
        if "name" not in data:
            say((), "lacks 'name', the title people read")
        if "status" not in data:
            say((), "lacks 'status'")
        elif data["status"] not in _STATUSES and isinstance(data["status"], str):
            say(("status",), f"has status {data['status']!r}, {expected_one_of(data['status'], _STATUSES)}")
        if not re.fullmatch(r"\d+\.\d+\.\d+", _text(data, "version") or "0.0.0"):
            say(("version",), f"has version {shown(data['version'])}, expected three numbers such as 1.2.0")
        if not _text(_mapping(data, "description"), "purpose"):
            say((), "lacks 'description' with a 'purpose', the sentence the data dictionary opens with")
        if not _text(_mapping(data, "team"), "name"):
            say((), "lacks 'team' with a 'name': somebody answers for this data")
        if "slaDefaultElement" in data or "dataProduct" in data:
            say((), "has 'slaDefaultElement' or 'dataProduct', which the standard has given up")

    def _contract_keys(self, columns: tuple[Column, ...]) -> dict[str, Any]:
        custom, say = dict(self._custom), self._say
        level = custom.pop("level", None)
        if level is not None and level != self._level:
            say(self._at("level"), f"has level {level!r}, but stands in the folder of level {self._level!r}")
        if self._is_feed:
            for key in ("level", "schedule", "timezone"):
                if not self._given(key):
                    say((), f"lacks custom property {key!r}")
        else:
            for key in KEYS:
                if key.place == "contract" and key.feeds_only and self._given(key.name):
                    say(
                        self._at(key.name),
                        f"has custom property {key.name!r}, but is not pulled from a source",
                    )
        self._versions(custom.get("version_columns", ()), columns)
        if custom.get("delivery") == "snapshot" and self._given("lookBack"):
            say(
                self._at("lookBack"),
                "has custom property 'lookBack', but a snapshot brings everything anyway",
            )
        self._secrets(custom, columns)
        drops: tuple[RawDrop, ...] = custom.pop("drop_rows", ())
        custom["drop_rules"] = tuple(
            rule for index, drop in enumerate(drops) if (rule := self._drop_rule(drop, index, columns))
        )
        return custom

    def _versions(self, names: tuple[str, ...], columns: tuple[Column, ...]) -> None:
        known = {column.name: column for column in columns}
        for name in names:
            place = self._at("versionColumns")
            if name not in known:
                self._say(
                    place, f"has version column {name!r}, which does not exist{did_you_mean(name, known)}"
                )
            elif known[name].logical_type not in ("timestamp", "date", "integer"):
                self._say(
                    place,
                    f"has version column {name!r} of type {known[name].logical_type}, expected timestamp, date or integer",
                )
            elif not known[name].required:
                self._say(
                    place,
                    f"has version column {name!r}, which is not required: without it no version is newer",
                )

    def _secrets(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> None:
        if not self._is_feed:
            return
        tokens = [column.name for column in columns if column.privacy == "token"]
        personal = [column.name for column in columns if column.privacy in ("drop", "token", "mask")]
        if tokens and not self._given("callerSecret"):
            self._say((), f"makes tokens of {', '.join(tokens)}, but lacks custom property 'callerSecret'")
        if personal and not self._given("landingSecret"):
            self._say(
                (),
                f"has personal columns ({', '.join(personal)}), but lacks custom property 'landingSecret', "
                "which encrypts what lands",
            )

    def _drop_rule(self, drop: RawDrop, index: int, columns: tuple[Column, ...]) -> DropRule | None:
        place = (*self._at("dropRows"), index)
        if bool(drop.column) == bool(drop.wire):
            self._say(place, "drops rows by both column and wire, or by neither; give one of them")
            return None
        if drop.wire:
            return DropRule(drop.wire, drop.pattern, drop.reason)
        column = next((column for column in columns if column.name == drop.column), None)
        if column is None:
            names = [column.name for column in columns]
            self._say(
                place,
                f"drops rows by column {drop.column!r}, which does not exist{did_you_mean(drop.column, names)}",
            )
            return None
        return DropRule(column.wire, drop.pattern, drop.reason)

    def _service_levels(self) -> dict[str, Any]:
        spans: dict[str, timedelta] = {}
        for index, entry in _entries(self._data, "slaProperties"):
            name, value, unit = entry.get("property"), entry.get("value"), entry.get("unit", "d")
            if not isinstance(name, str) or name in _SLA_OTHERS:
                continue
            place = ("slaProperties", index)
            if name not in _SLA:
                self._say(place, f"is unknown, {expected_one_of(name, _SLA)}")
                continue
            if name in spans:
                self._say(place, "is given twice")
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
            span = syntax.sla_span(number, unit) if number is not None and isinstance(unit, str) else None
            if number is None or number <= 0:
                self._say((*place, "value"), f"is {shown(value)}, expected a number above zero")
            elif span is None:
                self._say(
                    (*place, "unit"), f"has unit {shown(unit)}, {expected_one_of(unit, syntax.SLA_UNITS)}"
                )
            spans[name] = span or timedelta(days=1)
        return {name: spans[name] for name in ("latency", "retention") if name in spans}

    # Where it comes from.

    def _servers(self) -> tuple[Server, ...]:
        servers = []
        seen: set[str] = set()
        entries = list(_entries(self._data, "servers"))
        if not entries and not self._data.get("servers"):
            self._say((), "lacks 'servers': a feed says where it is pulled from")
        for index, entry in entries:
            say = _inside(self._say, "servers", index)
            name = _text(entry, "server")
            if name in seen:
                say(("server",), "has a name another server has already")
            seen.add(name)
            servers.append(self._server(name, entry, say))
        return tuple(servers)

    def _server(self, name: str, entry: dict[str, Any], say: Say) -> Server:
        custom = read_custom(entry.get("customProperties"), "server", _inside(say, "customProperties"))
        if not _has_custom(entry, "connector"):
            say((), "lacks custom property 'connector'")
        location = _text(entry, "location")
        if not location and "location" not in entry and entry.get("type") != "api":
            say(
                (),
                f"is of type {entry.get('type')!r} and lacks 'location'; a feed is pulled over HTTP (type: api)",
            )
        for objection in syntax.wrong_address(location) if location else ():
            say(("location",), f"location {objection}")
        connector, form = custom.get("connector", ""), custom.get("format", "json")
        if connector in _JSON_CONNECTORS and form not in _JSON_FORMATS:
            say((), f"has format {form!r}, but connector {connector!r} speaks JSON")
        if connector in _UNPAGED_CONNECTORS and "page_size" in custom:
            say((), f"has custom property 'pageSize', but connector {connector!r} takes a file whole")
        for key in KEYS:
            formats = _ONLY_FOR.get(snake(key.name))
            if key.place == "server" and formats and snake(key.name) in custom and form not in formats:
                say((), f"has custom property {key.name!r}, which means nothing for format {form!r}")
        rows = custom.get("header_rows", ())
        if list(rows) != sorted(rows):
            say((), "has headerRows out of order")
        return Server(name=name, location=location, **{"connector": "", **custom})

    # What it holds.

    def _table(self, name: str) -> dict[str, Any]:
        tables = [table for _, table in _entries(self._data, "schema")]
        if len(tables) != 1:
            count = "none" if not tables else str(len(tables))
            self._say(("schema",), f"should describe exactly one table in 'schema', found {count}")
            if not tables:
                return {}
        table = tables[0]
        given = table.get("name")
        if given != name and isinstance(given, str):
            self._say(("schema", 0, "name"), f"has name {given!r}, expected {name!r}, as the file is called")
        if not _text(table, "description"):
            self._say(("schema", 0), "lacks 'description'")
        for index, entry in _entries(table, "customProperties"):
            place = ("schema", 0, "customProperties", index)
            self._say(place, f"has custom property {shown(entry.get('property'))}; on tables there are none")
        return table

    def _columns(self, table: dict[str, Any], path: Path, line: Any) -> tuple[Column, ...]:
        columns: list[Column] = []
        positions: dict[str, int] = {}
        entries = list(_entries(table, "properties"))
        if table and not entries:
            self._say(path, "has no properties, so no columns")
        first: dict[str, int] = {}
        for index, entry in entries:
            place: Path = (*path, "properties", index)
            column = self._column(entry, _inside(self._say, *place))
            column = replace(column, line=line(place))
            if column.name in first:
                self._say(place, f"has a name that stands on line {first[column.name]} already")
                continue
            if column.name:
                first[column.name] = column.line
                columns.append(column)
                position = entry.get("primaryKeyPosition")
                positions[column.name] = position if isinstance(position, int) and position > 0 else 10_000
        if table and entries and not any(column.is_key for column in columns):
            self._say(
                path, "has no column with 'primaryKey: true'; the key says which rows are the same thing"
            )
        self._areas(columns, path, first)
        self._wires(columns, path, entries)
        names = {column.name for column in columns}
        if self._is_feed and (unstored := [c.name for c in columns if c.is_key and not c.is_stored]):
            self._say(path, f"has key columns that are dropped: {', '.join(unstored)}")
        if any(entry.get("primaryKeyPosition") for _, entry in entries) and names:
            keys = [column for column in columns if column.is_key]
            ordered = iter(sorted(keys, key=lambda column: positions[column.name]))
            if [column.name for column in keys] != [column.name for column in ordered]:
                self._say(
                    path, "has key columns whose primaryKeyPosition differs from their order in the file"
                )
        return tuple(columns)

    def _column(self, entry: dict[str, Any], say: Say) -> Column:
        name = _text(entry, "name")
        if name and (objection := syntax.wrong_name(name)):
            say(("name",), f"has a name that {objection}")
        custom = read_custom(entry.get("customProperties"), "property", _inside(say, "customProperties"))
        logical_type = entry.get("logicalType")
        if logical_type is None:
            say((), "lacks 'logicalType'")
        if not _text(entry, "description"):
            say((), "lacks 'description'")
        is_key, required = entry.get("primaryKey") is True, entry.get("required") is True
        if is_key and not required:
            say((), "is part of the primary key, so it needs 'required: true'")
        if "physicalName" in entry and entry["physicalName"] != name:
            say(("physicalName",), "has a physicalName; the column is called by its name everywhere")
        column = Column(
            name=name,
            business_name=_text(entry, "businessName"),
            description=_text(entry, "description"),
            logical_type=logical_type if isinstance(logical_type, str) else "string",
            type=self._type(entry, say),
            wire=_wire_names(entry),
            required=required,
            unique=entry.get("unique") is True,
            is_key=is_key,
            classification=_text(entry, "classification"),
            references=tuple(_targets(entry)),
            **custom,
        )
        column = replace(column, enum=self._enum(entry, column, say), **self._options(entry, column, say))
        self._contradictions(column, entry, say)
        return column

    def _type(self, entry: dict[str, Any], say: Say) -> str:
        logical_type, physical_type = entry.get("logicalType"), entry.get("physicalType")
        suffix, kind = "", logical_type
        if logical_type == "array":
            suffix, kind = "[]", _mapping(entry, "items").get("logicalType")
            if kind not in _TYPES:
                say(
                    ("items",),
                    f"is a list of {shown(kind)}, {expected_one_of(kind, tuple(_TYPES))} in 'items: {{logicalType: …}}'",
                )
                return "VARCHAR[]"
        elif logical_type not in _TYPES:
            if isinstance(logical_type, str) and logical_type in ("time", "object", "map", "vector"):
                say(
                    ("logicalType",),
                    f"has logicalType {logical_type!r}, {expected_one_of(logical_type, (*_TYPES, 'array'))}",
                )
            return "VARCHAR"
        if physical_type is None:
            return _TYPES[str(kind)] + suffix
        spelled = str(physical_type).upper().replace(" ", "")
        if spelled.endswith(suffix) and _PHYSICAL[str(kind)].fullmatch(spelled.removesuffix(suffix)):
            return spelled
        say(
            ("physicalType",),
            f"has physicalType {shown(physical_type)}, expected a DuckDB type for {logical_type}, such as {_TYPES[str(kind)]}{suffix}",
        )
        return _TYPES[str(kind)] + suffix

    def _options(self, entry: dict[str, Any], column: Column, say: Say) -> dict[str, Any]:
        given = _mapping(entry, "logicalTypeOptions")
        known = _OPTIONS.get(column.logical_type, set())
        say = _inside(say, "logicalTypeOptions")
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known)
                if name == "format" and column.logical_type in ("date", "timestamp"):
                    hint = "; custom property 'formats' says how it is written"
                elif not hint:
                    hint = "; write a rule under 'quality' instead"
                say((name,), f"has option {name!r}, which nothing checks for {column.logical_type}{hint}")
        options: dict[str, Any] = {
            snake(name): given[name]
            for name in ("minimum", "maximum", "minLength", "maxLength")
            if name in known
            and isinstance(given.get(name), int | float)
            and not isinstance(given[name], bool)
        }
        for low, high, names in (
            ("minimum", "maximum", "minimum"),
            ("min_length", "max_length", "minLength"),
        ):
            if low in options and high in options and options[low] > options[high]:
                say((names,), f"has a smallest value {options[low]} above its largest, {options[high]}")
            for bound in (low, high):
                if bound in options and abs(options[bound]) > _LARGEST:
                    say((), f"has a bound of {options[bound]}, beyond what a number holds exactly")
        if "pattern" in known and isinstance(given.get("pattern"), str):
            if objection := syntax.wrong_pattern(given["pattern"]):
                say(("pattern",), f"has pattern {shown(given['pattern'])}, but {objection}")
            else:
                options["pattern"] = given["pattern"]
        return options

    def _enum(self, entry: dict[str, Any], column: Column, say: Say) -> tuple[EnumValue, ...]:
        values: list[EnumValue] = []
        taken: dict[str, str] = {}
        kinds = {"integer": int, "number": (int, float)}.get(column.logical_type, str)
        if entry.get("enum") and column.logical_type not in ("string", "integer", "number"):
            say(("enum",), f"has allowed values, which nothing checks for {column.logical_type}")
            return ()
        for index, item in _entries(entry, "enum"):
            inner = _inside(say, "enum", index)
            if "value" not in item:
                continue
            given = item["value"]
            if isinstance(given, bool) or not isinstance(given, kinds) or given == "":  # type: ignore[arg-type]
                hint = (
                    "; write it in quotes" if kinds is str and isinstance(given, bool | int | float) else ""
                )
                inner(("value",), f"is {shown(given)}, expected a {column.logical_type}{hint}")
                continue
            value, label = str(given), _text(item, "label")
            custom = read_custom(
                item.get("customProperties"), "enum value", _inside(inner, "customProperties")
            )
            wire = tuple(dict.fromkeys(text for text in (label, value, *custom.get("wire", ())) if text))
            for text in wire:
                if taken.setdefault(text, value) != value:
                    inner((), f"may arrive as {text!r}, which means {taken[text]!r} already")
            if any(other.value == value for other in values):
                inner(("value",), "is listed twice")
            values.append(EnumValue(value, label, wire))
        return tuple(values)

    def _contradictions(self, column: Column, entry: dict[str, Any], say: Say) -> None:
        kind = column.logical_type
        judged = (
            column.enum or column.pattern or column.min_length is not None or column.max_length is not None
        )
        if column.privacy in ("drop", "token", "mask"):
            if kind != "string" and column.privacy != "drop":
                say((), f"has privacy {column.privacy!r}, which is for text, and is a {kind}")
            if judged:
                say(
                    (),
                    f"has privacy {column.privacy!r}, so its rules would judge what is left and not what came",
                )
        if column.privacy == "coarsen" and kind != "number":
            say((), f"has privacy 'coarsen', which rounds numbers, and is a {kind}")
        if _has_custom(entry, "decimals") and column.privacy != "coarsen":
            say((), "has 'decimals', which belong to privacy 'coarsen'")
        if column.withheld_values and column.privacy != "token":
            say((), "has 'withheldValues', which belong to privacy 'token'")
        if column.classification in ("L3", "L4") and not column.privacy:
            say(
                (),
                f"is classified {column.classification}, but no custom property 'privacy' says what happens to it",
            )
        if column.formats and kind not in ("date", "timestamp"):
            say((), f"has 'formats', which are for dates and times, and is a {kind}")
        if column.separators and kind != "array":
            say((), f"has 'separators', which make a list of a text, and is a {kind}")
        if column.area and (kind != "string" or column.enum or column.pattern or column.privacy):
            say(
                (),
                "names an area, so it is text without allowed values, pattern or privacy: it becomes the area's code",
            )
        if column.constant and (column.join or column.part or column.missing_values or column.fill_down):
            say((), "has a 'constant', so nothing of the source is read for it")
        if column.constant == "window_last_day" and kind != "date":
            say((), f"has constant 'window_last_day', which is a date, and is a {kind}")
        if column.part and kind != "string":
            say((), f"has 'part', which is for text, and is a {kind}")
        if column.unique and not column.is_stored:
            say((), "is unique, but is dropped")

    def _areas(self, columns: list[Column], path: Path, lines: dict[str, int]) -> None:
        known = {column.name: column for column in columns}
        for index, entry in _entries(_first(self._data, "schema"), "properties"):
            column = known.get(_text(entry, "name"))
            if column is None or column.area is None:
                continue
            other = known.get(column.area.as_of)
            place = (*path, "properties", index)
            if other is None:
                hint = did_you_mean(column.area.as_of, known)
                self._say(place, f"has area asOf {column.area.as_of!r}, which is no column here{hint}")
            elif other.logical_type not in ("date", "timestamp") or not other.is_stored:
                self._say(
                    place,
                    f"has area asOf {other.name!r}, a {other.logical_type}; expected a date or timestamp",
                )
        if sum(1 for column in columns if column.area) > 1:
            names = ", ".join(column.name for column in columns if column.area)
            self._say(path, f"has more than one area column ({names}); rows carry one _area_method")

    def _wires(self, columns: list[Column], path: Path, entries: list[tuple[int, dict[str, Any]]]) -> None:
        if not self._is_feed:
            return
        places = {_text(entry, "name"): (*path, "properties", index) for index, entry in reversed(entries)}
        owners: dict[str, Column] = {}
        for column in columns:
            for wire in column.wire:
                other = owners.setdefault(wire, column)
                if other is not column and not (other.part and column.part):
                    self._say(
                        places[column.name],
                        f"may arrive as {wire!r}, and so may {other.name!r}; "
                        "only columns with custom property 'part' share a name",
                    )
                elif (
                    other is not column
                    and other.part
                    and column.part
                    and other.part.index == column.part.index
                ):
                    self._say(places[column.name], f"takes the same part of {wire!r} as {other.name!r}")

    def _references(self, columns: tuple[Column, ...], path: Path) -> None:
        for index, entry in _entries(_first(self._data, "schema"), "properties"):
            for target in _targets(entry):
                if len(target.split(".")) != 3:
                    self._say(
                        (*path, "properties", index, "relationships"),
                        f"refers to {shown(target)}, expected level, table and column, such as "
                        "city.hotline_orders.work_order_id",
                    )
        if _first(self._data, "schema").get("relationships"):
            self._say((*path, "relationships"), "has relationships of the table; write them under the column")

    # What is promised.

    def _rules(self, table: dict[str, Any], columns: tuple[Column, ...], path: Path) -> tuple[Rule, ...]:
        rules = [rule for column in columns for rule in column_rules(column)]
        versions: tuple[str, ...] = self._custom.get("version_columns", ())
        keys = tuple(column.name for column in columns if column.is_key)
        if keys:
            rules.append(unique_rule("unique", (*keys, *(name for name in versions if name not in keys))))
        known = {column.name: column for column in columns}
        quality = Quality(known, self._is_feed)
        for index, entry in _entries(table, "properties"):
            column = known.get(_text(entry, "name"))
            if column is None:
                continue
            for number, rule in _entries(entry, "quality"):
                say = _inside(self._say, *path, "properties", index, "quality", number)
                rules.append(found) if (found := quality.rule(rule, column, say)) else None
        for number, rule in _entries(table, "quality"):
            say = _inside(self._say, *path, "quality", number)
            rules.append(found) if (found := quality.rule(rule, None, say)) else None
        return tuple(rules)

    # Where a custom property of the contract stands.

    def _index(self, name: str) -> int | None:
        entries = _entries(self._data, "customProperties")
        return next((index for index, entry in entries if entry.get("property") == name), None)

    def _given(self, name: str) -> bool:
        return self._index(name) is not None

    def _at(self, name: str) -> Path:
        index = self._index(name)
        return ("customProperties",) if index is None else ("customProperties", index, "value")


def where(data: Any, path: Path) -> str:
    """A place in words, the innermost two that have names: `enum value 'x' of property 'y'`."""
    nouns = {
        "schema": ("schema", "name"),
        "servers": ("server", "server"),
        "properties": ("property", "name"),
        "quality": ("quality rule", "id"),
        "enum": ("enum value", "value"),
        "slaProperties": ("service level", "property"),
        "synonyms": ("synonym", "synonym"),
    }
    names: list[str] = []
    node, previous = data, ""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(step, int) and previous in nouns:
            noun, key = nouns[previous]
            given = node.get(key) if isinstance(node, dict) else None
            names.append(
                f"{noun} {given!r}" if isinstance(given, str | int | float) else f"{noun} {step + 1}"
            )
        previous = str(step)
    if len(names) > 1 and names[0].startswith("schema "):
        names = names[1:]
    return " of ".join(reversed(names[-2:]))


def _inside(say: Say, *prefix: str | int) -> Say:
    return lambda path, message: say((*prefix, *path), message)


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value.strip() if isinstance(value, str) else ""


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _entries(data: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    value = data.get(key)
    return [
        (i, item) for i, item in enumerate(value if isinstance(value, list) else ()) if isinstance(item, dict)
    ]


def _first(data: dict[str, Any], key: str) -> dict[str, Any]:
    return next((item for _, item in _entries(data, key)), {})


def _has_custom(entry: dict[str, Any], name: str) -> bool:
    return any(item.get("property") == name for _, item in _entries(entry, "customProperties"))


def _wire_names(entry: dict[str, Any]) -> tuple[str, ...]:
    names = [_text(entry, "name"), _text(entry, "businessName")]
    names += [_text(item, "synonym") for _, item in _entries(entry, "synonyms")]
    return tuple(dict.fromkeys(name for name in names if name))


def _targets(entry: dict[str, Any]) -> list[str]:
    targets: list[str] = []
    for _, item in _entries(entry, "relationships"):
        given = item.get("to")
        listed = given if isinstance(given, list) else [given]
        targets += [target for target in listed if isinstance(target, str)]
    return targets
