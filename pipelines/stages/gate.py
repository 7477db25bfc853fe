"""The gate: which rows keep the contract. Great Expectations judges, DuckDB splits by the conditions it compiled.

One official run counts the broken rows of every rule. Then one statement marks every row with every rule it
breaks, using the very conditions of that run; the two counts must agree for each rule, or the batch fails.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import freshness, held, privacy, settings, values
from pipelines.contract import dictionary
from pipelines.contract.model import Contract, Rule
from pipelines.database import count, literal, prepare, quoted
from pipelines.errors import DataError
from pipelines.lake import CORRECTIONS, ROWS, SET_ASIDE, new_folder
from pipelines.receipt import CORRECTION, Hold, Receipt

if TYPE_CHECKING:
    import duckdb

    from pipelines.expectations import Verdict

_RELATION = "judged"
_BITS = 60
_SMALL_BATCH = 20
_FIRST = 10
_FIRST_OF_A_RULE = 3
_OPERATORS: dict[str, Callable[[float, Any], bool]] = {
    "mustBe": operator.eq,
    "mustNotBe": operator.ne,
    "mustBeGreaterThan": operator.gt,
    "mustBeGreaterOrEqualTo": operator.ge,
    "mustBeLessThan": operator.lt,
    "mustBeLessOrEqualTo": operator.le,
    "mustBeBetween": lambda found, bounds: bounds[0] <= found <= bounds[1],
    "mustNotBeBetween": lambda found, bounds: not bounds[0] <= found <= bounds[1],
}


def gate(contract: Contract, staged: Path, *, is_approved: bool = False) -> Path:
    """Split one staged batch into validated and quarantined rows and return the validated folder.

    A batch is held when its quarantined share passes the contract's `rejectLimit`, or when staging gave it a reason
    to be: its figures, first reasons and bad rows go to `lake/held`, nothing is validated, and BatchHeld is raised.
    `is_approved` says that a person let its good rows through.
    """
    receipt = Receipt.read(staged)
    if receipt.origin == CORRECTION:
        # A few rows a person looked at say nothing about a delivery as a whole: each goes back to whoever sent it.
        by_row = tuple(rule for rule in contract.rules if rule.scope == "row")
        contract = replace(contract, rules=by_row, reject_limit=1.0)
    from pipelines.expectations import Judge

    with Judge(settings.duckdb_config()) as judge:
        prepare(judge.connection)
        split = _Split(contract, receipt, judge.connection)
        split.open(staged / ROWS)
        verdicts = judge.judge(_RELATION, _judged(contract.rules), split.given)
        split.mark([verdict for verdict in verdicts if verdict.rule.scope == "row"])
        total = split.count("select count(*) from staged")
        quarantined = split.count("select count(*) from marks where is_broken")
        about_batch = [rule for rule in contract.rules if rule.scope == "batch"]
        if not receipt.received:
            _refuse_emptiness(contract, receipt)
        warnings = [*receipt.warnings, *_batch_warnings(contract, total, about_batch, verdicts, split.number)]
        done = replace(
            receipt,
            validated=total - quarantined,
            quarantined=quarantined,
            rules={verdict.rule.rule_id: verdict.broken for verdict in verdicts if verdict.broken},
            warnings=tuple(warnings),
            holds=(*receipt.holds, *_too_many_bad(contract, quarantined, total)),
        )
        if done.difference:
            raise DataError(
                f"{contract.feed_id}: {done.received:,} rows received, but {done.difference:,} of them are in no place",
                next_step="this is a defect of the pipeline: keep the landed batch and report it",
            )
        if done.holds and not is_approved:
            first = split.first_reasons()
            with new_folder(receipt.batch.folder("held"), replace=True) as folder:
                split.write_quarantine(folder / ROWS)
                replace(done, stage="held", details={**done.details, held.FIRST_REASONS: first}).write(folder)
            raise held.waits(done)
        with new_folder(receipt.batch.folder("quarantine"), replace=True) as folder:
            split.write_quarantine(folder / ROWS)
            replace(done, stage="quarantine").write(folder)
        target = receipt.batch.folder("validated")
        with new_folder(target, replace=True) as folder:
            split.write_validated(folder / ROWS)
            for name in (SET_ASIDE, CORRECTIONS):
                if (staged / name).exists():
                    (folder / name).write_bytes((staged / name).read_bytes())
            replace(done, stage="validated").write(folder)
    return target


def broken_rules(contract: Contract, rows: Path) -> list[str]:
    """What a derived table breaks of its output contract, a sentence a rule; empty when it keeps it."""
    from pipelines.expectations import Judge

    with Judge(settings.duckdb_config()) as judge:
        prepare(judge.connection)
        judge.connection.execute(
            f"create view {_RELATION} as select *, file_row_number + 1 as _row_number "
            f"from read_parquet({literal(str(rows))}, file_row_number = true)"
        )
        names = {row[0] for row in judge.connection.execute(f"describe {_RELATION}").fetchall()}
        rules = [rule for rule in contract.rules if rule.kind not in ("typed", "resolved")]
        lists = {column.name for column in contract.columns if column.logical_type == "array"}
        rules = [
            rule for rule in rules if rule.column not in lists and (rule.column in names or not rule.column)
        ]
        verdicts = judge.judge(_RELATION, _judged(rules), frozenset(), conditions=False)
        total = count(judge.connection, f"select count(*) from {_RELATION}")
        about_table = [rule for rule in rules if rule.scope == "batch"]
        failures = [
            f"{contract.table}: {verdict.broken:,} rows break {verdict.rule.rule_id!r}, expected {verdict.rule.expected_en}"
            for verdict in verdicts
            if verdict.broken and verdict.rule.severity == "error" and verdict.rule.scope == "row"
        ]
        try:
            _batch_warnings(
                contract,
                total,
                about_table,
                verdicts,
                lambda query: _number(judge.connection, query),
            )
        except DataError as error:
            failures += error.message.splitlines()
    return failures


def _judged(rules: Sequence[Rule]) -> list[Rule]:
    """Rules Great Expectations is asked about; plain counts are asked of DuckDB."""
    return [rule for rule in rules if rule.kind not in ("rows", "query")]


@dataclass
class _Split:
    """The statements that mark and divide one batch."""

    contract: Contract
    receipt: Receipt
    connection: duckdb.DuckDBPyConnection

    @property
    def given(self) -> frozenset[str]:
        """Columns whose emptiness is told beside them, because they can hold something unreadable."""
        return frozenset(
            column.name
            for column in self.contract.judged_columns
            if not column.constant and (column.area or column.type != "VARCHAR")
        )

    def count(self, query: str) -> int:
        return count(self.connection, query)

    def number(self, query: str) -> float:
        return _number(self.connection, query)

    def open(self, rows: Path) -> None:
        """Show the staged rows twice: whole, and as Great Expectations shall see them."""
        privacy.install(self.connection)
        self.connection.execute(f"create view staged as select * from read_parquet({literal(str(rows))})")
        names = {row[0] for row in self.connection.execute("describe staged").fetchall()}
        columns = ["_row_number"]
        for column in self.contract.judged_columns:
            name, bad = quoted(column.name), quoted(values.bad(column.name))
            if column.logical_type != "array":
                columns.append(name)
            if values.bad(column.name) in names:
                columns.append(bad)
            if column.name in self.given:
                unread = f"when {bad} is not null then true " if values.bad(column.name) in names else ""
                columns.append(
                    f"case when {name} is not null then true {unread}end as {quoted(values.given(column.name))}"
                )
        landed = literal(self.receipt.landed_at.isoformat())
        end = literal(self.receipt.window.end.isoformat())
        self.connection.execute(
            f"create view {_RELATION} as select {', '.join(columns)}, "
            f"timestamptz {landed} as _landed_at, timestamptz {end} as _window_end from staged"
        )

    def mark(self, verdicts: Sequence[Verdict]) -> None:
        """staged → marks: a row of bits for every row that breaks a rule; checked against the official counts."""
        self._verdicts = list(verdicts)
        words = [self._verdicts[i : i + _BITS] for i in range(0, len(self._verdicts), _BITS)] or [[]]
        bits = ", ".join(
            " | ".join(
                ["0::ubigint"]
                + [
                    f"case when {verdict.condition} then {1 << i}::ubigint else 0::ubigint end"
                    for i, verdict in enumerate(word)
                ]
            )
            + f" as word_{w}"
            for w, word in enumerate(words)
        )
        errors = " or ".join(
            f"word_{w} & {mask}::ubigint <> 0"
            for w, word in enumerate(words)
            if (mask := sum(1 << i for i, verdict in enumerate(word) if verdict.rule.severity == "error"))
        )
        anything = " or ".join(f"word_{w} <> 0" for w in range(len(words)))
        self.connection.execute(
            f"create temp table marks as select *, ({errors or 'false'}) as is_broken "
            f"from (select _row_number, {bits} from {_RELATION}) where {anything}"
        )
        counts = ", ".join(f"count(*) filter ({self._bit(i)})" for i in range(len(self._verdicts)))
        split = self.connection.execute(f"select {counts or '0'} from marks").fetchone() or ()
        for verdict, found in zip(self._verdicts, split, strict=False):
            if verdict.broken != found:
                raise DataError(
                    f"{self.contract.feed_id}: rule {verdict.rule.rule_id!r} is broken by {verdict.broken:,} rows for "
                    f"the judge and by {found:,} rows for the split",
                    next_step="this is a defect of the pipeline: keep the landed batch and report it",
                )

    def _bit(self, index: int) -> str:
        return f"word_{index // _BITS} & {1 << index % _BITS}::ubigint <> 0"

    def write_validated(self, path: Path) -> None:
        """Rows that keep the contract; of a reduced feed their sums, each with the rows in it."""
        warned = ", ".join(
            f"case when {self._bit(i)} then {literal(verdict.rule.rule_id)} end"
            for i, verdict in enumerate(self._verdicts)
            if verdict.rule.severity == "warning"
        )
        # Sorted, because a join on several threads does not keep its input's order, and a rerun must give the same bytes.
        if warned:
            flags = (
                f"list_concat(_dq_flags, list_filter([{warned}]::varchar[], lambda rule: rule is not null))"
            )
            source = f"select staged.* replace ({flags} as _dq_flags), is_broken from staged left join marks using (_row_number)"
            source = f"({source}) where is_broken is not true"
        else:
            source = "staged anti join (select _row_number from marks where is_broken) using (_row_number)"
        if self.contract.is_reduced:
            query = dictionary.reduction(self.contract, source)
        else:
            columns = ", ".join(quoted(column.name) for column in self.contract.stored_columns)
            area = "_area_method, _area_confidence, " if self.contract.has_area else ""
            query = f"select _row_number, {columns}, {area}_dq_flags from {source}"
        self.connection.execute(
            f"copy ({query} order by _row_number) to {literal(str(path))} (format parquet, compression zstd)"
        )

    def write_quarantine(self, path: Path) -> None:
        """Rows with every reason: `_row_number, business_key, area_code, reasons, received`, all after privacy."""
        reasons = (
            ", ".join(self._reason(i, verdict.rule) for i, verdict in enumerate(self._verdicts)) or "null"
        )
        stored = [column for column in self.contract.judged_columns if not column.constant]
        texts = {
            row[0]
            for row in self.connection.execute(
                "select unnest(_received, recursive := true) from staged limit 0"
            ).description
        }
        received = ", ".join(
            f"{literal(column.name)}: "
            + (
                f"_received.{quoted(column.name)}"
                if column.name in texts
                else f"{quoted(column.name)}::varchar"
            )
            for column in stored
        )
        key = ", ".join(map(self._shown, self.contract.row_key))
        area = next((quoted(column.name) for column in stored if column.area), "null::varchar")
        self.connection.execute(
            f"copy (select _row_number, concat_ws('/', {key}) as business_key, {area} as area_code, "
            f"list_filter([{reasons}], lambda reason: reason is not null) as reasons, "
            f"to_json({{{received}}})::varchar as received "
            "from staged join marks using (_row_number) where is_broken order by _row_number) "
            f"to {literal(str(path))} (format parquet, compression zstd)"
        )

    def first_reasons(self) -> list[dict[str, Any]]:
        """The first rows that break each rule: row number, rule, and what was expected. No value of a row."""
        broken = [
            (i, verdict.rule)
            for i, verdict in enumerate(self._verdicts)
            if verdict.broken and verdict.rule.severity == "error"
        ]
        if not broken:
            return []
        reasons = " union all ".join(
            f"select _row_number as row_number, {i} as place, {literal(rule.rule_id)} as rule, "
            f"{literal(rule.column)} as column_name, {_words(rule, rule.expected_en, 1)} as expected_en, "
            f"{_words(rule, rule.expected_zh, 2)} as expected_zh "
            f"from staged join marks using (_row_number) where {self._bit(i)}"
            for i, rule in broken
        )
        found = self.connection.execute(
            f"select * exclude (place) from ({reasons}) "
            f"qualify row_number() over (partition by place order by row_number) <= {_FIRST_OF_A_RULE} "
            f"order by row_number, place limit {_FIRST}"
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _shown(self, name: str) -> str:
        """A column's value as people will be shown it. A number may be somebody's: its rule then names no value."""
        text = f"{quoted(name)}::varchar"
        return (
            f"mask_text({text})"
            if self.contract.is_personal and self.contract.column(name).is_numeric
            else text
        )

    def _reason(self, index: int, rule: Rule) -> str:
        found = "null::varchar"
        if rule.column and rule.kind in ("typed", "resolved"):
            found = quoted(values.bad(rule.column))
        elif rule.column and rule.kind != "required":
            found = self._shown(rule.column)
        elif rule.kind == "unique":
            found = f"concat_ws('/', {', '.join(map(self._shown, rule.arguments['columns']))})"
        return (
            f"case when {self._bit(index)} then struct_pack(rule := {literal(rule.rule_id)}, "
            f"severity := {literal(rule.severity)}, column_name := {literal(rule.column)}, found := {found}, "
            f"expected_en := {_words(rule, rule.expected_en, 1)}, expected_zh := {_words(rule, rule.expected_zh, 2)}) end"
        )


def _words(rule: Rule, usual: str, place: int) -> str:
    """SQL for what a reason says was expected: the rule's words, or those of the special case the row is."""
    cases = "".join(f"when {case[0]} then {literal(case[place])} " for case in rule.instead)
    return f"case {cases}else {literal(usual)} end" if cases else literal(usual)


def _batch_warnings(
    contract: Contract,
    total: int,
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    ask: Callable[[str], float],
) -> list[str]:
    """Judge the rules about the whole batch; `ask` answers a query with a number.

    Raises DataError naming every rule of severity error that is broken.
    """
    broken_rows = {verdict.rule.rule_id: verdict.broken for verdict in verdicts}
    warnings: list[str] = []
    errors: list[str] = []
    for rule in rules:
        found: float
        match rule.kind:
            case "rows":
                found = total
            case "query":
                found = ask(rule.arguments["query"].replace("{object}", _RELATION))
            case _:
                found = broken_rows[rule.rule_id]
        operator_name, bound = rule.arguments.get("operator", "mustBe"), rule.arguments.get("bound", 0)
        if rule.arguments.get("unit") == "percent":
            found = 100 * found / total if total else 0
        if _OPERATORS[operator_name](found, bound):
            continue
        message = f"{contract.contract_id}: {rule.rule_id}: expected {rule.expected_en}, found {found:g}"
        (errors if rule.severity == "error" else warnings).append(message)
    if errors:
        raise DataError(
            "\n".join(errors),
            next_step="ask the source; the batch stays in landing and nothing of it is validated",
        )
    return warnings


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    """The one number a query answers with."""
    found = connection.execute(query).fetchone()
    return float(found[0]) if found else 0.0


def _refuse_emptiness(contract: Contract, receipt: Receipt) -> None:
    """Raise DataError when a batch without a row is no answer but data gone missing."""
    last = freshness.business_day(receipt.window.end, ZoneInfo(contract.timezone))
    if not freshness.must_have_rows(contract, last):
        return
    raise DataError(
        f"{contract.feed_id}: no row came for {last}, a day on which there is data; it is missing",
        next_step="ask the source; land the window again when it is there",
    )


def _too_many_bad(contract: Contract, quarantined: int, total: int) -> list[Hold]:
    """Why the share of bad rows asks for a person. Nothing does in a batch so small that one row is a large share."""
    if total < _SMALL_BATCH or quarantined / total <= contract.reject_limit:
        return []
    share, limit = f"{quarantined / total:.0%}", f"{contract.reject_limit:.0%}"
    return [
        Hold(
            "rejected_share",
            f"{quarantined:,} of {total:,} rows ({share}) break the contract, more than the {limit} it allows",
            f"{total:,}行中有{quarantined:,}行（{share}）不符合数据合同，超过允许的{limit}",
        )
    ]
