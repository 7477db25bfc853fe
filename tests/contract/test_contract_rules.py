"""The promises a contract makes, spelled out or not, as rules with fixed names."""

from __future__ import annotations

import pytest

from pipelines import contract
from pipelines.contract.quality import in_two_languages

RULE = """\
      - id: dry_pools_have_no_lanes
        type: sql
        description: A dry pool has no lanes. 干池没有泳道。
        severity: error
        query: select count(*) from {object} where pool_kind = 'dry' and lanes > 0
        mustBe: 0
"""


@pytest.fixture
def rules_of(contracts, right):
    """The rules of the small contract after replacing texts in it, by id."""

    def ask(*changes: tuple[str, str]) -> dict[str, contract.Rule]:
        text = right
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (contracts / "district" / "pool_visits.odcs.yaml").write_text(text, encoding="utf-8")
        return {rule.rule_id: rule for rule in contract.load("district_pool_visits", contracts).rules}

    return ask


def written(lines: str) -> tuple[str, str]:
    """The one written rule with another body."""
    head = "      - id: mine\n        description: As it should be. 应当如此。\n"
    return RULE, head + "".join(f"        {line}\n" for line in lines.splitlines())


def under_lanes(lines: str) -> tuple[str, str]:
    """A rule under the column `lanes`."""
    head = (
        "          maximum: 99\n        quality:\n          - id: mine\n            description: So it is.\n"
    )
    return "          maximum: 99\n", head + "".join(f"            {line}\n" for line in lines.splitlines())


def test_every_promise_is_a_rule_with_its_name_kind_and_scope(rules_of):
    assert [
        ("required:visit_id", "required", "visit_id"),
        ("pattern:visit_id", "pattern", "visit_id"),
        ("required:changed_at", "required", "changed_at"),
        ("type:changed_at", "typed", "changed_at"),
        ("required:visited_on", "required", "visited_on"),
        ("type:visited_on", "typed", "visited_on"),
        ("required:street_code", "required", "street_code"),
        ("area:street_code", "resolved", "street_code"),
        ("enum:pool_kind", "enum", "pool_kind"),
        ("type:lanes", "typed", "lanes"),
        ("range:lanes", "range", "lanes"),
        ("readable:remark_text", "readable", "remark_text"),
        ("unique", "unique", ""),
        ("rule:dry_pools_have_no_lanes", "condition", ""),
    ] == [(rule.rule_id, rule.kind, rule.column) for rule in rules_of().values()]
    assert {("row", "error")} == {(rule.scope, rule.severity) for rule in rules_of().values()}


@pytest.mark.parametrize(
    ("rule_id", "arguments", "english", "chinese"),
    [
        ("required:visit_id", {}, "a value; it may not be empty", "必填，不能为空"),
        (
            "pattern:visit_id",
            {"pattern": "^V[0-9]{4}$"},
            "text of the form ^V[0-9]{4}$",
            "格式应符合 ^V[0-9]{4}$",
        ),
        ("type:lanes", {"type": "BIGINT"}, "a whole number", "应为整数"),
        ("range:lanes", {"minimum": 0, "maximum": 99}, "a number between 0 and 99", "数值应在 0 与 99 之间"),
        (
            "enum:pool_kind",
            {"values": ["indoor", "outdoor"]},
            "one of 室内, 室外",
            "取值应为 室内、室外 之一",
        ),
        (
            "area:street_code",
            {"level": "street", "as_of": "visited_on"},
            "the name or code of a street, town or township that existed on the day of visited_on",
            "应为当日有效的街道（镇、乡）名称或代码",
        ),
        (
            "unique",
            {"columns": ["visit_id", "changed_at"]},
            "no second row with the same visit_id, changed_at",
            "visit_id, changed_at 不应重复",
        ),
        (
            "rule:dry_pools_have_no_lanes",
            {"condition": "pool_kind = 'dry' and lanes > 0"},
            "A dry pool has no lanes.",
            "干池没有泳道。",
        ),
    ],
)
def test_a_rule_says_what_it_expects_in_two_languages(rules_of, rule_id, arguments, english, chinese):
    rule = rules_of()[rule_id]

    assert (arguments, english, chinese) == (rule.arguments, rule.expected_en, rule.expected_zh)


@pytest.mark.parametrize(
    ("change", "rule_id", "arguments", "english"),
    [
        (("          maximum: 99\n", ""), "range:lanes", {"minimum": 0}, "a number of at least 0"),
        (("          minimum: 0\n", ""), "range:lanes", {"maximum": 99}, "a number of at most 99"),
        (
            ("pattern: ^V[0-9]{4}$", "minLength: 5"),
            "length:visit_id",
            {"minimum": 5},
            "at least 5 characters",
        ),
        (
            ("pattern: ^V[0-9]{4}$", "minLength: 5\n          maxLength: 5"),
            "length:visit_id",
            {"minimum": 5, "maximum": 5},
            "exactly 5 characters",
        ),
        (
            ("Remark.\n", "Remark.\n        unique: true\n"),
            "unique:remark_text",
            {"columns": ["remark_text"]},
            "no second row with the same remark_text",
        ),
    ],
)
def test_half_a_promise_is_a_rule_too(rules_of, change, rule_id, arguments, english):
    rule = rules_of(change)[rule_id]

    assert (arguments, english) == (rule.arguments, rule.expected_en)


def test_a_dropped_column_promises_nothing(rules_of):
    secrets = (
        "  - property: landingSecret\n    value: landing\n  - property: callerSecret\n    value: caller\n"
    )
    privacy = "Remark.\n        customProperties:\n          - property: privacy\n            value: {}\n"
    with_secrets = ("  - property: lookBack\n", f"{secrets}  - property: lookBack\n")

    def about_remark(way: str) -> list[str]:
        rules = rules_of(("Remark.\n", privacy.format(way)), with_secrets)
        return [rule_id for rule_id in rules if "remark_text" in rule_id]

    assert [] == about_remark("drop")
    assert [] == about_remark("token")
    assert ["readable:remark_text"] == about_remark("mask")


def test_a_constant_has_no_text_that_could_be_misread():
    ids = [rule.rule_id for rule in contract.load("city_projects").rules if rule.column == "snapshot_on"]

    assert ["required:snapshot_on"] == ids


def test_a_warning_stays_a_warning(rules_of):
    assert (
        "warning"
        == rules_of(("severity: error", "severity: warning"))["rule:dry_pools_have_no_lanes"].severity
    )


@pytest.mark.parametrize(
    ("lines", "kind", "arguments", "scope"),
    [
        ("metric: duplicateValues\narguments: {properties: [visit_id, lanes]}\nmustBe: 0",
         "unique", {"columns": ["visit_id", "lanes"]}, "row"),
        ("type: library\nmetric: duplicateValues\narguments: {properties: [lanes]}\nmustBeLessThan: 3\nunit: percent",
         "unique", {"columns": ["lanes"], "operator": "mustBeLessThan", "bound": 3, "unit": "percent"}, "batch"),
        ("type: custom\nengine: greatExpectations\nimplementation:\n  type: expect_column_sum_to_be_between\n"
         "  kwargs: {column: lanes, min_value: 1}",
         "expectation", {"type": "expect_column_sum_to_be_between", "kwargs": {"column": "lanes", "min_value": 1}}, "batch"),
        ("type: custom\nengine: greatExpectations\nimplementation:\n"
         "  type: expect_column_pair_values_a_to_be_greater_than_b\n  kwargs: {column_A: lanes, column_B: lanes}",
         "expectation",
         {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": {"column_A": "lanes", "column_B": "lanes"}},
         "row"),
    ],
    ids=["duplicates", "some duplicates", "expectation of a batch", "expectation of rows"],
)  # fmt: skip
def test_a_rule_of_the_table_becomes_what_the_gate_knows(rules_of, lines, kind, arguments, scope):
    rule = rules_of(written(lines))["rule:mine"]

    assert (kind, arguments, scope, "As it should be.", "应当如此。") == (
        rule.kind,
        rule.arguments,
        rule.scope,
        rule.expected_en,
        rule.expected_zh,
    )


@pytest.mark.parametrize(
    ("lines", "kind", "arguments", "scope"),
    [
        ("metric: nullValues\nmustBe: 0", "required", {}, "row"),
        ("metric: nullValues\nmustBeLessOrEqualTo: 5\nunit: percent",
         "required", {"operator": "mustBeLessOrEqualTo", "bound": 5, "unit": "percent"}, "batch"),
        ("metric: invalidValues\narguments: {validValues: [1, 2]}\nmustBe: 0", "enum", {"values": [1, 2]}, "row"),
        ("metric: invalidValues\narguments: {pattern: '^1'}\nmustBe: 0", "pattern", {"pattern": "^1"}, "row"),
        ("metric: missingValues\narguments: {missingValues: [null, '', N/A, 'it''s']}\nmustBe: 0",
         "condition", {"condition": "lanes is null or cast(lanes as varchar) in ('', 'N/A', 'it''s')"}, "row"),
        ("metric: duplicateValues\nmustBe: 0", "unique", {"columns": ["lanes"]}, "row"),
        ("type: sql\nquery: select count(*) from {object} where {property} = 7\nmustBe: 0",
         "condition", {"condition": "lanes = 7"}, "row"),
        ("type: custom\nengine: greatExpectations\nimplementation: {type: expect_column_values_to_be_unique}",
         "expectation", {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "lanes"}}, "row"),
        ("type: custom\nengine: greatExpectations\nimplementation:\n"
         "  type: expect_column_values_to_be_unique\n  kwargs: {mostly: 0.9}",
         "expectation",
         {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "lanes", "mostly": 0.9}}, "batch"),
    ],
)  # fmt: skip
def test_a_rule_under_a_column_is_about_that_column(rules_of, lines, kind, arguments, scope):
    rule = rules_of(under_lanes(lines))["rule:mine"]

    assert ("lanes", kind, arguments, scope) == (rule.column, rule.kind, rule.arguments, rule.scope)


@pytest.mark.parametrize(
    ("operator", "bound", "english", "chinese"),
    [
        ("mustBeGreaterThan: 0", 0, "more than 0 rows", "行数应大于 0"),
        ("mustBeBetween: [5, 9]", [5, 9], "between 5 and 9 rows", "行数应在 5 与 9 之间"),
        ("mustNotBe: 7", 7, "not 7 rows", "行数不应等于 7"),
    ],
)
def test_a_count_of_rows_judges_the_batch(rules_of, operator, bound, english, chinese):
    rule = rules_of(written(f"metric: rowCount\n{operator}"))["rows:mine"]

    assert ("rows", "batch", bound, english, chinese) == (
        rule.kind,
        rule.scope,
        rule.arguments["bound"],
        rule.expected_en,
        rule.expected_zh,
    )


def test_prose_is_no_rule(rules_of):
    assert "rule:mine" not in rules_of(written("type: text"))


def test_a_count_over_a_whole_table_is_for_tables_that_are_not_pulled(contracts, right):
    query = "select count(*) from {object} as one inner join {object} as other using (visit_id)"
    text = right.replace("select count(*) from {object} where pool_kind = 'dry' and lanes > 0", query)
    text = text.replace("district_pool_visits", "ref_pool_visits").replace("value: district", "value: ref")
    text = text.partition("  - property: schedule")[0]
    (contracts / "reference" / "pool_visits.odcs.yaml").write_text(text, encoding="utf-8")

    (pools,) = contract.load_reference(contracts / "reference")
    rule = pools.rules[-1]

    assert ("query", "batch", {"query": query, "operator": "mustBe", "bound": 0}) == (
        rule.kind,
        rule.scope,
        rule.arguments,
    )


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("A dry pool. 干池。", ("A dry pool.", "干池。")),
        ("No more than 5. 累计 120% 以内。", ("No more than 5.", "累计 120% 以内。")),
        ("Names one. “上报”应有号。", ("Names one.", "“上报”应有号。")),
        ("Only English.", ("Only English.", "Only English.")),
        ("只有中文。", ("只有中文。", "只有中文。")),
        ("In 万元, at least.", ("In 万元, at least.", "In 万元, at least.")),
    ],
)
def test_a_description_is_told_apart_by_language(description, expected):
    assert expected == in_two_languages(description)


def test_rule_names_are_unique_in_every_contract():
    for found in contract.load_all(contract.LEVELS):
        names = [rule.rule_id for rule in found.rules]

        assert len(set(names)) == len(names), found.contract_id
