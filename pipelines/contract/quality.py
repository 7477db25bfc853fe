"""The rules people write under `quality:`, as `Rule`s named `rule:<id>` (row counts: `rows:<id>`).

    type: sql, select count(*) from {object} where <what is wrong>     kind condition, one row at a time
    type: sql, any other count over {object} (not for feeds)           kind query, the whole table
    metric: nullValues, missingValues                                  kinds required, condition
    metric: invalidValues, duplicateValues                             kinds enum or pattern, unique
    metric: rowCount                                                   kind rows, the whole batch
    type: custom, engine: greatExpectations                            kind expectation
    type: text                                                         prose; nothing is judged

With `mustBe: 0` a metric judges rows. With any other operator, or in percent, it judges the batch, and its
arguments hold operator, bound and unit beside what the kind needs.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pipelines.contract import syntax
from pipelines.contract.document import Path
from pipelines.contract.model import Column, Rule, Severity
from pipelines.contract.places import Say, entries, inside, number
from pipelines.contract.problems import did_you_mean, expected_one_of, shown
from pipelines.contract.standard import OPERATORS

ENGINE = "greatExpectations"
_ID = re.compile(r"[a-z][a-z0-9_]*")
_EXPECTATION = re.compile(r"expect_[a-z0-9_]+")
_ROW_EXPECTATION = re.compile(
    r"expect_(column_values|column_value_lengths|column_value_z_scores|column_pair_values|compound_columns"
    r"|select_column_values|multicolumn_(sum|values))_"
)
_ARGUMENTS = {
    "nullValues": frozenset[str](),
    "missingValues": frozenset({"missingValues"}),
    "invalidValues": frozenset({"validValues", "pattern"}),
    "duplicateValues": frozenset({"properties"}),
    "rowCount": frozenset[str](),
}
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_COLUMNS_ARGUMENTS = ("column_list", "column_set")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_OPERATOR_WORDS = {
    "mustBe": ("exactly {0}", "应等于 {0}"),
    "mustNotBe": ("not {0}", "不应等于 {0}"),
    "mustBeGreaterThan": ("more than {0}", "应大于 {0}"),
    "mustBeGreaterOrEqualTo": ("at least {0}", "不应小于 {0}"),
    "mustBeLessThan": ("less than {0}", "应小于 {0}"),
    "mustBeLessOrEqualTo": ("at most {0}", "不应大于 {0}"),
    "mustBeBetween": ("between {0} and {1}", "应在 {0} 与 {1} 之间"),
    "mustNotBeBetween": ("not between {0} and {1}", "不应在 {0} 与 {1} 之间"),
}


class Quality:
    """Reads the `quality` lists of one contract; remembers the ids it has seen."""

    def __init__(self, columns: dict[str, Column], is_feed: bool) -> None:
        self._columns = columns
        self._is_feed = is_feed
        self._ids: set[str] = set()

    def rules(self, owner: dict[str, Any], column: Column | None, say: Say) -> list[Rule]:
        """The rules of a table, or of one of its columns. Paths begin at the list."""
        found = (self._rule(entry, column, inside(say, index)) for index, entry in entries(owner, "quality"))
        return [rule for rule in found if rule is not None]

    def _rule(self, entry: dict[str, Any], column: Column | None, say: Say) -> Rule | None:
        """One entry as a Rule; None when it is prose or faulty, the faults having been said."""
        faults: list[str] = []

        def fault(path: Path, message: str) -> None:
            faults.append(message)
            say(path, message)

        self._check_name(entry, fault)
        severity = entry.get("severity", "error")
        if severity not in ("error", "warning"):
            fault(
                ("severity",),
                f"has severity {shown(severity)}, {expected_one_of(severity, ('error', 'warning'))}",
            )
        if entry.get("customProperties"):
            fault(("customProperties",), "has custom properties, which a quality rule does not take")
        kind = entry.get("type") or "library"
        match kind:
            case "text":
                return None
            case "sql":
                found = self._sql(entry, column, fault)
            case "custom":
                found = self._custom(entry, column, fault)
            case _:
                found = self._metric(entry, column, fault)
        if faults or found is None:
            return None
        kind, arguments, scope, words = found
        english, chinese = in_two_languages(str(entry["description"])) if words is None else words
        prefix = "rows" if kind == "rows" else "rule"
        checked: Severity = severity
        return Rule(
            rule_id=f"{prefix}:{entry['id']}",
            kind=kind,
            column=column.name if column else "",
            arguments=arguments,
            severity=checked,
            expected_en=english,
            expected_zh=chinese,
            scope=scope,
        )

    def _check_name(self, entry: dict[str, Any], say: Say) -> None:
        name = entry.get("id")
        if name is None:
            say((), "lacks 'id', the name its reasons are counted under")
        elif isinstance(name, str):
            if not _ID.fullmatch(name):
                say(("id",), f"has id {shown(name)}, expected small letters, digits and _")
            if name in self._ids:
                say(("id",), f"has id {name!r}, which another rule has already")
            self._ids.add(name)
        if not str(entry.get("description") or "").strip():
            say((), "lacks 'description', the sentence people read as the reason")

    def _operand(self, entry: dict[str, Any], say: Say) -> tuple[str, Any] | None:
        operator = next((name for name in OPERATORS if name in entry), None)
        if operator is None:
            return None  # the standard has said so
        bound = entry[operator]
        numbers = bound if operator.endswith("Between") and isinstance(bound, list) else [bound]
        if not all(map(number, numbers)):
            if len(numbers) == 1:
                say((operator,), f"has {operator} {shown(bound)}, expected a number")
            return None
        if len(numbers) == 2 and numbers[0] > numbers[1]:
            say(
                (operator,),
                f"has {operator} from {numbers[0]} down to {numbers[1]}; the smaller number comes first",
            )
            return None
        return operator, bound

    def _sql(self, entry: dict[str, Any], column: Column | None, say: Say) -> _Found | None:
        query, operand = entry.get("query"), self._operand(entry, say)
        if not isinstance(query, str) or operand is None:
            return None
        if "{object}" not in query:
            say(("query",), "has a query that does not read from {object}, the table this contract describes")
            return None
        if column is not None:
            query = query.replace("{property}", column.name)
        condition = syntax.condition_of(query)
        if condition and operand == ("mustBe", 0):
            objection = syntax.wrong_condition(condition)
            if not objection:
                return "condition", {"condition": condition}, "row", None
            if self._is_feed:
                say(("query",), f"has a condition that cannot be judged row by row: {objection}")
                return None
        if self._is_feed:
            say(
                ("query",),
                "is not a row rule; write `select count(*) from {object} where <what is wrong>` "
                "with `mustBe: 0`",
            )
            return None
        operator, bound = operand
        return "query", {"query": query, "operator": operator, "bound": bound}, "batch", None

    def _metric(self, entry: dict[str, Any], column: Column | None, say: Say) -> _Found | None:
        metric, operand = entry.get("metric"), self._operand(entry, say)
        arguments = entry.get("arguments") or {}
        if not isinstance(metric, str) or metric not in _ARGUMENTS or not isinstance(arguments, dict):
            return None  # the standard has said so
        if "rule" in entry:
            say(("rule",), "has 'rule', an old name; leave only 'metric'")
        for name in arguments:
            if name not in _ARGUMENTS[metric]:
                say(
                    ("arguments", name),
                    f"has unknown argument {name!r} for {metric}{did_you_mean(name, _ARGUMENTS[metric])}",
                )
        unit = entry.get("unit", "rows")
        if unit not in ("rows", "percent"):
            say(("unit",), f"has unit {shown(unit)}, {expected_one_of(unit, ('rows', 'percent'))}")
        if metric == "rowCount":
            if column is not None:
                say(("metric",), "counts rows, so it belongs to the table and not to a column")
            if unit == "percent":
                say(("unit",), "has unit percent, but rows are counted, not compared")
            if operand is None:
                return None
            bound = operand[1] if isinstance(operand[1], list) else [operand[1]]
            english, chinese = _OPERATOR_WORDS[operand[0]]
            words = (f"{english.format(*bound)} rows", f"行数{chinese.format(*bound)}")
            return "rows", {"operator": operand[0], "bound": operand[1]}, "batch", words
        kind = self._metric_kind(metric, arguments, column, say)
        if kind is None or operand is None:
            return None
        name, needed = kind
        if operand == ("mustBe", 0):
            return name, needed, "row", None
        return name, {**needed, "operator": operand[0], "bound": operand[1], "unit": unit}, "batch", None

    def _metric_kind(
        self, metric: str, arguments: dict[str, Any], column: Column | None, say: Say
    ) -> _Kind | None:
        if metric == "duplicateValues":
            names = arguments.get("properties", [column.name] if column else None)
            if not isinstance(names, list) or not names:
                say((), "lacks the columns to compare: `arguments: {properties: [...]}`")
                return None
            self._check_columns(names, ("arguments", "properties"), say)
            return "unique", {"columns": names}
        if column is None:
            say(
                ("metric",),
                f"has metric {metric} of the whole table; it belongs under a column's own 'quality'",
            )
            return None
        if metric == "nullValues":
            return "required", {}
        if metric == "missingValues":
            return _missing_values(arguments, column, say)
        return _invalid_values(arguments, say)

    def _custom(self, entry: dict[str, Any], column: Column | None, say: Say) -> _Found | None:
        engine, implementation = entry.get("engine"), entry.get("implementation")
        if engine != ENGINE:
            say(("engine",), f"has engine {shown(engine)}, {expected_one_of(engine, (ENGINE,))}")
            return None
        if not isinstance(implementation, dict):
            say(("implementation",), "has an implementation that is not a mapping of type and kwargs")
            return None
        for key in implementation:
            if key not in ("type", "kwargs"):
                say(
                    ("implementation", key),
                    f"has unknown key {key!r} in its implementation{did_you_mean(key, ('type', 'kwargs'))}",
                )
        name, kwargs = implementation.get("type"), implementation.get("kwargs", {})
        if not isinstance(name, str) or not _EXPECTATION.fullmatch(name):
            say(
                ("implementation",),
                f"has expectation {shown(name)}, expected a name such as expect_column_sum_to_be_between",
            )
            return None
        if not isinstance(kwargs, dict):
            say(("implementation", "kwargs"), f"has kwargs {shown(kwargs)}, expected a mapping")
            return None
        if column is not None and "column" not in kwargs:
            kwargs = {"column": column.name, **kwargs}
        named = [kwargs[key] for key in _COLUMN_ARGUMENTS if key in kwargs]
        for key in _COLUMNS_ARGUMENTS:
            listed = kwargs.get(key, [])
            named += listed if isinstance(listed, list) else [listed]
        self._check_columns(named, ("implementation", "kwargs"), say)
        tolerant = isinstance(kwargs.get("mostly"), int | float) and kwargs["mostly"] < 1
        by_row = bool(_ROW_EXPECTATION.match(name)) and not tolerant
        return "expectation", {"type": name, "kwargs": kwargs}, "row" if by_row else "batch", None

    def _check_columns(self, names: list[Any], path: Path, say: Say) -> None:
        for name in names:
            if not isinstance(name, str) or name not in self._columns:
                hint = did_you_mean(name, self._columns)
                say(path, f"names column {shown(name)}, which is not in this contract{hint}")
            elif not self._columns[name].is_stored:
                say(path, f"names column {name!r}, which never leaves landing (privacy: drop)")
            elif not self._columns[name].arrives:
                say(path, f"names column {name!r}, which is made after the rows are judged (transformLogic)")


def _missing_values(arguments: dict[str, Any], column: Column, say: Say) -> _Kind | None:
    words = arguments.get("missingValues")
    if not isinstance(words, list) or not words:
        say((), "lacks the texts that count as missing: `arguments: {missingValues: [...]}`")
        return None
    texts = ", ".join(_sql_text(word) for word in words if word is not None)
    among = f" or cast({column.name} as varchar) in ({texts})" if texts else ""
    return "condition", {"condition": f"{column.name} is null{among}"}


def _invalid_values(arguments: dict[str, Any], say: Say) -> _Kind | None:
    given = [name for name in ("validValues", "pattern") if name in arguments]
    if len(given) != 1:
        say((), "needs one of the arguments validValues and pattern")
        return None
    value = arguments[given[0]]
    if given == ["pattern"]:
        objection = syntax.wrong_pattern(value) if isinstance(value, str) else "it is not text"
        if objection:
            say(("arguments", "pattern"), f"has pattern {shown(value)}, but {objection}")
        return "pattern", {"pattern": value}
    if not isinstance(value, list) or not value:
        say(("arguments", "validValues"), "has validValues that are not a list")
        return None
    return "enum", {"values": value}


_Kind = tuple[str, dict[str, Any]]
_Found = tuple[str, dict[str, Any], Literal["row", "batch"], tuple[str, str] | None]


def in_two_languages(description: str) -> tuple[str, str]:
    """A description `English. 中文。` in two; the one language given, twice, when there is only one."""
    text = " ".join(description.split())
    match = _CHINESE.search(text)
    if match is None:
        return text, text
    # Chinese sentences may begin with a figure or a bracket; what matters is the last full stop before them.
    cut = max(text.rfind(mark, 0, match.start()) + len(mark) for mark in (". ", "! ", "? "))
    english, chinese = text[:cut].strip(), text[cut:].strip()
    return (english, chinese) if english and cut > 1 else (text, text)


def _sql_text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
