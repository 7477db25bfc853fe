"""One reading of everything people write by hand: contracts, reference files, SQL models."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines import areas, contract, database, settings
from pipelines.contract import dictionary
from pipelines.stages import governance, loading


def check_all() -> Iterator[str]:
    """Yield a line for each thing that is right; raise ContractError listing every problem of every file."""
    if problems := contract.check_all():
        raise contract.contract_error(problems)
    yield f"{len(contract.load_all(contract.LEVELS))} contracts are right"
    connection = database.memory()
    try:
        rows = areas.load_reference(connection, settings.project() / "contracts" / "reference")
        yield f"{len(rows)} reference files are right ({sum(rows.values()):,} rows)"
        # Every model once, over empty tables: a name that does not exist and a promise nobody keeps show here.
        loading.prepare(connection)
        for feed in contract.load_all():
            connection.execute(f"create schema if not exists {database.quoted(feed.level)}")
            connection.execute(dictionary.create_table(feed))
            if feed.keep_versions:
                connection.execute(dictionary.create_history(feed))
        governance.build(connection, settings.project())
    finally:
        connection.close()
    models = governance.build_order(settings.project())
    yield f"{len(models)} models build in this order: {', '.join(models)}"
