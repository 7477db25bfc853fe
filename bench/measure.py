"""One measured run in a process of its own: `python -m bench.measure NAME ROWS [URL]` prints one line of JSON.

Imports are not measured: under Airflow they are paid once, by the scheduler's fork server. What is measured is
from the first byte read to the last byte written.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def gate_ours(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    import pipelines.expectations  # noqa: F401
    from bench import rows as data
    from pipelines import lake
    from pipelines.receipt import Receipt
    from pipelines.stages import gate

    staged = data.write_staged(rows)
    for stage in ("validated", "quarantine"):
        shutil.rmtree(lake.lake() / stage, ignore_errors=True)

    def work() -> dict[str, Any]:
        receipt = Receipt.read(gate.gate(data.feed(), staged))
        return {"quarantined": receipt.quarantined, "broken": sum(receipt.rules.values())}

    return work


def gate_by_hand(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    from bench import gate_by_hand as rival
    from bench import rows as data
    from pipelines import lake

    staged = data.write_staged(rows) / lake.ROWS
    folder = Path(tempfile.mkdtemp(dir=lake.lake()))

    def work() -> dict[str, Any]:
        counts = rival.split(data.feed(), staged, folder, {})
        return {"broken": sum(counts.values())}

    return work


def http_ours(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    import pipelines.expectations  # noqa: F401
    from bench import rows as data
    from pipelines import run

    os.environ["URBANBRAIN_BENCH_URL"] = url
    os.environ["URBANBRAIN_PROJECT"] = str(data.CONTRACTS.parent)
    as_of = data.WINDOW.end

    def work() -> dict[str, Any]:
        counts = run.run(data.feed().feed_id, data.WINDOW.start, data.WINDOW.end, as_of)
        return {name: counts[name] for name in ("received", "validated", "quarantined")}

    return work


def http_dlt(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    import dlt
    import requests

    folder = tempfile.mkdtemp()

    @dlt.resource(name="requests", write_disposition="append")
    def pages() -> Any:
        page = 1
        while records := requests.get(f"{url}/requests", params={"page": page}, timeout=60).json()["data"][
            "list"
        ]:
            yield records
            page += 1

    def work() -> dict[str, Any]:
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(f"{folder}/bench.duckdb"),
            dataset_name="city",
        )
        pipeline.run(pages())
        with pipeline.sql_client() as client:
            received = client.execute_sql("select count(*) from requests")[0][0]
        shutil.rmtree(folder)
        return {"received": received}

    return work


def link_year(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    from bench import reports
    from pipelines.database import count

    connection = reports.filled(rows)

    def work() -> dict[str, Any]:
        reports.build(
            connection, ("governance.case_members", "governance.case_links", "governance.link_review")
        )
        return {
            "links": count(connection, "select count(*) from governance.case_links"),
            "cases": count(connection, "select count(distinct case_id) from governance.case_members"),
        }

    return work


def link_ours(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    from bench import reports
    from pipelines.database import count

    connection = reports.filled(rows)

    def work() -> dict[str, Any]:
        reports.build(connection, ("core.pairs",))
        return {"pairs": count(connection, "select count(*) from core.pairs")}

    return work


def link_every_pair(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    from bench import reports
    from pipelines.database import count

    connection = reports.filled(rows)

    def work() -> dict[str, Any]:
        reports.build(connection, ("core.report_grams",))
        connection.execute(reports.EVERY_PAIR)
        return {"pairs": count(connection, "select count(*) from core.pairs_of_every_pair")}

    return work


def load_ours(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    """From an office's file to a table as a release has it: made, filled, closed for all but its street, committed.

    Within it are the connection, the index by street, policies, statistics and, where the server is durable, the disk.
    """
    import duckdb

    from bench import rows as data
    from pipelines import serving
    from pipelines.serving import foundations, tables
    from pipelines.serving.contents import IN_OFFICES, Column, Offer
    from pipelines.serving.loading import filled

    path, kinds = data.write_published(rows)
    street, release = "900001001", f"bench{time.time_ns()}"
    offer = Offer("city", "requests", tuple(Column(*each) for each in kinds), in_offices="city.requests")
    file = path.with_suffix(".duckdb")
    if not file.exists():
        with duckdb.connect(file) as connection:
            connection.execute("create schema city")
            connection.execute(f"create table city.requests as from read_parquet('{path}')")
    with serving.connected(url) as session:
        foundations.begin(session)
        foundations.lay(session, [street])

    def work() -> dict[str, Any]:
        with serving.connected(url) as session, duckdb.connect(file, read_only=True) as connection:
            session.run_at_once(tables.made(release, (offer,)))
            loaded = filled(session, connection, release, offer, IN_OFFICES, street)
            session.run_at_once(tables.closed(release, (offer,)))
            session.commit()
        return {"loaded": loaded}

    return work


def load_row_by_row(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    """The same rows with the same driver, a prepared insert for each, in one transaction; no index, open to nobody else."""
    import duckdb
    from adbc_driver_postgresql import dbapi

    from bench import rows as data
    from pipelines.serving import columns

    path, kinds = data.write_published(rows)
    made = ", ".join(f'"{name}" {columns.type_of(kind)}' for name, kind in kinds)
    places = ", ".join(f"${number + 1}" for number in range(len(kinds)))
    schema = f"bench{time.time_ns()}"

    def work() -> dict[str, Any]:
        with dbapi.connect(url) as connection, connection.cursor() as cursor, duckdb.connect() as source:
            cursor.execute("set default_transaction_read_only = off")
            connection.commit()
            cursor.execute(f"create schema {schema}")
            cursor.execute(f"create table {schema}.requests ({made})")
            for batch in source.execute(f"from read_parquet('{path}')").to_arrow_reader(65_536):
                cursor.executemany(f"insert into {schema}.requests values ({places})", batch)
            connection.commit()
            cursor.execute(f"select count(*) from {schema}.requests")
            return {"loaded": cursor.fetchone()[0]}

    return work


def office_ours(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    """One office's file as a release has it: in a process of its own, with comments, the same bytes each time."""
    from bench import rows as data
    from pipelines.publication.office_file import OfficePlan, OfficeTable, build_apart

    path, kinds = data.write_published(rows)
    said = {name: f"What {name} says. {name}的含义。" for name, _ in kinds}
    folder = Path(tempfile.mkdtemp())

    def work() -> dict[str, Any]:
        target = folder / f"{time.time_ns()}.duckdb"
        table = OfficeTable("city", "requests", (str(path),), "Requests. 诉求。", said)
        build_apart(OfficePlan(str(target), "office", (table,), ()), folder / "plan.json")
        return {"megabytes": round(target.stat().st_size / 1e6, 1)}

    return work


def office_duckdb(rows: int, url: str) -> Callable[[], dict[str, Any]]:
    """The same rows with DuckDB's defaults, in a process of its own: `create table … as from …`, every core."""
    from bench import rows as data

    path, _ = data.write_published(rows)
    folder = Path(tempfile.mkdtemp())

    def work() -> dict[str, Any]:
        target = folder / f"{time.time_ns()}.duckdb"
        run = f"import duckdb; duckdb.connect('{target}').execute(\"create table requests as from '{path}'\")"
        subprocess.run([sys.executable, "-c", run], check=True)
        return {"megabytes": round(target.stat().st_size / 1e6, 1)}

    return work


MEASURES = {
    each.__name__: each
    for each in (
        gate_ours, gate_by_hand, http_ours, http_dlt, link_year, link_ours, link_every_pair, load_ours, load_row_by_row,
        office_ours, office_duckdb,
    )
}  # fmt: skip


def main() -> None:
    name, rows, url = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
    work = MEASURES[name](rows, url)
    wall, cpu, children = time.perf_counter(), time.process_time(), _children()
    result = work()
    measured = {
        "name": name,
        "rows": rows,
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - cpu + _children() - children, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "result": result,
    }
    print(json.dumps(measured))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
