"""The ledger of corrections, and what became of each row of quarantine: `ops.corrections`, `ops.quarantine.state`.

Both follow from files of the lake: what correction batches say beside their rows, and decisions to discard. So a
warehouse that is made anew knows them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines import operations
from pipelines.database import count, literal, quoted
from pipelines.decisions import discards
from pipelines.desk import rows
from pipelines.lake import CORRECTIONS, ROWS
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyConnection

    from pipelines.contract.model import Contract

_LEDGER, _QUARANTINE = "ops.corrections", "ops.quarantine"


def keep(connection: DuckDBPyConnection, contract: Contract, receipt: Receipt) -> None:
    """Write down what a correction batch that was just loaded did; nothing for batches of the source."""
    folder = receipt.batch.folder("validated")
    if not (folder / CORRECTIONS).exists():
        return
    key = ", ".join(f"good.{quoted(name)}::varchar" for name in contract.key)
    record = ", ".join(
        f"{literal(column.name)}: good.{quoted(column.name)}" for column in contract.stored_columns
    )
    sent, good, bad = (
        f"read_parquet({literal(str(path))})"
        for path in (folder / CORRECTIONS, folder / ROWS, receipt.batch.folder("quarantine") / ROWS)
    )
    by, reason = receipt.details["corrected_by"], receipt.details["reason"]
    connection.execute(
        f"insert into {_LEDGER} by name select ? as feed_id, sent.batch_id, sent.row_number, ? as corrected_at, "
        "sent.row_digest, sent.landed_at, sent.original, sent.correction, ? as corrected_by, ? as reason, "
        "case when bad._row_number is null then 'accepted' else 'returned' end as outcome, "
        "? as correction_batch_id, sent._row_number as correction_row_number, "
        f"case when good._row_number is not null then concat_ws('/', {key}) end as record_key, "
        f"case when good._row_number is not null then to_json({{{record}}})::varchar end as final_record, "
        f"bad.reasons as new_reasons from {sent} as sent left join {good} as good using (_row_number) "
        f"left join {bad} as bad on sent._row_number = bad._row_number order by sent._row_number",
        [receipt.feed_id, receipt.landed_at, by, reason, receipt.batch_id],
    )


def follow(connection: DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Say of every accepted correction whether the feed's table still has the version it became.

    It has not when a newer version of the record came, after the correction or before. Told from the tables as they
    are, not from the order in which batches came, so a warehouse that is made anew says the same.
    """
    fed = {
        feed_id
        for (feed_id,) in connection.execute(
            f"select distinct feed_id from {_LEDGER} where outcome = 'accepted'"
        ).fetchall()
    }
    for contract in contracts:
        if contract.feed_id not in fed:
            continue
        connection.execute(
            f"update {_LEDGER} as ledger set is_overtaken = new.is_overtaken from ("
            "select ledger.rowid as row_id, record._batch_id is null as is_overtaken "
            f"from {_LEDGER} as ledger left join {contract.table} as record "
            "on record._batch_id = ledger.correction_batch_id and record._row_number = ledger.correction_row_number "
            "where ledger.feed_id = ? and ledger.outcome = 'accepted') as new "
            "where ledger.rowid = new.row_id and ledger.is_overtaken is distinct from new.is_overtaken",
            [contract.feed_id],
        )


def settle(connection: DuckDBPyConnection) -> None:
    """Bring discards and the state of every row of quarantine up to what the lake holds."""
    tables = "from duckdb_tables() where schema_name = 'ops' and table_name in ('corrections', 'quarantine')"
    if count(connection, f"select count(*) {tables}") < len((_LEDGER, _QUARANTINE)):
        return  # nothing was loaded yet
    _keep_discards(connection)
    for name in ("business_key", "street_code"):
        connection.execute(
            f"update {_LEDGER} as ledger set {name} = bad.{name} from {_QUARANTINE} as bad where {_SAME} "
            f"and ledger.{name} is distinct from bad.{name}"
        )
    # The same content is settled with it, whenever it is received: a source that sends a bad row every night, because
    # its last days are pulled again, sent one bad row.
    connection.execute(
        "create or replace temp table settled as select other.feed_id, other.batch_id, other.row_number, "
        "arg_max(case ledger.outcome when 'accepted' then 'corrected' else ledger.outcome end, "
        "(ledger.corrected_at, ledger.correction_batch_id)) as state, max(ledger.corrected_at) as settled_at "
        f"from {_LEDGER} as ledger inner join {_QUARANTINE} as bad on {_SAME} "
        f"inner join {_QUARANTINE} as other on other.feed_id = bad.feed_id and other.row_digest = bad.row_digest "
        "and other.batch_id is distinct from ledger.correction_batch_id group by all"
    )
    connection.execute(
        f"update {_QUARANTINE} as bad set state = new.state, settled_at = new.settled_at from ("
        "select bad.rowid as row_id, coalesce(settled.state, 'open') as state, settled.settled_at "
        f"from {_QUARANTINE} as bad left join settled on bad.feed_id = settled.feed_id and bad.batch_id = settled.batch_id "
        "and bad.row_number = settled.row_number where bad.state is distinct from coalesce(settled.state, 'open') "
        "or bad.settled_at is distinct from settled.settled_at) as new where bad.rowid = new.row_id"
    )
    connection.execute("drop table settled")


_SAME = (
    "ledger.feed_id = bad.feed_id and ledger.batch_id = bad.batch_id and ledger.row_number = bad.row_number"
)


def _keep_discards(connection: DuckDBPyConnection) -> None:
    found = [
        {
            "feed_id": each.feed_id,
            "batch_id": each.batch_id,
            "row_number": number,
            "corrected_at": each.decided_at,
            "row_digest": digits,
            "landed_at": each.landed_at,
            "corrected_by": each.decided_by,
            "reason": each.reason,
            "outcome": rows.DISCARDED,
        }
        for each in discards.read()
        for number, digits in zip(each.row_numbers, each.row_digests, strict=True)
    ]
    connection.execute(f"delete from {_LEDGER} where outcome = 'discarded'")
    operations.add(connection, _LEDGER, found)
    connection.execute(
        f"update {_LEDGER} as ledger set original = bad.received from {_QUARANTINE} as bad "
        f"where {_SAME} and ledger.outcome = 'discarded'"
    )


def differences(connection: DuckDBPyConnection) -> list[str]:
    """Where the desk's books do not add up, a sentence each; none when every row is in exactly one state.

    quarantined = open + corrected + returned + discarded, for each batch; received = accepted + returned, for each
    batch that an office sent, every returned row of which waits in quarantine.
    """
    found = connection.execute(
        "select batch.feed_id, batch.batch_id, batch.quarantined, count(*) filter (bad.state in "
        "('open', 'corrected', 'returned', 'discarded')) as told from ops.batches as batch left join ops.quarantine as bad "
        "on batch.feed_id = bad.feed_id and batch.batch_id = bad.batch_id and batch.window_start = bad.window_start "
        "where not batch.is_refused group by all having batch.quarantined <> told order by all"
    ).fetchall()
    lines = [
        f"{feed} {batch}: {rows} rows are quarantined, {told} are in a state"
        for feed, batch, rows, told in found
    ]
    found = connection.execute(
        "select batch.feed_id, batch.batch_id, batch.received, batch.validated, batch.quarantined, "
        "count(*) filter (ledger.outcome = 'accepted') as accepted, count(*) filter (ledger.outcome = 'returned') as returned "
        f"from ops.batches as batch left join {_LEDGER} as ledger on batch.feed_id = ledger.feed_id "
        "and batch.batch_id = ledger.correction_batch_id where batch.origin = 'correction' and not batch.is_refused "
        "group by all having (batch.received, batch.validated, batch.quarantined) "
        "is distinct from (accepted + returned, accepted, returned) order by all"
    ).fetchall()
    lines += [
        f"{feed} {batch}: {received} corrections were received, the ledger has {accepted} accepted and {returned} returned"
        for feed, batch, received, _, _, accepted, returned in found
    ]
    return lines
