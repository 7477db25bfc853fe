"""`python -m bench`: each measure against its rival in the same run, in turn, medians; JSON and Markdown out.

gate    the gate on 5 M × 20 rows and 38 rules    against the same rules and split written by hand in SQL
http    HTTP → validated for 1 M JSON rows        against dlt, fed with dicts
link    pairs among 5,000 reports of a year       against holding each against all of its street and three days
load    500,000 rows of 20 columns into PostgreSQL on the same cores, indexed by street, closed for readers, on disk
                                                  against inserting them row by row; CPU seconds are both sides'
office  an office file of 0.5 M × 20 rows         against the same rows with DuckDB's defaults
year    a year of a district, 1.5 M reports, from loaded tables to cases; alone
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.pages import page_bodies, serving

OUT = Path(__file__).parent / "out"
FIGURES = ("cpu_seconds", "wall_seconds", "peak_memory_mb")
PACKAGES = ("duckdb", "great-expectations", "pyarrow", "dlt")


def measured(
    name: str, rows: int, url: str = "", elsewhere: Callable[[], float] = lambda: 0.0
) -> dict[str, Any]:
    """One run in a process of its own, with a home that is thrown away afterwards where it is filled.

    `elsewhere` tells the CPU seconds of a server so far, which are part of it.
    """
    before = elsewhere()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.measure", name, str(rows), url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    found["cpu_seconds"] += elsewhere() - before
    print(
        f"  {name:14} {found['cpu_seconds']:8.2f} cpu s {found['wall_seconds']:8.2f} s {found['peak_memory_mb']:6} MB",
        flush=True,
    )
    return found


def compared(
    ours: str, rival: str, rows: int, runs: int, url: str = "", elsewhere: Callable[[], float] = lambda: 0.0
) -> dict[str, Any]:
    """Both in turn, `runs` times; medians of each and the median of the ratios pair by pair."""
    pairs = [(_fresh(ours, rows, url, elsewhere), _fresh(rival, rows, url, elsewhere)) for _ in range(runs)]
    medians = [
        {figure: statistics.median(pair[side][figure] for pair in pairs) for figure in FIGURES}
        for side in (0, 1)
    ]
    ratios = {figure: statistics.median(a[figure] / b[figure] for a, b in pairs) for figure in FIGURES}
    return {
        "rows": rows,
        "runs": runs,
        ours: medians[0],
        rival: medians[1],
        "ratio": {figure: round(value, 3) for figure, value in ratios.items()},
        "results": [pairs[0][0]["result"], pairs[0][1]["result"]],
    }


def alone(ours: str, rows: int) -> dict[str, Any]:
    """One run without a rival."""
    found = measured(ours, rows)
    return {"rows": rows, "runs": 1, ours: found, "results": [found["result"]]}


def _http(rows: int, runs: int) -> dict[str, Any]:
    with serving(page_bodies(rows)) as url:
        return compared("http_ours", "http_dlt", rows, runs, url)


def _load(rows: int, runs: int) -> dict[str, Any]:
    """The server is the tests' own, with the settings of production."""
    from tests.postgres_server import running

    with running(is_durable=True) as server:
        found = compared("load_ours", "load_row_by_row", rows, runs, server.dsn(), server.cpu_seconds)
    for who in ("load_ours", "load_row_by_row"):
        found[who]["rows_per_second"] = round(rows / found[who]["wall_seconds"])
    return found


def _fresh(name: str, rows: int, url: str, elsewhere: Callable[[], float]) -> dict[str, Any]:
    if not name.startswith("http"):
        return measured(name, rows, url, elsewhere)
    with tempfile.TemporaryDirectory() as home:
        before = os.environ["URBANBRAIN_HOME"]
        os.environ["URBANBRAIN_HOME"] = home
        try:
            return measured(name, rows, url)
        finally:
            os.environ["URBANBRAIN_HOME"] = before


def markdown(report: dict[str, Any]) -> str:
    lines = [
        "# Measures",
        "",
        f"{report['machine']}; {', '.join(report['packages'])}. Medians; ours first, then the rival.",
        "",
    ]
    lines += ["| measure | rows | who | CPU s | wall s | peak MB |", "|---|---:|---|---:|---:|---:|"]
    for title, found in report["measures"].items():
        for who in [name for name in found if isinstance(found[name], dict) and name != "ratio"]:
            figures = " | ".join(f"{found[who][figure]:,.2f}" for figure in FIGURES)
            lines.append(f"| {title} | {found['rows']:,} | {who} | {figures} |")
            if "rows_per_second" in found[who]:
                lines.append(f"| {title} | | {who} | | {found[who]['rows_per_second']:,} rows a second | |")
        if "ratio" not in found:
            continue
        ratio = " | ".join(f"{found['ratio'][figure]:.2f}×" for figure in FIGURES)
        lines.append(f"| {title} | | **ratio** | {ratio} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gate-rows", type=int, default=5_000_000)
    parser.add_argument("--http-rows", type=int, default=1_000_000)
    parser.add_argument("--link-rows", type=int, default=5_000)
    parser.add_argument("--load-rows", type=int, default=500_000)
    parser.add_argument("--year-rows", type=int, default=1_500_000)
    parser.add_argument("--office-rows", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--only",
        choices=("gate", "http", "link", "load", "office", "year"),
        help="one measure instead of all",
    )
    given = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "packages": [f"{name} {version(name)}" for name in PACKAGES],
        "measures": {},
    }
    with tempfile.TemporaryDirectory() as home:
        os.environ["URBANBRAIN_HOME"] = home
        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "gate": lambda: compared("gate_ours", "gate_by_hand", given.gate_rows, given.runs),
            "http": lambda: _http(given.http_rows, given.runs),
            "link": lambda: compared("link_ours", "link_every_pair", given.link_rows, given.runs),
            "load": lambda: _load(given.load_rows, given.runs),
            "office": lambda: compared("office_ours", "office_duckdb", given.office_rows, given.runs),
            "year": lambda: alone("link_year", given.year_rows),
        }
        for title, measure in measures.items():
            if given.only in (None, title):
                print(title, flush=True)
                report["measures"][title] = measure()
    OUT.mkdir(exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (OUT / "bench.md").write_text(markdown(report), encoding="utf-8")
    print(markdown(report))


if __name__ == "__main__":
    main()
