"""One reading of everything people write by hand: contracts, reference files, SQL models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines import areas, contract, database, lineage, operations, promises, settings, suppression
from pipelines.contract import dictionary
from pipelines.publication import release_parts
from pipelines.publication.disclosure import Disclosure
from pipelines.stages import governance

if TYPE_CHECKING:
    import duckdb


def check_all() -> Iterator[str]:
    """Yield a line for each thing that is right; raise ContractError listing every problem of every file."""
    if problems := contract.check_all():
        raise contract.contract_error(problems)
    promised = contract.load_all(contract.LEVELS)
    yield f"{len(promised)} contracts are right"
    connection = database.memory()
    try:
        rows = areas.load_reference(connection, settings.project() / "contracts" / "reference")
        yield f"{len(rows)} reference files are right ({sum(rows.values()):,} rows)"
        # Every model once, over empty tables: a name that does not exist and a promise nobody keeps show here.
        operations.prepare(connection)
        for feed in contract.load_all():
            connection.execute(f"create schema if not exists {database.quoted(feed.level)}")
            connection.execute(dictionary.create_table(feed))
            if feed.keep_versions:
                connection.execute(dictionary.create_history(feed))
            if feed.is_reduced:
                _try_reduction(connection, feed)
        governance.build(connection, settings.project())
        _check_figures(connection)
    finally:
        connection.close()
    models = governance.build_order(settings.project())
    yield f"{len(models)} models build in this order: {', '.join(models)}"
    changed = promises.since_agreed(settings.project())
    promises.refuse(changed)
    if changed:
        names = ", ".join(each.contract_id for each in changed)
        yield f"{len(changed)} promises changed as their versions say; `urbanbrain contract lock` agrees to {names}"
    yield from promises.ended(promised, settings.now().date())
    known = lineage.of_project(settings.project())
    traced = {field.table for field in known.made_of} - known.unseen.keys()
    yield f"{len(traced)} tables and views tell where each of their columns comes from"
    for table, why in sorted(known.unseen.items()):
        yield f"nobody can tell what {known.origins[table]} makes its columns of: {why}"


def _check_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """Nobody forgets to say whether a number that anybody may read counts people or calls."""
    promised = (*contract.load_governance(), *contract.load_operations())
    public = Disclosure(contract.load_all(), promised, release_parts.columns_of(connection))
    problems = [
        contract.Problem(
            table.contract.path,
            column.line,
            f"property {column.name!r} {objection}",
            table.contract.contract_id,
        )
        for table, column, objection in suppression.undeclared(public.shared)
        if table.contract
    ]
    if problems:
        raise contract.contract_error(problems)


def _try_reduction(connection: duckdb.DuckDBPyConnection, feed: contract.Contract) -> None:
    """Sum up no rows at all, to see whether what stands in `transformLogic` is SQL that fits the columns."""
    import duckdb

    columns = [f"{column.name} {column.type}" for column in feed.judged_columns]
    system = [f"{name} {kind}" for name, kind, *_ in dictionary.lineage(feed)]
    connection.execute(f"create or replace temp table judged ({', '.join([*columns, *system])})")
    problems = []
    for column in feed.columns:
        try:
            if column.logic:
                connection.execute(f"select cast({column.logic} as {column.type}) from judged")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            text = f"property {column.name!r} has a transformLogic that cannot be run: {reason}"
            problems.append(contract.Problem(feed.path, column.line, text, feed.contract_id))
    if problems:
        raise contract.contract_error(problems)
    connection.execute(dictionary.reduction(feed, "judged"))
