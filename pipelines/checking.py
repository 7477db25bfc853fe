"""One reading of everything people write by hand: contracts, reference files, SQL models."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines import areas, contract, database, settings


def check_all() -> Iterator[str]:
    """Yield a line for each thing that is right; raise ContractError listing every problem of every file."""
    if problems := contract.check_all():
        raise contract.contract_error(problems)
    yield f"{len(contract.load_all(contract.LEVELS))} contracts are right"
    connection = database.memory()
    try:
        rows = areas.load_reference(connection, settings.project() / "contracts" / "reference")
    finally:
        connection.close()
    yield f"{len(rows)} reference files are right ({sum(rows.values()):,} rows)"
    from pipelines.stages import governance

    models = governance.build_order(settings.project())
    yield f"{len(models)} models build in this order: {', '.join(models)}"
