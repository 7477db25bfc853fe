"""A period's scorecard, as known on any day."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import database, lake, settings
from pipelines.errors import ContractError, DataError, WarehouseError
from pipelines.run.opening import rows_of
from pipelines.run.windows import instant, is_day, window


def scorecard(period: str, as_of: str = "", rule: str = "") -> list[dict[str, Any]]:
    """The newest revision of a period's scorecard as known at the end of a day or at an instant, a row a street.

    Without `as_of` that is everything known; `rule` names a score rule to use instead of the period's own.
    Raises ContractError for a day or rule that is none, DataError when nothing was known of the period by then.
    """
    from pipelines import as_known

    table = "governance.street_scorecard"
    if not lake.warehouse_file().exists():
        raise WarehouseError("nothing is loaded yet", next_step="run `make demo`, or `urbanbrain load`")
    promise = next(each for each in contracts.load_governance() if each.table == table)
    known_at = window(promise, as_of).end if as_of and is_day(as_of) else settings.now()
    if as_of and not is_day(as_of):
        known_at = instant(as_of, ZoneInfo(promise.timezone))
    instead = {}
    if rule:
        rules = "ref.score_rules"
        instead[rules] = (
            "select * replace ('0000-01' as valid_from_period, '9999-12' as valid_to_period) "
            f"from kept.{rules} where rule_id = {database.literal(rule)}"
        )
    with as_known.rebuilt(settings.project(), lake.warehouse_file(), table, known_at, instead) as connection:
        if rule and not database.count(connection, "select count(*) from ref.score_rules"):
            raise ContractError(
                f"there is no score rule {rule!r}", next_step="see contracts/reference/score_rules.csv"
            )
        connection.execute(f"set timezone = {database.literal(promise.timezone)}")
        rows = rows_of(
            connection,
            f"select * from {table} where is_latest and period = {database.literal(period)} order by street_code",
        )
        periods = connection.execute(f"select distinct period from {table} order by all").fetchall()
    if not rows:
        raise DataError(
            f"nothing was known of period {period!r} by {known_at.isoformat()}",
            next_step=f"periods known by then: {', '.join(name for (name,) in periods) or 'none'}",
        )
    return rows
