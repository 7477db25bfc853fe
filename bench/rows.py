"""Rows to measure with: twenty columns of a made-up city's requests, about one row in two thousand broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines import contract, lake, values
from pipelines.contract.model import Contract
from pipelines.database import literal, quoted
from pipelines.receipt import Receipt

CONTRACTS = Path(__file__).parent / "contracts"
WINDOW = lake.Window(datetime(2026, 11, 16, 16, tzinfo=UTC), datetime(2026, 11, 17, 16, tzinfo=UTC))

ROWS = """
select
    i + 1 as _row_number,
    case when i % 20011 = 7 then 'X' || i when i % 50021 = 9 then null
        else 'R' || lpad((case when i % 40009 = 11 then i - 1 else i end)::varchar, 9, '0') end as request_id,
    (1 + hash(i, 1) % 5)::bigint as source_version,
    timestamptz '2026-11-17 00:00:00+00' + to_seconds((i - (case when i % 40009 = 11 then 1 else 0 end)) % 86400) as source_updated_at,
    timestamptz '2026-11-10 00:00:00+00' + to_seconds(i % 600000) as reported_at,
    case when i % 3 > 0 then timestamptz '2026-11-17 06:00:00+00' + to_seconds((hash(i, 2) % 80000)::bigint)
        - to_days(case when i % 30011 = 1 then 30 else 0 end) end as closed_at,
    case when i % 25013 = 3 then '110106001' else '1101140' || lpad((hash(i, 3) % 14)::varchar, 2, '0') end as street_no,
    case when i % 22013 = 5 then 'unheard' else ['demand', 'complaint', 'report', 'help', 'suggestion', 'enquiry'][1 + (hash(i, 4) % 6)::bigint] end as kind,
    case when i % 7 = 0 then null else ['phone', 'web', 'app', 'visit'][1 + (hash(i, 5) % 4)::bigint] end as channel,
    case when i % 3 > 0 then 'closed' else ['open', 'handling'][1 + (hash(i, 6) % 2)::bigint] end as order_status,
    lpad((hash(i, 7) % 3000)::varchar, 4, '0') as class_code,
    'T' || lpad((hash(i, 8) % (case when i % 33013 = 0 then 300 else 200 end))::varchar, 3, '0') as team_code,
    case when i % 11 > 0 then 116.2 + (hash(i, 9) % 300000) / 1000000.0 + (case when i % 28019 = 2 then 5 else 0 end) end as lon,
    case when i % 11 > 0 then 40.0 + (hash(i, 10) % 200000) / 1000000.0 end as lat,
    (1 + hash(i, 11) % 5)::bigint as priority,
    '26_' || substr(md5(i::varchar), 1, 26) as caller_ref,
    '社区' || (hash(i, 12) % 133) as community_name,
    '请求处理第' || (hash(i, 13) % 9000) || '号点位问题' as title_text,
    '居民反映道路破损影响通行，希望尽快修复，位置在' || (hash(i, 14) % 100000) || '附近' as content_text,
    (hash(i, 15) % 100000) / 100.0 as cost_yuan,
    (hash(i, 16) % 10) = 0 as is_repeat
from range({rows}) as numbers(i)
"""


def feed() -> Contract:
    """The contract the measured rows keep or break."""
    return contract.load("city_requests", CONTRACTS)


def write_staged(rows: int) -> Path:
    """Write `rows` rows as the staging stage would leave them and return their folder."""
    measured = feed()
    receipt = Receipt(
        stage="staged",
        feed_id=measured.feed_id,
        window=WINDOW,
        batch_id=f"bench{rows}",
        landed_at=WINDOW.end + timedelta(minutes=40),
        contract_version=measured.version,
        contract_sha256=measured.sha256,
        received=rows,
    )
    target = receipt.batch.folder("staged")
    if (target / lake.RECEIPT).exists():
        return target
    bad = ", ".join(
        f"null::varchar as {quoted(values.bad(column.name))}"
        for column in measured.columns
        if column.type != "VARCHAR"
    )
    connection = duckdb.connect()
    with lake.new_folder(target) as folder:
        connection.execute(
            f"copy (select *, {bad}, null::varchar as _area_method, null::double as _area_confidence, "
            "[]::varchar[] as _dq_flags, {nothing: null::varchar} as _received "
            f"from ({ROWS.format(rows=rows)}) order by _row_number) to {literal(str(folder / lake.ROWS))} "
            "(format parquet, compression snappy)"
        )
        connection.execute(
            f"copy (select 1::bigint as _row_number, '' as outcome, '' as reason, 1::bigint as same_as limit 0) "
            f"to {literal(str(folder / lake.SET_ASIDE))} (format parquet)"
        )
        receipt.write(folder)
    connection.close()
    return target


def write_published(rows: int) -> tuple[Path, list[tuple[str, str]]]:
    """Write `rows` good rows as a release has them; returns the file, and names and DuckDB types of its columns."""
    path = lake.lake() / f"published{rows}.parquet"
    with duckdb.connect() as connection:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(
                f"copy (select * exclude (_row_number) from ({ROWS.format(rows=rows)})) "
                f"to {literal(str(path))} (format parquet, compression zstd)"
            )
        kinds = connection.execute(f"describe from read_parquet({literal(str(path))})").fetchall()
    return path, [(str(name), str(kind)) for name, kind, *_ in kinds]
