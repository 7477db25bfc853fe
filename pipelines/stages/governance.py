"""From the feeds' tables to the shared ones: every SQL model of `warehouse/`, in the order their queries ask for.

    warehouse/core/<name>.sql          becomes table core.<name>: steps on the way, nobody's promise
    warehouse/governance/<name>.sql    becomes table governance.<name>, as its output contract promises
    <name>.checks.sql                  beside a model: what must be true of it
    <name>.partitions.sql              beside a large one: which parts of it changed, see `changes`

A table is made anew when anything it is made of changed, of a large one only the parts that did, and held against
its checks and its contract when it or anything they read changed; the tables are the same as if all were made anew.
A build is one transaction. When a model, a check or a contract is broken, everybody keeps reading the tables
of the build before.
"""

from __future__ import annotations

import graphlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipelines import areas, changes, checks
from pipelines.contract import dictionary, load_governance
from pipelines.contract.model import Contract
from pipelines.database import count, literal, memory, planned_for_any_size, quoted, transaction
from pipelines.decisions import links
from pipelines.desk import ledger
from pipelines.errors import WarehouseError
from pipelines.privacy import scrub

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")
Judge = Callable[[Contract, Path], Sequence[str]]
"""Says what the rows of a Parquet file break of a contract, a sentence a rule."""

SCHEMAS = ("core", "governance")
_PROMISED = "governance"
Done = Literal["rebuilt", "extended", "untouched"]
_NO_TABLES = frozenset({"", "recurring", "temp"})  # `recurring` is DuckDB's word inside a recursive query


@dataclass(frozen=True)
class Model:
    """One SQL file and the table it makes."""

    table: str
    path: Path
    query: str

    @property
    def schema(self) -> str:
        return self.table.partition(".")[0]

    @property
    def origin(self) -> str:
        """The file as a person would name it."""
        return f"warehouse/{self.schema}/{self.path.name}"

    def sources(self, connection: DuckDBPyConnection) -> set[str]:
        """Every `schema.table` the model reads."""
        read = sources(connection, self.query, self.origin)
        return read | self.sources_by_part(connection)

    def sources_by_part(self, connection: DuckDBPyConnection) -> set[str]:
        """Those of them that its partitions tell the changes of."""
        query = self.partitions
        return sources(connection, query, self.partitions_origin) if query else set()

    @property
    def partitions_origin(self) -> str:
        return f"warehouse/{self.schema}/{self.path.stem}{changes.SUFFIX}"

    @property
    def partitions(self) -> str:
        """The query that tells which parts of the table changed; empty when it is made as a whole."""
        return changes.read(self.path)

    @property
    def checks_path(self) -> Path:
        return self.path.with_name(f"{self.path.stem}{checks.SUFFIX}")


@dataclass(frozen=True)
class Built:
    """What a build did to a table, and the rows it has."""

    done: Done
    rows: int


def build(
    connection: DuckDBPyConnection, project: Path, judge: Judge | None = None, *, full: bool = False
) -> dict[str, Built]:
    """Bring reference, core and governance tables up to what is loaded; returns what was done, by table.

    `judge` holds each table against its output contract. With `full` nothing of the build before is kept. Raises
    WarehouseError with everything that is wrong, ContractError when a reference file or an output contract is; then
    nothing has changed.
    """
    models = read_models(project / "warehouse")
    contracts = {each.table: each for each in load_governance(project / "contracts" / "governance")}
    with planned_for_any_size(connection), transaction(connection):
        areas.load_reference(connection, project / "contracts" / "reference")
        links.load(connection)
        ledger.settle(connection)
        _drop_leftovers(connection, models)
        ordered = in_order(connection, models)
        _require_sources(connection, ordered)
        memory = changes.Memory(connection, forget=full)
        done = {
            model.table: _bring_up(connection, model, contracts.get(model.table), memory) for model in ordered
        }
        problems = [*_unpromised(models, contracts)]
        for model in ordered:
            problems += _problems(connection, model, contracts.get(model.table), judge, memory)
        if problems:
            how_many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise WarehouseError(
                f"{how_many} in the warehouse's tables\n" + "\n".join(f"  {line}" for line in problems),
                next_step="the tables of the build before are still there; correct the model or the data and build again",
            )
        memory.write()
        return {
            table: Built(how, count(connection, f"select count(*) from {table}"))
            for table, how in done.items()
        }


def build_order(project: Path) -> list[str]:
    """The tables a build makes, in its order. Raises WarehouseError as `build` would for a query or a circle."""
    connection = memory()
    try:
        return [model.table for model in in_order(connection, read_models(project / "warehouse"))]
    finally:
        connection.close()


def read_models(folder: Path) -> list[Model]:
    """The models of `core/` and `governance/` in a folder, sorted by table."""
    return [
        Model(f"{schema}.{path.stem}", path, path.read_text(encoding="utf-8").strip().rstrip(";"))
        for schema in SCHEMAS
        for path in sorted((folder / schema).glob("*.sql"))
        if not path.name.endswith((checks.SUFFIX, changes.SUFFIX))
    ]


def in_order(connection: DuckDBPyConnection, models: Sequence[Model]) -> list[Model]:
    """The models so that each stands behind those it reads; the same models always in the same order.

    Raises WarehouseError when a query cannot be parsed, or models read each other in a circle.
    """
    by_table = {model.table: model for model in models}
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for model in models:
        sorter.add(model.table, *sorted(model.sources(connection) & by_table.keys()))
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise WarehouseError(
            f"these models read each other in a circle: {' → '.join(reversed(error.args[1]))}",
            next_step="move what they share into a model of its own in warehouse/core",
        ) from error
    ordered: list[Model] = []
    while ready := sorted(sorter.get_ready()):
        ordered += [by_table[table] for table in ready]
        sorter.done(*ready)
    return ordered


def sources(connection: DuckDBPyConnection, query: str, origin: str) -> set[str]:
    """Every `schema.table` a query names. Raises WarehouseError naming `origin` when it cannot be parsed."""
    if query not in _named:
        _named[query] = frozenset(_parsed(connection, query, origin))
    return set(_named[query])


_named: dict[str, frozenset[str]] = {}  # a build asks of each query several times, and parsing takes its time


def _parsed(connection: DuckDBPyConnection, query: str, origin: str) -> Iterator[str]:
    answer = connection.execute(f"select json_serialize_sql({literal(query)})").fetchone()
    tree = json.loads(answer[0]) if answer else {}
    if tree.get("error"):
        raise WarehouseError(
            f"{origin} cannot be parsed: {tree.get('error_message', 'no message')}",
            next_step="a model is one select; paste it into the DuckDB shell to see where it breaks",
        )
    for node in _nodes(tree):
        if node.get("type") == "BASE_TABLE" and node["schema_name"] not in _NO_TABLES:
            yield f"{node['schema_name']}.{node['table_name']}"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def _require_sources(connection: DuckDBPyConnection, models: Sequence[Model]) -> None:
    made = {model.table for model in models}
    there = {
        str(name)
        for (name,) in connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() union all "
            "select schema_name || '.' || view_name from duckdb_views()"
        ).fetchall()
    }
    absent = [
        f"{model.origin} reads {source}, which is not there"
        for model in models
        for source in sorted(model.sources(connection) - made - there)
    ]
    if absent:
        raise WarehouseError(
            "\n  ".join(absent), next_step="run `urbanbrain load` first, or correct the name of the table"
        )


def _drop_leftovers(connection: DuckDBPyConnection, models: Sequence[Model]) -> None:
    """Make the schemas, and drop tables in them whose model is gone."""
    made = {model.table for model in models}
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {quoted(schema)}")
    found = connection.execute(
        "select schema_name, table_name from duckdb_tables() where list_contains(?, schema_name) order by all",
        [list(SCHEMAS)],
    ).fetchall()
    for schema, name in found:
        if f"{schema}.{name}" not in made:
            connection.execute(f"drop table {quoted(schema)}.{quoted(name)}")


def _bring_up(
    connection: DuckDBPyConnection, model: Model, contract: Contract | None, memory: changes.Memory
) -> Done:
    """Make a model's table anew, or the parts of it that changed, or leave it alone."""
    whole = sorted(model.sources(connection) - model.sources_by_part(connection))
    made_of = changes.digest(
        [
            connection.execute("select version()").fetchall()[0][0],
            model.query,
            model.partitions,
            contract.sha256 if contract else "",
            *(f"{table} {memory.contents(table)}" for table in whole),
        ]
    )
    is_as_before = memory.before(model.table).made_of == made_of and _exists(connection, model.table)
    done: Done = "untouched" if is_as_before else "rebuilt"
    if model.partitions:
        parts = _run(
            model.partitions_origin,
            lambda: changes.find(connection, model.table, model.partitions, model.partitions_origin),
        )
        if is_as_before and parts.changed:
            done = "rebuilt" if parts.are_too_many else "extended"
        if done == "extended":
            _run(model.origin, lambda: _extend(connection, model, parts))
    if done == "rebuilt":
        _run(model.origin, lambda: _make(connection, model, contract))
    memory.is_made(model.table, made_of, changed=done != "untouched")
    return done


def _run(origin: str, make: Callable[[], Result]) -> Result:
    import duckdb

    try:
        return make()
    except duckdb.Error as error:
        raise WarehouseError(
            f"{origin} does not run: {scrub(str(error))}",
            next_step="paste it into the DuckDB shell to see where it breaks; nothing was changed",
        ) from None  # the cause may quote values


def _make(connection: DuckDBPyConnection, model: Model, contract: Contract | None) -> None:
    """Run a model into its table, sorted by the contract's key, so that the same rows make the same file."""
    query = model.query
    if contract and contract.key:
        query = f"select * from (\n{query}\n) order by {', '.join(map(quoted, contract.key))}"
    connection.execute(f"create or replace table {model.table} as {query}")


def _extend(connection: DuckDBPyConnection, model: Model, parts: changes.Partitions) -> None:
    """Make the changed parts of a table anew."""
    connection.execute(f"delete from {model.table} where {parts.condition}")
    connection.execute(
        f"insert into {model.table} by name select * from (\n{model.query}\n) where {parts.condition}"
    )


def _exists(connection: DuckDBPyConnection, table: str) -> bool:
    names = "select count(*) from duckdb_tables() where schema_name || '.' || table_name = "
    return count(connection, f"{names}{literal(table)}") > 0


def _problems(
    connection: DuckDBPyConnection,
    model: Model,
    contract: Contract | None,
    judge: Judge | None,
    memory: changes.Memory,
) -> list[str]:
    """What a finished table breaks: its contract's columns, its checks, its contract's rules.

    What was held against the same before need not be again.
    """
    beside = checks.read(model.checks_path)
    read = set().union(*(sources(connection, each.query, model.origin) for each in beside))
    checked = changes.digest(
        [
            contract.sha256 if contract else "",
            str(judge is not None),
            *(f"{each.sentence} {each.query}" for each in beside),
            *(f"{table} {memory.contents(table)}" for table in sorted({model.table, *read})),
        ]
    )
    memory.is_checked(model.table, checked)
    if memory.before(model.table).checked == checked:
        return []
    if contract and (differences := _differences(connection, contract)):
        return differences
    key = contract.key if contract else ()
    problems = checks.failures(connection, model.table, beside, key)
    if contract:
        for statement in dictionary.comments(contract):
            connection.execute(statement)
        if judge:
            problems += _judged(connection, contract, judge)
    return problems


def _differences(connection: DuckDBPyConnection, contract: Contract) -> list[str]:
    """How a table's columns differ from its contract's in name, type or order."""
    found = {
        str(name): str(kind)
        for name, kind in connection.execute(
            f"select column_name, replace(column_type, 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ') "
            f"from (describe {contract.table})"
        ).fetchall()
    }
    promised = {column.name: column.type for column in contract.columns}
    lines = [f"lacks {name}" for name in promised if name not in found]
    lines += [f"has {name}, which the contract does not name" for name in found if name not in promised]
    lines += [
        f"{name} is {found[name]}, promised is {promised[name]}"
        for name in promised
        if name in found and found[name] != promised[name]
    ]
    if not lines and list(found) != list(promised):
        lines.append(f"has its columns in the order {', '.join(found)}; promised is {', '.join(promised)}")
    return [f"{contract.table}: {line} ({contract.path})" for line in lines]


def _judged(connection: DuckDBPyConnection, contract: Contract, judge: Judge) -> Sequence[str]:
    with tempfile.TemporaryDirectory(prefix="urbanbrain-") as folder:
        rows = Path(folder) / "rows.parquet"
        connection.execute(f"copy {contract.table} to {literal(str(rows))} (format parquet)")
        return judge(contract, rows)


def _unpromised(models: Sequence[Model], contracts: dict[str, Contract]) -> Iterator[str]:
    """Governance tables without a contract, and contracts without a table."""
    made = {model.table for model in models}
    for model in models:
        if model.schema == _PROMISED and model.table not in contracts:
            yield f"{model.table}: has no contract in contracts/{_PROMISED}/"
    for table, contract in contracts.items():
        if table not in made:
            yield f"{table}: is promised by {contract.path}, but no model makes it"
