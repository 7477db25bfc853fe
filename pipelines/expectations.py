"""Great Expectations on DuckDB: the engine, the few metrics it spells differently, and one run of a suite.

Great Expectations has no DuckDB data source of its own. Its SQL data source works once the connection is kept
open (DuckDB results live in the connection) and regular expressions and long value lists are said in DuckDB's
words. Importing this module takes seconds; the scheduler's fork server does it once for every task.
"""

from __future__ import annotations

import contextlib
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pipelines import settings
from pipelines.contract.model import Rule
from pipelines.database import literal, quoted
from pipelines.errors import ContractError, DataError
from pipelines.values import bad, given

settings.keep_quiet()

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import duckdb
    import great_expectations as gx
    import sqlalchemy as sa
    from great_expectations import expectations as gxe
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.expectation import ColumnMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider import (
        ColumnMapMetricProvider,
        column_condition_partial,
    )
    from great_expectations.validator.metric_configuration import MetricConfiguration

_SHORT_LIST = 8


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """SQL engine that keeps one connection, because DuckDB's results end with it."""

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[Any]:
        if getattr(self, "_connection", None) is None:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
    """Adds `context.data_sources.add_duckdb(...)`."""

    type: Literal["duckdb"] = "duckdb"
    connection_string: str

    @property
    def execution_engine_type(self) -> Any:
        return DuckDBExecutionEngine


class _MatchRegex(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, regex: str, **_: Any) -> Any:
        return sa.func.regexp_matches(column, regex)


class _NotMatchRegex(ColumnMapMetricProvider):  # type: ignore[misc]
    condition_metric_name = "column_values.not_match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, regex: str, **_: Any) -> Any:
        return sa.not_(sa.func.regexp_matches(column, regex))


class _InSet(ColumnMapMetricProvider):  # type: ignore[misc]
    """A long literal list costs time per row and per value in DuckDB; a sub-query is hashed once."""

    condition_metric_name = "column_values.in_set"
    condition_value_keys = ("value_set",)

    @column_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, value_set: Sequence[Any], **_: Any) -> Any:
        if not value_set:
            return sa.false()
        if len(value_set) <= _SHORT_LIST:
            return column.in_(value_set)
        values = ",".join(literal(value) if isinstance(value, str) else str(value) for value in value_set)
        return sa.type_coerce(column.op("IN")(sa.literal_column(f"(SELECT unnest([{values}]))")), sa.Boolean)


class _NotBreaking(ColumnMapMetricProvider):  # type: ignore[misc]
    """True for rows that do not fulfil a SQL condition; NULL counts as not fulfilling it."""

    condition_metric_name = "column_values.not_breaking"
    condition_value_keys = ("condition",)

    @column_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, condition: str, **_: Any) -> Any:
        return sa.literal_column(f"(({condition}) IS NOT TRUE)", sa.Boolean)


class ExpectRowsNotToBreak(ColumnMapExpectation):  # type: ignore[misc]
    """Expect no row to fulfil `condition`, a SQL expression over the row that says what is wrong with it.

    `column` is one that is never NULL, such as the row number: the expectation is about whole rows.
    """

    condition: str
    map_metric: ClassVar[str] = "column_values.not_breaking"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "condition")
    domain_keys: ClassVar[tuple[str, ...]] = ("column", "row_condition")


ROW_NUMBER = "_row_number"
UNREADABLE = "\ufffd|锟斤拷"


def expectation(rule: Rule, relation: str, has_given: bool = False) -> Any:
    """The Great Expectations object that judges a rule.

    `has_given` says that the relation tells emptiness of the rule's column in its `given` column.
    Raises ContractError for a kind nobody knows.
    """
    arguments = rule.arguments
    column = rule.column
    match rule.kind:
        case "required":
            return gxe.ExpectColumnValuesToNotBeNull(column=given(column) if has_given else column)
        case "typed" | "resolved":
            return gxe.ExpectColumnValuesToBeNull(column=bad(column))
        case "enum":
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(arguments["values"]))
        case "pattern":
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=arguments["pattern"])
        case "untested":
            return gxe.ExpectColumnValuesToNotMatchRegex(column=column, regex=arguments["pattern"])
        case "readable":
            return gxe.ExpectColumnValuesToNotMatchRegex(column=column, regex=UNREADABLE)
        case "range":
            return gxe.ExpectColumnValuesToBeBetween(
                column=column, min_value=arguments.get("minimum"), max_value=arguments.get("maximum")
            )
        case "length":
            return gxe.ExpectColumnValueLengthsToBeBetween(
                column=column, min_value=arguments.get("minimum"), max_value=arguments.get("maximum")
            )
        case "unique":
            return ExpectRowsNotToBreak(
                column=ROW_NUMBER, condition=_repeated(arguments["columns"], relation)
            )
        case "condition":
            return ExpectRowsNotToBreak(column=ROW_NUMBER, condition=arguments["condition"])
        case "expectation":
            kind = "".join(word.capitalize() for word in arguments["type"].split("_"))
            return getattr(gxe, kind)(**arguments["kwargs"])
    raise ContractError(f"rule {rule.rule_id!r} has kind {rule.kind!r}, which the gate does not know")


def _repeated(columns: Sequence[str], relation: str) -> str:
    """Rows whose key another row has, too; a key that is not wholly known is no key to repeat."""
    key = ", ".join(quoted(column) for column in columns)
    known = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    return f"({key}) IN (SELECT ({key}) FROM {relation} WHERE {known} GROUP BY {key} HAVING count(*) > 1)"


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations says about one rule: rows that break it, and the SQL condition it used.

    A rule about the whole table has no condition, and breaks for one "row" or none.
    """

    rule: Rule
    broken: int
    condition: str


class Judge:
    """One in-memory DuckDB that Great Expectations looks at, with the relation to be judged in it."""

    def __init__(self, config: dict[str, str | bool | int | float | list[str]]) -> None:
        # A named in-memory database is shared by every connection of this process: Great Expectations opens
        # several, and we put the relation where they look.
        name = f":memory:judge_{uuid.uuid4().hex}"
        config = {"temp_directory": "", **config}  # or DuckDB would spill beside whoever started us
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._context = gx.get_context(mode="ephemeral")
            self._context.variables.progress_bars = {"globally": False}
            self._source = self._context.data_sources.add_duckdb(
                "duckdb", connection_string=f"duckdb:///{name}", kwargs={"connect_args": {"config": config}}
            )
        self._kept = self._source.get_engine().connect()
        # The wrapper hands `execute` through, and DuckDB answers with its own connection.
        self.connection: duckdb.DuckDBPyConnection = self._kept.connection.driver_connection.execute(
            "select 1"
        )

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.get_execution_engine().close()
        self._kept.close()
        self._source.get_engine().dispose()

    def judge(
        self, relation: str, rules: Sequence[Rule], given_columns: frozenset[str], *, conditions: bool = True
    ) -> list[Verdict]:
        """Run one suite over `relation` and return a verdict for each rule.

        Without `conditions` the verdicts only count. Raises DataError when a rule could not be evaluated.
        """
        if not rules:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._judge(relation, rules, given_columns, conditions)

    def _judge(
        self, relation: str, rules: Sequence[Rule], given_columns: frozenset[str], conditions: bool
    ) -> list[Verdict]:
        asset = self._source.add_table_asset(relation, table_name=relation)
        definition = asset.add_batch_definition_whole_table("all")
        expectations = [expectation(rule, relation, rule.column in given_columns) for rule in rules]
        for rule, expected in zip(rules, expectations, strict=True):
            expected.meta = {"rule": rule.rule_id}
        # Filled before it is added: a suite that is already kept is written again with every expectation.
        suite = self._context.suites.add(
            gx.ExpectationSuite(name=f"contract {relation}", expectations=expectations)
        )
        result = self._context.validation_definitions.add(
            gx.ValidationDefinition(name=f"gate {relation}", data=definition, suite=suite)
        ).run(result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
        outcomes = {outcome.expectation_config.meta["rule"]: outcome for outcome in result.results}
        broken = [_broken(rule, outcomes[rule.rule_id]) for rule in rules]
        if not conditions:
            return [Verdict(rule, count, "") for rule, count in zip(rules, broken, strict=True)]
        validator = self._context.get_validator(batch_request=definition.build_batch_request())
        compiled = _conditions(
            {
                rule.rule_id: expected
                for rule, expected in zip(rules, expectations, strict=True)
                if rule.scope == "row"
            },
            validator,
        )
        return [
            Verdict(rule, count, compiled.get(rule.rule_id, ""))
            for rule, count in zip(rules, broken, strict=True)
        ]


def _broken(rule: Rule, outcome: Any) -> int:
    """How many rows break a rule; for one about the whole table, one or none."""
    if _is_failed(outcome.exception_info):
        raise DataError(
            f"Great Expectations could not evaluate rule {rule.rule_id!r}",
            next_step="check the rule's SQL and column names in the contract",
        )
    if "unexpected_count" not in outcome.result:
        return 0 if outcome.success else 1
    return int(outcome.result["unexpected_count"] or 0)  # None for a relation without rows


def _is_failed(info: dict[str, Any]) -> bool:
    """Whether an expectation raised: told at the top, or once for each metric that failed."""
    return any(one.get("raised_exception") for one in (info, *info.values()) if isinstance(one, dict))


def _conditions(expectations: dict[str, Any], validator: Any) -> dict[str, str]:
    """The SQL condition Great Expectations compiled for each row rule, all asked for at once."""
    engine = validator.execution_engine
    asked = {}
    for rule_id, expected in expectations.items():
        metrics = expected.get_validation_dependencies(execution_engine=engine).metric_configurations.values()
        name = expected.map_metric
        count = next(metric for metric in metrics if metric.metric_name == f"{name}.unexpected_count")
        asked[rule_id] = MetricConfiguration(
            f"{name}.condition",
            metric_domain_kwargs=count.metric_domain_kwargs,
            metric_value_kwargs=count.metric_value_kwargs,
        )
    resolved, _ = validator.metrics_calculator.compute_metrics(
        list(asked.values()), min_graph_edges_pbar_enable=0
    )
    compiled = {}
    for rule_id, metric in asked.items():
        condition, _, _ = resolved[metric.id]
        sql = condition.compile(dialect=engine.engine.dialect, compile_kwargs={"literal_binds": True})
        compiled[rule_id] = str(sql).replace("%%", "%")
    return compiled


__all__ = ["DuckDBDatasource", "ExpectRowsNotToBreak", "Judge", "Verdict", "expectation"]
