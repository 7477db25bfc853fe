"""From `schema[].properties` to columns, telling what does not fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Literal

from pipelines.contract import syntax
from pipelines.contract.custom import read_custom
from pipelines.contract.document import Path
from pipelines.contract.figures import check_figures
from pipelines.contract.model import Column, EnumValue
from pipelines.contract.places import Say, entries, has_custom, inside, lacks, mapping, number, text
from pipelines.contract.problems import did_you_mean, expected_one_of, shown
from pipelines.contract.shapes import snake

TYPES = {
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
    "number": re.compile(r"DOUBLE|FLOAT|DECIMAL\((?P<digits>[1-9]|[12]\d|3[0-8]),(?P<decimals>\d{1,2})\)"),
    "boolean": re.compile(r"BOOLEAN"),
    "date": re.compile(r"DATE"),
    "timestamp": re.compile(r"TIMESTAMPTZ|TIMESTAMP"),
}
_NO_DAY = ("string", "integer", "number", "boolean", "array")
_NOT_OURS = ("time", "object", "map", "vector")
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength")
_OPTIONS = {  # the logicalTypeOptions that become promises; the standard knows more
    "string": frozenset({"pattern", "minLength", "maxLength", "format"}),
    "integer": frozenset({"minimum", "maximum", "format"}),
    "number": frozenset({"minimum", "maximum", "format"}),
}
_JUDGED_BY_STANDARD = (*_OPTIONS, "date", "timestamp", "array")  # it refuses options it does not know
_STANDARD_OPTIONS = frozenset(
    {
        *_BOUNDS,
        "pattern",
        "format",
        "multipleOf",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "timezone",
        "defaultTimezone",
        "minItems",
        "maxItems",
        "uniqueItems",
    }
)
_ENUM_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
_LARGEST = 2**53
_REFERENCE_STEPS = 3


def read_columns(
    table: dict[str, Any], *, is_feed: bool, say: Say, line: Callable[[Path], int]
) -> tuple[Column, ...]:
    """The columns of a table in their order; of two with one name the first. Paths begin at the table."""
    listed = entries(table, "properties")
    columns: dict[str, Column] = {}
    places: dict[str, Path] = {}
    for index, entry in listed:
        place: Path = ("properties", index)
        column = _column(entry, line(place), inside(say, *place))
        if column.name in columns:
            say(place, f"has a name that stands on line {columns[column.name].line} already")
        elif column.name:
            columns[column.name] = column
            places[column.name] = place
    if not listed:
        say((), "has no properties, so no columns")
    elif columns:
        _check_key(table, list(columns.values()), say)
    _check_areas(columns, places, say)
    _check_skews(columns, places, say)
    check_figures(columns, places, say)
    if is_feed:
        _check_wires(columns, places, say)
        _check_reduction(columns, places, say)
    return tuple(columns.values())


def _column(entry: dict[str, Any], line: int, say: Say) -> Column:
    name = text(entry, "name")
    if name and (objection := syntax.wrong_name(name)):
        say(("name",), f"has a name that {objection}")
    if entry.get("logicalType") is None:
        say((), "lacks 'logicalType'")
    if lacks(entry, "description"):
        say((), "lacks 'description'")
    if entry.get("primaryKey") is True and entry.get("required") is not True:
        say((), "is part of the primary key, so it needs 'required: true'")
    if "physicalName" in entry and entry["physicalName"] != name:
        say(("physicalName",), "has a physicalName; the column is called by its name everywhere")
    custom = read_custom(entry.get("customProperties"), "property", inside(say, "customProperties"))
    kind = text(entry, "logicalType")
    is_known = kind in (*TYPES, "array")
    logic = text(entry, "transformLogic")
    column = Column(
        name=name,
        business_name=text(entry, "businessName"),
        description=text(entry, "description"),
        logical_type=kind,
        type=_stored_type(entry, say),
        wire=() if logic else _wire_names(entry),
        required=entry.get("required") is True,
        unique=entry.get("unique") is True,
        is_key=entry.get("primaryKey") is True,
        enum=_enum(entry, kind, say) if is_known else (),
        classification=text(entry, "classification"),
        role=_role(entry),
        logic=logic,
        references=tuple(_references(entry, say)),
        line=line,
        **(_options(entry, kind, say) if is_known else {}),
        **custom,
    )
    if is_known:
        for contradiction in (
            *_privacy_contradictions(column, entry),
            *_reading_contradictions(column),
            *_reduction_contradictions(column, entry),
            *_mending_contradictions(column),
        ):
            say((), contradiction)
    return column


def _role(entry: dict[str, Any]) -> Literal["column", "dimension", "measure"]:
    match entry.get("semanticType"):
        case "dimension":
            return "dimension"
        case "measure":
            return "measure"
    return "column"


def _wire_names(entry: dict[str, Any]) -> tuple[str, ...]:
    names = [text(entry, "name"), text(entry, "businessName")]
    names += [text(item, "synonym") for _, item in entries(entry, "synonyms")]
    return tuple(dict.fromkeys(name for name in names if name))


def _stored_type(entry: dict[str, Any], say: Say) -> str:
    kind, given, suffix = text(entry, "logicalType"), entry.get("physicalType"), ""
    if kind == "array":
        kind, suffix = text(mapping(entry, "items"), "logicalType"), "[]"
        if kind == "object":
            return f"{_record_type(mapping(entry, 'items'), say)}[]"
        if kind not in TYPES:
            choices = expected_one_of(kind, [*TYPES])
            say((), f"is a list; its 'items' need a logicalType, {choices}")
            return "VARCHAR[]"
    elif kind in _NOT_OURS:
        say(("logicalType",), f"has logicalType {kind!r}, {expected_one_of(kind, [*TYPES, 'array'])}")
    if kind not in TYPES:
        return "VARCHAR"
    usual = TYPES[kind] + suffix
    if given is None:
        return usual
    spelled = str(given).upper().replace(" ", "")
    match = _PHYSICAL[kind].fullmatch(spelled.removesuffix(suffix)) if spelled.endswith(suffix) else None
    decimals = match.groupdict().get("decimals") if match else None
    if not match or (decimals and int(decimals) > int(match["digits"])):
        what = f"{kind} list" if suffix else kind
        say(
            ("physicalType",),
            f"has physicalType {shown(given)}, expected DuckDB's for a {what}, such as {usual}",
        )
        return usual
    return spelled


def _record_type(entry: dict[str, Any], say: Say) -> str:
    """DuckDB's type of a record, from the plain properties it lists."""
    fields = []
    for index, each in entries(entry, "properties"):
        name, kind = text(each, "name"), text(each, "logicalType")
        if kind not in TYPES:
            say(("items", "properties", index), f"is of {expected_one_of(kind, [*TYPES])}")
        fields.append(f"{name} {TYPES.get(kind, 'VARCHAR')}")
    if not fields:
        say(("items",), "is a record without 'properties'")
        return "VARCHAR"
    return f"STRUCT({', '.join(fields)})"


def _options(entry: dict[str, Any], kind: str, say: Say) -> dict[str, Any]:
    given = mapping(entry, "logicalTypeOptions")
    known = _OPTIONS.get(kind, frozenset[str]())
    say = inside(say, "logicalTypeOptions")
    for name in given:
        if name in (_STANDARD_OPTIONS if kind in _JUDGED_BY_STANDARD else given) and name not in known:
            hint = did_you_mean(name, known)
            if name == "format" and kind in ("date", "timestamp"):
                hint = "; custom property 'formats' says how it is written"
            say((name,), f"has option {name!r}, which nothing checks for type {kind}{hint or _WRITE_A_RULE}")
    options = {name: given[name] for name in _BOUNDS if name in known and number(given.get(name))}
    for name, value in options.items():
        if abs(value) > _LARGEST:
            say((name,), f"has {name} {shown(value)}, beyond what a number holds exactly")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if low in options and high in options and options[low] > options[high]:
            say((low,), f"has {low} {shown(options[low])} above {high} {shown(options[high])}")
    pattern = given.get("pattern")
    if "pattern" in known and isinstance(pattern, str):
        if objection := syntax.wrong_pattern(pattern):
            say(("pattern",), f"has pattern {shown(pattern)}, but {objection}")
        options["pattern"] = pattern
    return {snake(name): value for name, value in options.items()}


_WRITE_A_RULE = "; write a rule under 'quality' instead"


def _enum(entry: dict[str, Any], kind: str, say: Say) -> tuple[EnumValue, ...]:
    listed = entries(entry, "enum")
    if listed and kind not in _ENUM_TYPES:
        say(("enum",), f"has allowed values, which nothing checks for type {kind}{_WRITE_A_RULE}")
        return ()
    values: dict[str, EnumValue] = {}
    meanings: dict[str, str] = {}
    for index, item in listed:
        inner = inside(say, "enum", index)
        given = item.get("value")
        custom = read_custom(item.get("customProperties"), "enum value", inside(inner, "customProperties"))
        if isinstance(given, bool) or not isinstance(given, _ENUM_TYPES[kind]) or given == "":
            hint = "; write it in quotes" if kind == "string" and isinstance(given, int | float) else ""
            if "value" in item:
                inner(("value",), f"is {shown(given)}, expected type {kind}{hint}")
            continue
        value, label = str(given), text(item, "label")
        wire = tuple(dict.fromkeys(name for name in (label, value, *custom.get("wire", ())) if name))
        if value in values:
            inner(("value",), "is listed twice")
            continue
        for name in wire:
            if meanings.setdefault(name, value) != value:
                inner((), f"may arrive as {name!r}, which means {meanings[name]!r} already")
        values[value] = EnumValue(value, label, wire)
    return tuple(values.values())


def _references(entry: dict[str, Any], say: Say) -> Iterator[str]:
    for index, item in entries(entry, "relationships"):
        given = item.get("to")
        for target in given if isinstance(given, list) else [given]:
            if isinstance(target, str) and len(target.split(".")) == _REFERENCE_STEPS and "/" not in target:
                yield target
            elif isinstance(target, str):
                say(
                    ("relationships", index, "to"),
                    f"refers to {shown(target)}, expected level, table and column, "
                    "such as city.hotline_orders.work_order_id",
                )


def _privacy_contradictions(column: Column, entry: dict[str, Any]) -> Iterator[str]:
    kind, privacy = column.logical_type, column.privacy
    promises = column.enum or column.pattern or column.min_length is not None or column.max_length is not None
    if privacy in ("token", "mask") and kind != "string":
        yield f"has privacy {privacy!r}, which is for text, and is of type {kind}"
    if privacy in ("drop", "token", "mask") and (promises or column.unique):
        yield f"has privacy {privacy!r}, so its rules would judge what is left and not what came"
    if privacy == "coarsen" and kind != "number":
        yield f"has privacy 'coarsen', which rounds numbers, and is of type {kind}"
    if has_custom(entry, "decimals") and privacy != "coarsen":
        yield "has 'decimals', which belong to privacy 'coarsen'"
    if column.withheld_values and privacy != "token":
        yield "has 'withheldValues', which belong to privacy 'token'"
    if column.token_overlap and privacy != "token":
        yield "has 'tokenOverlap', which belongs to privacy 'token'"
    if column.classification in ("L3", "L4") and not privacy:
        yield f"is classified {column.classification}, but has no 'privacy' to say what happens to it"
    if column.is_key and privacy == "drop":
        yield "is part of the primary key, but is dropped"


def _reading_contradictions(column: Column) -> Iterator[str]:
    kind = column.logical_type
    if column.formats and kind not in ("date", "timestamp"):
        yield f"has 'formats', which are for dates and times, and is of type {kind}"
    if column.separators and kind != "array":
        yield f"has 'separators', which make a list of a text, and is of type {kind}"
    if column.part and kind != "string":
        yield f"has 'part', which is for text, and is of type {kind}"
    if column.area and (kind != "string" or column.enum or column.pattern or column.privacy):
        yield "names an area and becomes its code, so it is text without enum, pattern or privacy"
    if column.constant and (column.join or column.part or column.missing_values or column.fill_down):
        yield "has a 'constant', so nothing of the source is read for it"
    if column.constant == "window_last_day" and kind != "date":
        yield f"has constant 'window_last_day', which is a date, and is of type {kind}"
    if column.constant == "outline_areas" and kind != "array":
        yield f"has constant 'outline_areas', which is a list of texts, and is of type {kind}"


def _reduction_contradictions(column: Column, entry: dict[str, Any]) -> Iterator[str]:
    promises = column.enum or column.pattern or column.unique or column.minimum is not None
    promises = promises or column.maximum is not None or column.min_length is not None
    if column.logic and column.role == "column":
        yield "has a 'transformLogic', but no semanticType to say whether it groups (dimension) or sums up (measure)"
    if column.role == "measure" and not column.logic:
        yield "is a measure, so it needs the 'transformLogic' that makes it"
    if column.role == "measure" and column.is_key:
        yield "is a measure, so it is no part of the primary key"
    if column.logic and (entry.get("synonyms") or entry.get("customProperties")):
        yield "is made from other columns, so nothing of the source is read for it"
    if column.logic and (promises or column.max_length is not None):
        yield "is made after the rows are judged, so nothing checks its promises; write rules about the rows"


def _check_reduction(columns: dict[str, Column], places: dict[str, Path], say: Say) -> None:
    """A feed that sums its rows up: dimensions are the key of what it keeps, measures the rest."""
    made = [column for column in columns.values() if column.role != "column"]
    if made and all(column.role == "dimension" for column in made):
        say(places[made[0].name], "is a dimension, but there is no measure: nothing is summed up")
    for column in made:
        if column.role == "dimension" and not column.is_key:
            say(places[column.name], "is a dimension, so it is part of the primary key")
    if made and not any(column.is_key and column.arrives for column in columns.values()):
        say((), "has no key column that arrives, so its rows cannot be told apart")


def _mending_contradictions(column: Column) -> Iterator[str]:
    kind = column.logical_type
    if column.normalise and kind != "string":
        yield f"has 'normalise', which is for text, and is of type {kind}"
    if column.test_pattern and (kind != "string" or column.enum or column.area):
        yield "has 'testPattern', which is for text that is neither an area nor one of a few values"
    if column.clock_skew and kind != "timestamp":
        yield f"has 'clockSkew', which is for times, and is of type {kind}"
    if any(bool(skew.not_before) == bool(skew.not_after) for skew in column.clock_skew):
        yield "has a 'clockSkew' with both 'notBefore' and 'notAfter', or with neither; give one of them"
    if column.night_share is not None and kind != "timestamp":
        yield f"has 'nightShare', which is for times, and is of type {kind}"
    if column.magnitude and not column.is_numeric:
        yield f"has 'magnitude', which is for numbers, and is of type {kind}"
    if column.magnitude and column.magnitude.low > column.magnitude.high:
        yield "has a 'magnitude' whose low is above its high"


def _check_key(table: dict[str, Any], columns: list[Column], say: Say) -> None:
    keys = [column.name for column in columns if column.is_key]
    if not keys:
        say((), "has no column with 'primaryKey: true'; the key says which rows are the same thing")
    positions = {
        text(entry, "name"): entry.get("primaryKeyPosition") for _, entry in entries(table, "properties")
    }
    given = [place for name in keys if number(place := positions.get(name)) and place > 0]
    if given != sorted(given):
        say((), "has key columns whose primaryKeyPosition differs from their order in the file")


def _check_areas(columns: dict[str, Column], places: dict[str, Path], say: Say) -> None:
    named = [column for column in columns.values() if column.area]
    for column in named:
        day = column.area.as_of if column.area else ""
        other = columns.get(day)
        if other is None:
            hint = did_you_mean(day, columns)
            say(places[column.name], f"has area asOf {shown(day)}, which is no column here{hint}")
        elif other.logical_type in _NO_DAY or not other.is_stored:
            kind = f"of type {other.logical_type}" if other.is_stored else "which is dropped"
            say(places[column.name], f"has area asOf {day!r}, {kind}, expected a date or timestamp")
        for place, told in asdict(column.area.via).items() if column.area else ():
            if told and (told not in columns or not columns[told].is_stored):
                hint = did_you_mean(told, columns)
                say(
                    places[column.name],
                    f"is found via {place} {shown(told)}, which is no stored column here{hint}",
                )
    if len(named) > 1:
        names = ", ".join(column.name for column in named)
        say((), f"has more than one area column ({names}); a row carries one _area_method")


def _check_skews(columns: dict[str, Column], places: dict[str, Path], say: Say) -> None:
    for column in columns.values():
        for skew in column.clock_skew:
            other = columns.get(skew.not_before)
            if skew.not_before and (
                other is None or other.logical_type != "timestamp" or not other.is_stored
            ):
                hint = did_you_mean(skew.not_before, columns) if other is None else ""
                say(
                    places[column.name],
                    f"has a clockSkew notBefore {shown(skew.not_before)}, which is no column of times here{hint}",
                )


def _check_wires(columns: dict[str, Column], places: dict[str, Path], say: Say) -> None:
    owners: dict[str, Column] = {}
    for column in columns.values():
        for wire in column.wire:
            other = owners.setdefault(wire, column)
            if other is column:
                continue
            if bool(other.token_overlap) != bool(column.token_overlap) and other.privacy == column.privacy:
                continue  # this year's token and last year's
            if not (other.part and column.part):
                say(
                    places[column.name],
                    f"may arrive as {wire!r}, and so may {other.name!r}; only with 'part' may columns share a name",
                )
            elif other.part.index == column.part.index:
                say(places[column.name], f"takes the same part of {wire!r} as {other.name!r}")
