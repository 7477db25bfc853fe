"""Reports to link: a year of a made-up district, 22 streets of 500 communities; orders, grid cases and requests.

One report in seven is about a problem that another is about, too: at the same spot within two days, two in three of
those by the same caller or of the same component.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from pipelines import areas, contract, database, settings
from pipelines.stages import governance, loading

# Of a hundred reports so many are orders and grid cases; the rest are requests.
_ORDERS, _CASES = 65, 22
_REPORTS = """
create temp table reports as
select
    i, problem, street, community, building, side,
    case when i % 100 < {orders} then 'hotline' when i % 100 < {orders} + {cases} then 'grid' else 'steward' end as source,
    hash(problem, 7) as kind,
    timestamptz '2025-12-01 00:00:00+08' + to_seconds(begun + (hash(i, 9) % 172800)::bigint) as at_instant,
    100 + (community % 50) * 0.008 + (building % 6) * 0.0006 + side * 0.0002 + ((hash(i, 5) % 100)::int - 50) * 1e-6 as lon,
    40 + (community // 50) * 0.008 + (building // 6) * 0.00045 + ((hash(i, 6) % 100)::int - 50) * 1e-6 as lat
from (
    select
        i, problem, (hash(problem, 2) % 500)::int as community, (hash(problem, 2) % 500)::int % 22 as street,
        (hash(problem, 3) % 30)::int as building, (hash(problem, 4) % 4)::int as side,
        (hash(problem, 8) % 31536000)::bigint as begun
    from (
        select i, case when hash(i, 10) % 7 = 0 then (hash(i, 11) % {rows})::bigint else i end as problem
        from range({rows}) as numbers(i)
    )
)
"""
_CLASS = """
(select list(source_category order by source_category) from ref.categories where source_system = '{source}')
"""
_COMMON = """
    'S' || lpad(street::varchar, 2, '0') as street_code, 'community ' || community as community_name,
    at_instant as source_updated_at, lon, lat,
    date_trunc('hour', at_instant) + interval 1 hour as _landed_at,
    date_trunc('hour', at_instant) + interval 1 hour as _first_landed_at
"""
_TEXT = """
'第' || community || '小区' || building || '号楼' || ['北侧', '南门外', '东侧便道', '西侧'][side + 1]
|| ['问题严重', '一直没有人处理', '影响出行', '已经有三天', '多次反映无果'][1 + (hash(i, 12) % 5)::int]
|| ['希望尽快维修', '请派人查看', '居民意见大', '存在安全隐患'][1 + (hash(i, 13) % 4)::int]
"""
_FEEDS = (
    f"""
insert into city.hotline_orders by name select
    'HL-' || strftime(at_instant, '%Y%m%d') || '-' || lpad((i % 1000000)::varchar, 6, '0') as work_order_id,
    'demand' as order_kind, 'lead' as handling_role, 'handling' as order_status,
    list_extract({_CLASS.format(source="hotline")}, 1 + (kind % 20)::int) as category_l2,
    case when hash(i, 16) % 3 = 0 then '25_' || i else '25_' || problem end as caller_ref,
    at_instant as reported_at, {_TEXT} as content_text, {_COMMON}
from reports where source = 'hotline'
""",
    f"""
insert into district.grid_cases by name select
    'CP' || lpad(i::varchar, 12, '0') as case_no,
    list_extract({_CLASS.format(source="grid")}, 1 + (kind % 20)::int) as class_name,
    lpad((case when hash(i, 16) % 3 = 0 then i else problem end)::varchar, 16, '0') as component_id,
    at_instant as reported_at, at_instant + interval 60 hour as closed_at, {_TEXT} as place_text, {_COMMON}
from reports where source = 'grid'
""",
    f"""
insert into street.steward_requests by name select
    'ST' || lpad(i::varchar, 10, '0') as request_id, 'open' as request_status,
    list_extract({_CLASS.format(source="steward")}, 1 + (kind % 20)::int) as category_local,
    '25_' || problem as caller_ref, at_instant as requested_at, {_TEXT} as content_text, {_COMMON}
from reports where source = 'steward'
""",
)
# What blocking saves: each report of a street is held against every other of three days, by the same numbers.
EVERY_PAIR = """
create or replace table core.pairs_of_every_pair as
with measured as (
    select
        one.state_no as one_no, other.state_no as other_no, one.category_code = other.category_code as same_class,
        one.community_name = other.community_name as same_community,
        len(list_intersect(one.caller_refs, other.caller_refs)) > 0 as same_caller,
        one.component_id = other.component_id and other.reported_at < coalesce(one.closed_at, 'infinity') as same_component,
        abs(epoch(one.reported_at) - epoch(other.reported_at)) / 3600 as hours,
        111195 * sqrt(pow(one.lat - other.lat, 2)
            + pow((one.lon - other.lon) * cos(radians((one.lat + other.lat) / 2)), 2)) as metres,
        len(list_intersect(one_grams.grams, other_grams.grams)) as shared,
        one_grams.gram_count + other_grams.gram_count as grams
    from core.report_states as one
    inner join core.report_states as other
        on one.street_code = other.street_code and (one.reported_at, one.state_no) < (other.reported_at, other.state_no)
        and other.reported_at - one.reported_at <= interval 72 hour
    left join core.report_grams as one_grams on one.state_no = one_grams.state_no
    left join core.report_grams as other_grams on other.state_no = other_grams.state_no
)
select * from measured
where
    (same_caller and same_class and same_community) or same_component
    or (same_class and metres <= 100
        and 0.5 * (1 - metres / 100) + 0.3 * (1 - hours / 72) + 0.2 * shared / (grams - shared) >= 0.65)
    or (same_class and same_community
        and 0.5 + 0.35 * (shared / (grams - shared) - 0.7) / 0.3 >= 0.65)
"""


def filled(rows: int) -> duckdb.DuckDBPyConnection:
    """A warehouse in memory with that many reports loaded and nothing built."""
    connection = database.memory()
    loading.load(connection, contract.load_all())
    areas.load_reference(connection, settings.project() / "contracts" / "reference")
    connection.execute(_REPORTS.format(rows=rows, orders=_ORDERS, cases=_CASES))
    for statement in _FEEDS:
        connection.execute(statement)
    return connection


def build(connection: duckdb.DuckDBPyConnection, targets: Collection[str]) -> None:
    """Build those tables and what they read."""
    ordered = governance.in_order(connection, governance.read_models(settings.project() / "warehouse"))
    needed = set(targets)
    for model in reversed(ordered):
        if model.table in needed:
            needed |= model.sources(connection)
    for model in ordered:
        if model.table in needed:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create table {model.table} as {model.query}")
