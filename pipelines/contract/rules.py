"""The promises a contract makes without spelling them out, as `Rule`s in a fixed order and with fixed names.

    required:<column>   kind required   something was given; for an area column, something was given in words
    type:<column>       kind typed      the text given could be read as the column's type
    enum:<column>       kind enum       arguments: values
    pattern:<column>    kind pattern    arguments: pattern
    range:<column>      kind range      arguments: minimum and/or maximum, both inclusive
    length:<column>     kind length     arguments: minimum and/or maximum, in characters
    test:<column>       kind untested   arguments: pattern. Broken when the value is one of a test
    night:<column>      kind query      the whole batch, a warning: too many times at night
    magnitude:<column>  kind query      the whole batch: a median as if in another unit
    area:<column>       kind resolved   arguments: level, as_of. Broken when a text was given and no area
                                        was found; an empty value breaks `required:<column>` alone
    readable:<column>   kind readable   free text without traces of a wrong encoding
    unique:<column>     kind unique     the standard's `unique: true`; arguments: columns
    unique              kind unique     primary key and version columns together; arguments: columns

A rule's `instead` holds words for special cases, each with the SQL condition it is for: an office in an
area column, longitude and latitude swapped. The rule stays the same, its reason says more.
Rules people write themselves are in `quality`. NULL breaks no rule but `required`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipelines.contract.model import TEST, Column, CoordinateSystem, Magnitude, Rule

_TYPE_WORDS = {
    "integer": ("a whole number", "应为整数"),
    "number": ("a number", "应为数字"),
    "boolean": ("yes or no", "应为是或否"),
    "date": ("a date, such as 2026-11-17", "应为日期，如 2026-11-17"),
    "timestamp": ("a date and time, such as 2026-11-17 08:30:00", "应为日期和时间，如 2026-11-17 08:30:00"),
    "array": ("a list", "应为列表"),
}
_AREA_WORDS = {
    "city": ("city", "市"),
    "district": ("district", "区"),
    "street": ("street, town or township", "街道（镇、乡）"),
    "community": ("community or village", "社区（村）"),
}
ORGANISATION = "(委|委员会|局|集团|公司|中心|大队|总队|支队)$"
"""How the name of an office or a company ends, which is no area. `办` and `处` end names of streets, too."""
_SHOWN_VALUES = 12
_TEST_WORDS = ("a record of real life, not of a test", "应为真实记录，不应为测试数据")
_FEW_TIMES = 20
"""Below so many times their share at night says nothing."""


def column_rules(column: Column, timezone: str = "UTC") -> Iterator[Rule]:
    """The rules that follow from one column's description, in the contract's time zone.

    A column that is dropped or made later has none.
    """
    if not (column.is_stored and column.arrives):
        return
    if column.required:
        yield _rule("required", "required", column, {}, "a value; it may not be empty", "必填，不能为空")
    if column.type != "VARCHAR" and not column.constant:
        yield _rule("type", "typed", column, {"type": column.type}, *_TYPE_WORDS[column.logical_type])
    if column.enum:
        values = [value.value for value in column.enum]
        yield _rule("enum", "enum", column, {"values": _typed(values, column)}, *enum_words(column))
    if column.pattern:
        yield _rule("pattern", "pattern", column, {"pattern": column.pattern}, *pattern_words(column.pattern))
    if bounds := _bounds(column.minimum, column.maximum):
        yield _rule("range", "range", column, bounds, *_range_words(bounds))
    if bounds := _bounds(column.min_length, column.max_length):
        yield _rule("length", "length", column, bounds, *_length_words(bounds))
    if column.area:
        english, chinese = _AREA_WORDS[column.area.level]
        resolved = _rule(
            "area",
            "resolved",
            column,
            {"level": column.area.level, "as_of": column.area.as_of},
            f"the name or code of a {english} that existed on the day of {column.area.as_of}",
            f"应为当日有效的{chinese}名称或代码",
        )
        office = (
            f"regexp_matches(\"{column.name}__bad\", '{ORGANISATION}')",
            f"a {english}, not an organisation; who has to act stands in a column of its own",
            f"应为{chinese}，不是部门或单位；承办单位请填入相应栏目",
        )
        yield replace(resolved, instead=(office,))
    is_plain = not (column.enum or column.pattern or column.area or column.privacy == "token")
    if column.type == "VARCHAR" and is_plain and not column.constant:
        yield _rule(
            "readable",
            "readable",
            column,
            {},
            "readable text, without traces of a wrong encoding such as � or 锟斤拷",
            "应为可读文本，不含乱码（如 � 或 锟斤拷）",
        )
    yield from _suspicions(column, timezone)
    if column.unique:
        yield unique_rule(f"unique:{column.name}", (column.name,), column.name)


def point_rules(crs: CoordinateSystem, rules: list[Rule]) -> list[Rule]:
    """The rules of a table with a point, in words that say what is wrong with the pair."""
    bounds = {rule.column: rule.arguments for rule in rules if rule.kind == "range"}
    if not {crs.lon, crs.lat} <= bounds.keys():
        return rules  # said already
    lon, lat = f'"{crs.lon}"', f'"{crs.lat}"'
    in_lon, in_lat = (
        f"between {bounds[name]['minimum']} and {bounds[name]['maximum']}" for name in (crs.lon, crs.lat)
    )
    largest = f"greatest(abs({lon}), abs({lat}))"
    faults = (
        (
            f"{lon} = 0 and {lat} = 0",
            "a point that was measured; 0, 0 means the device had none",
            "坐标不应为 0, 0（设备未定位）",
        ),
        (
            f"{lon} {in_lat} and {lat} {in_lon}",
            "longitude and latitude each in its own column; here they are swapped",
            "经度与纬度填反",
        ),
        (
            f"{largest} > 1000 and {largest} <= 18060",
            "decimal degrees; these look like degrees and minutes written as one number",
            "应为十进制度数；此值似为度分格式",
        ),
        (
            f"{largest} > 18060",
            "decimal degrees; these look like metres of a projected system, such as a Gauss-Krüger grid",
            "应为十进制度数；此值似为投影坐标（如高斯-克吕格，单位米）",
        ),
    )

    def told(rule: Rule) -> Rule:
        if rule.column not in (crs.lon, crs.lat) or rule.kind not in ("range", "typed"):
            return rule
        if rule.kind == "range":
            return replace(rule, instead=faults)
        return replace(
            rule,
            expected_en="decimal degrees, such as 116.33, not degrees and minutes",
            expected_zh="应为十进制度数，如 116.33，不是度分秒",
        )

    return [told(rule) for rule in rules]


def _suspicions(column: Column, timezone: str) -> Iterator[Rule]:
    """Rules against values that are right by themselves and yet cannot be meant."""
    if column.test_pattern:
        pattern = f"^{TEST}$" if column.privacy == "token" else column.test_pattern
        yield _rule("test", "untested", column, {"pattern": pattern}, *_TEST_WORDS)
    if column.night_share is not None:
        yield _night_rule(column, column.night_share, timezone)
    if column.magnitude:
        yield _magnitude_rule(column, column.magnitude)


def _night_rule(column: Column, limit: float, timezone: str) -> Rule:
    """Times in UTC that pass for local ones have their busy hours at night: a share in percent of the whole batch."""
    hour = f"hour(timezone('{timezone}', {column.name}))"
    return Rule(
        rule_id=f"night:{column.name}",
        kind="query",
        column=column.name,
        arguments={
            "query": f"select case when count({column.name}) >= {_FEW_TIMES} then "
            f"100 * count(*) filter ({hour} < 6) / count({column.name}) else 0 end from {{object}}",
            "operator": "mustBeLessOrEqualTo",
            "bound": 100 * limit,
        },
        severity="warning",
        expected_en=f"at most {100 * limit:g} % of the times between 00:00 and 06:00 (more looks like UTC)",
        expected_zh=f"0 至 6 时的记录不应超过 {100 * limit:g}%（过多则可能为 UTC 时间）",
        scope="batch",
    )


def _magnitude_rule(column: Column, magnitude: Magnitude) -> Rule:
    low, high = _number(magnitude.low), _number(magnitude.high)
    return Rule(
        rule_id=f"magnitude:{column.name}",
        kind="query",
        column=column.name,
        arguments={
            "query": f"select coalesce(median({column.name}), {low}) from {{object}}",
            "operator": "mustBeBetween",
            "bound": [magnitude.low, magnitude.high],
        },
        severity="error",
        expected_en=f"a median between {low} and {high} (another one looks like another unit)",
        expected_zh=f"中位数应在 {low} 与 {high} 之间（否则可能单位有误）",
        scope="batch",
    )


def unique_rule(rule_id: str, columns: tuple[str, ...], column: str = "") -> Rule:
    """No two rows are equal in all of these columns."""
    names = ", ".join(columns)
    return Rule(
        rule_id=rule_id,
        kind="unique",
        column=column,
        arguments={"columns": list(columns)},
        severity="error",
        expected_en=f"no second row with the same {names}",
        expected_zh=f"{names} 不应重复",
    )


def enum_words(column: Column) -> tuple[str, str]:
    """`one of …`, in the words the source itself uses."""
    labels = [value.label or value.value for value in column.enum]
    return one_of(labels)


def one_of(labels: list[str]) -> tuple[str, str]:
    """`one of …` and `取值应为 … 之一`, shortened when long."""
    listed = labels[:_SHOWN_VALUES]
    more = len(labels) > _SHOWN_VALUES
    english = ", ".join(listed) + (f" … ({len(labels)} in all)" if more else "")
    chinese = "、".join(listed) + (f" 等 {len(labels)} 项" if more else "")
    return f"one of {english}", f"取值应为 {chinese} 之一"


def pattern_words(pattern: str) -> tuple[str, str]:
    return f"text of the form {pattern}", f"格式应符合 {pattern}"


def _rule(prefix: str, kind: str, column: Column, arguments: dict[str, Any], *expected: str) -> Rule:
    expected_en, expected_zh = expected
    return Rule(
        rule_id=f"{prefix}:{column.name}",
        kind=kind,
        column=column.name,
        arguments=arguments,
        severity="error",
        expected_en=expected_en,
        expected_zh=expected_zh,
    )


def _typed(values: list[str], column: Column) -> list[Any]:
    if column.logical_type == "integer":
        return [int(value) for value in values]
    return [float(value) for value in values] if column.logical_type == "number" else list(values)


def _bounds(low: float | None, high: float | None) -> dict[str, Any]:
    given = {"minimum": low, "maximum": high}
    return {name: value for name, value in given.items() if value is not None}


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _range_words(bounds: dict[str, Any]) -> tuple[str, str]:
    match bounds:
        case {"minimum": low, "maximum": high}:
            return (
                f"a number between {_number(low)} and {_number(high)}",
                f"数值应在 {_number(low)} 与 {_number(high)} 之间",
            )
        case {"minimum": low}:
            return f"a number of at least {_number(low)}", f"数值不应小于 {_number(low)}"
    high = bounds["maximum"]
    return f"a number of at most {_number(high)}", f"数值不应大于 {_number(high)}"


def _length_words(bounds: dict[str, Any]) -> tuple[str, str]:
    match bounds:
        case {"minimum": low, "maximum": high} if low == high:
            return f"exactly {low} characters", f"长度应为 {low} 个字符"
        case {"minimum": low, "maximum": high}:
            return f"{low} to {high} characters", f"长度应为 {low} 至 {high} 个字符"
        case {"minimum": low}:
            return f"at least {low} characters", f"长度不应少于 {low} 个字符"
    return f"at most {bounds['maximum']} characters", f"长度不应超过 {bounds['maximum']} 个字符"
