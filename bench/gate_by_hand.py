"""The rival of the gate: the same rules and the same split, as an engineer would write them in DuckDB SQL by hand."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.contract.model import Contract
from pipelines.database import literal

_FLAGS = """
select
    _row_number,
    list_filter([
        case when request_id is null then 'required:request_id' end,
        case when not regexp_matches(request_id, '^R[0-9]{9}$') then 'pattern:request_id' end,
        case when source_version is null and source_version__bad is null then 'required:source_version' end,
        case when source_version__bad is not null then 'type:source_version' end,
        case when source_version not between 1 and 99 then 'range:source_version' end,
        case when source_updated_at is null and source_updated_at__bad is null then 'required:source_updated_at' end,
        case when source_updated_at__bad is not null then 'type:source_updated_at' end,
        case when reported_at is null and reported_at__bad is null then 'required:reported_at' end,
        case when reported_at__bad is not null then 'type:reported_at' end,
        case when closed_at__bad is not null then 'type:closed_at' end,
        case when street_no is null then 'required:street_no' end,
        case when not regexp_matches(street_no, '^1101140[01][0-9]$') then 'pattern:street_no' end,
        case when kind is null then 'required:kind' end,
        case when kind not in ('demand', 'complaint', 'report', 'help', 'suggestion', 'enquiry') then 'enum:kind' end,
        case when channel not in ('phone', 'web', 'app', 'visit') then 'enum:channel' end,
        case when order_status is null then 'required:order_status' end,
        case when order_status not in ('open', 'handling', 'closed') then 'enum:order_status' end,
        case when class_code is null then 'required:class_code' end,
        case when not regexp_matches(class_code, '^[0-9]{4}$') then 'pattern:class_code' end,
        case when team_code not in (select 'T' || lpad(i::varchar, 3, '0') from range(200) as t(i)) then 'enum:team_code' end,
        case when lon__bad is not null then 'type:lon' end,
        case when lon not between 115.4 and 117.6 then 'range:lon' end,
        case when lat__bad is not null then 'type:lat' end,
        case when lat not between 39.4 and 41.1 then 'range:lat' end,
        case when priority__bad is not null then 'type:priority' end,
        case when priority not between 1 and 5 then 'range:priority' end,
        case when length(caller_ref) not between 10 and 40 then 'length:caller_ref' end,
        case when regexp_matches(caller_ref, '\ufffd|锟斤拷') then 'readable:caller_ref' end,
        case when regexp_matches(community_name, '\ufffd|锟斤拷') then 'readable:community_name' end,
        case when title_text is null then 'required:title_text' end,
        case when regexp_matches(title_text, '\ufffd|锟斤拷') then 'readable:title_text' end,
        case when regexp_matches(content_text, '\ufffd|锟斤拷') then 'readable:content_text' end,
        case when cost_yuan__bad is not null then 'type:cost_yuan' end,
        case when cost_yuan < 0 then 'range:cost_yuan' end,
        case when is_repeat__bad is not null then 'type:is_repeat' end,
        case when (request_id, source_updated_at) in (
            select (request_id, source_updated_at) from staged group by request_id, source_updated_at having count(*) > 1
        ) then 'unique' end,
        case when closed_at < reported_at then 'rule:close_not_before_report' end,
        case when order_status = 'closed' and closed_at is null then 'rule:closed_has_time' end
    ], lambda rule: rule is not null) as reasons
from staged
"""


def split(measured: Contract, staged: Path, folder: Path, config: dict[str, str]) -> dict[str, int]:
    """Split staged rows into two Parquet files in `folder`; returns broken rows per rule."""
    columns = ", ".join(column.name for column in measured.columns)
    connection = duckdb.connect(config=config)
    connection.execute(f"create view staged as select * from read_parquet({literal(str(staged))})")
    connection.execute(f"create temp table bad as select * from ({_FLAGS}) where len(reasons) > 0")
    counts = connection.execute(
        "select rule, count(*) from (select unnest(reasons) as rule from bad) group by all"
    ).fetchall()
    connection.execute(
        f"copy (select _row_number, {columns}, _dq_flags from staged anti join bad using (_row_number)) "
        f"to {literal(str(folder / 'validated.parquet'))} (format parquet, compression zstd)"
    )
    connection.execute(
        f"copy (select _row_number, {columns}, reasons from staged join bad using (_row_number)) "
        f"to {literal(str(folder / 'quarantine.parquet'))} (format parquet, compression zstd)"
    )
    connection.close()
    return dict(counts)
