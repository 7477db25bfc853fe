"""Statements that try to see, change or break what is none of an office's, by what they try. One table for every door.

`{other}` is another office's file, `{parquet}` a table of the district, `{folder}` a folder with planted files, `{new}` a
file that must not come into being. Whatever is answered, the marks of `planted` and of other streets are not in it.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

MARK = "PLANTED-MARK"
_READERS = (
    "read_csv", "read_csv_auto", "read_json", "read_json_auto", "read_ndjson", "read_json_objects", "read_text",
    "read_blob", "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "sniff_csv", "glob",
)  # fmt: skip
FILES = (
    *(f"from {reader}('{{folder}}/planted.*')" for reader in _READERS),
    "from read_duckdb('{other}', table_name = 'orders')",
    "from '{other}'",
    "from 'planted.parquet'",
    "from 'planted.csv'",
    "from 'planted.json'",
    'from "planted.parquet"',
    "from '{folder}/planted.parquet' as p",
    "from read_csv(['planted.csv'])",
    "from read_text(getvariable('x') || '{folder}/planted.txt')",
    "select (select string_agg(content) from read_text('{folder}/planted.txt'))",
    "select list_transform(['{folder}/planted.txt'], lambda x: (select content from read_text(x)))",
    "select count(*) from read_text('{folder}/planted.txt'), range(2)",
    "from read_text('/proc/self/environ')",
    "from read_blob('/dev/fd/0')",
    "from read_text('/proc/self/fd/3')",
    "from glob('/**')",
    "from read_text('file://{folder}/planted.txt')",
    "from read_csv('http://127.0.0.1:9/x.csv')",
    "from read_parquet('s3://bucket/x.parquet')",
    "from sqlite_scan('{folder}/planted.db', 't')",
    "from query('from read_text(''{folder}/planted.txt'')')",
    "from query_table('{folder}/planted.parquet')",
    "from query_table(['{folder}/planted.parquet'])",
    "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{folder}/planted.txt'')'))",
    "explain analyze from read_text('{folder}/planted.txt')",
    "describe from read_csv('{folder}/planted.csv')",
    "summarize from '{folder}/planted.csv'",
    "with x as materialized (from read_text('{folder}/planted.txt')) from x",
    "pivot (from read_csv('{folder}/planted.csv')) on a in (1) using count(*)",
)
STATEMENTS = (
    "attach '{other}' as other (read_only)",
    "attach '{other}'; from other.city.orders",
    "attach ':memory:' as m",
    "detach office",
    "use memory",
    "copy (select 1) to '{new}'",
    "copy (select 1) to '{parquet}' (use_tmp_file false)",
    "copy city.orders from '{folder}/planted.csv'",
    "copy from database memory to other",
    "export database '{new}'",
    "import database '{folder}'",
    "pragma import_database('{folder}')",
    "explain analyze copy (select 1) to '{new}'",
    "explain (analyze, format json) copy (select 1) to '{new}'",
    "-- explain\nexplain analyze copy (select 1) to '{new}' (delimiter '\nselect 1 as x --')",
    "/* explain */ explain /* analyze */ analyze copy (select 1) to '{new}'",
    "explain analyze create table x as select 1",
    "set enable_external_access = true",
    "set memory_limit = '100GB'",
    "set global lock_configuration = false",
    "reset lock_configuration",
    "pragma enable_external_access",
    "pragma memory_limit = '9GB'",
    "set variable x = 1",
    "install spatial",
    "load spatial",
    "force install httpfs from 'http://127.0.0.1:9'",
    "create secret s (type s3, key_id 'x')",
    "from duckdb_secrets()",
    "from which_secret('s3://x', 's3')",
    "create table x as select 1",
    "create temp table x as select 1",
    "create view x as select 1",
    "create macro f() as table from read_text('{folder}/planted.txt')",
    "create temp macro f(a) as a",
    "create function f() as 1",
    "create type t as enum ('a')",
    "create sequence s",
    "create schema x",
    "insert into city.orders select * from city.orders",
    "update city.orders set order_id = 'x'",
    "delete from city.orders",
    "truncate city.orders",
    "merge into city.orders using city.orders as o on true when matched then delete",
    "drop table city.orders",
    "alter table city.orders add column x int",
    "comment on table city.orders is 'x'",
    "with gone as (delete from city.orders returning *) from gone",
    "call pragma_version()",
    "call enable_logging('QueryLog')",
    "checkpoint",
    "force checkpoint",
    "vacuum",
    "analyze",
    "begin",
    "prepare p as select 1",
    "execute p",
    "deallocate p",
    "execute immediate 'drop table city.orders'",
    "select 1; drop table city.orders",
    "select 1;;; copy (select 1) to '{new}'",
    "select 1 /* ; */; -- ;\nattach '{other}'",
    "select 1 /* /* nested */ ; drop table city.orders -- */ ; drop table city.orders",
    "select 1 --\n; drop table city.orders",
    "select $$a$$; drop table city.orders",
    "select e'\\'; drop table city.orders --'; drop table city.orders",
    "select 1\uff1b drop table city.orders",  # a full-width semicolon
    "select 1\u037e drop table city.orders",  # a Greek question mark
    "drop\u00a0table\u2003city.orders",
    "\u200bdrop table city.orders",
    "\ufeffdrop table city.orders",
    "s\u0435lect 1",  # a Cyrillic letter
    "\uff53\uff45\uff4c\uff45\uff43\uff54 1",
    "select 1\0; drop table city.orders",
    "explain\u00a0analyze\u00a0copy (select 1) to '{new}'",
    "copy\u3000(select 1)\u3000to\u3000'{new}'",
    "select ?",
    "select $1",
    "from connection",
    "from cursor",
    "from question",
    "from told",
    "from python_map_function(1)",
    "from arrow_scan(1, 2, 3)",
    "select nextval('s')",
    "select * from",
    "",
    ";",
    "-- nothing",
    "/*",
    "'",
)  # fmt: skip
ANSWERED = (
    "from duckdb_settings()",
    "from duckdb_databases()",
    "from duckdb_views()",
    "from duckdb_temporary_files()",
    "from duckdb_logs()",
    "from truncate_duckdb_logs()",
    "from pragma_storage_info('main.all_orders')",
    "from checkpoint()",
    "from force_checkpoint()",
    "from enable_profiling(save_location = '{new}.txt')",
    "pragma enable_profiling",
    "pragma database_list",
    "pragma add_parquet_key('k', '0123456789112345')",
    "select current_setting('allowed_paths'), current_setting('home_directory')",
    "select getenv('URBANBRAIN_SECRET_LANDING'), getvariable('caller_outer')",
    "select write_log('{new}')",
    "from sql_auto_complete('sel')",
    "from from_substrait('x'::blob)",
    "from test_all_types()",
    "select " + "(" * 500 + "1" + ")" * 500,
)
"""What may be answered, or may not: either way nothing of another's comes with it."""
HEAVY = (
    "from enable_logging('QueryLog', storage = 'file', storage_path = '{new}')",
    "select " + "(" * 100_000 + "1" + ")" * 100_000,
    "select " + "+".join(["1"] * 50_000),
    "select " + "[" * 20_000 + "]" * 20_000,
    "select '" + "x" * 2_000_000 + "'",
    "from range(1000000) as a, range(1000000) as b, range(1000000) as c order by all desc",
    "select count(*) from range(1000000000000) where range % 7 = range % 11",
    "with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t",
    "with recursive t as (select 'x' as n union all select n || n from t) select count(*) from t",
    "select levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
    "select jaro_winkler_similarity(repeat('a', 1000000), repeat('b', 1000000))",
    "select list_reduce(range(100000000), lambda a, b: a + b)",
    "select lpad('x', 2000000000, 'y')",
    "select repeat('x', 4000000000)",
    "select max(length(repeat(range::varchar, 3000000))) from range(100000)",
    "select list(range::varchar) from range(1000000000)",
    "select bit_count(repeat('1', 1000000000)::bit)",
    "select format('{{:>2000000000}}', 'x')",
    "select json_valid(repeat('[', 100000000))",
    "select regexp_matches(repeat('a', 100000000), '(a|aa)+$')",
    "select regexp_matches('a', repeat('(', 100000))",
    "summarize from range(100000000000)",
    "select md5(repeat('x', 900000000))",
)
"""What costs time or memory, or ends the process it is answered in."""


def plant(folder: Path) -> None:
    """Files nobody who asks a question may read, of every kind that could be read, each with the mark in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "planted.txt").write_text(MARK)
    (folder / "planted.csv").write_text(f"a,b\n1,{MARK}\n")
    (folder / "planted.json").write_text(f'{{"a": 1, "b": "{MARK}"}}\n')
    (folder / "schema.sql").write_text(f"create table t as select '{MARK}' as a;\n")
    (folder / "load.sql").write_text("")
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 1 as a, '{MARK}' as b) to '{folder}/planted.parquet'")
        connection.execute(f"attach '{folder}/planted.db' as planted")
        connection.execute(f"create or replace table planted.t as select '{MARK}' as b")


def filled(statement: str, *, other: Path, parquet: Path, folder: Path) -> str:
    return statement.format(other=other, parquet=parquet, folder=folder, new=folder / "new")


def listed(*folders: Path) -> dict[str, int]:
    """Every file below, with its size."""
    return {str(path): path.stat().st_size for each in folders for path in each.rglob("*") if path.is_file()}
