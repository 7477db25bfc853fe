"""One reader that asks the same question again and again: until a file appears, and once more after that.

    python reading.py <kind> <question> <file that ends it>

An answer is a line on standard output: `{"seconds": …, "release": id or null, "values": […]}`; what went wrong is
`{"error": …}`. CURRENT is resolved once a question. Kinds: `sql` the command, `office` DuckDB on an office file,
`pandas` and `pyarrow` on the open tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines import settings

OFFICE = "110114010"
TABLES = (
    "governance.street_scorecard",
    "governance.incidents_hourly",
    "governance.service_supply",
    "ops.batches",
)
_BREATH = 0.5
"""Between two questions of a reader, who looks at the answer."""
_PAUSE = 0.05
"""Between two tables of a question: whoever resolves CURRENT twice meets another release."""

Answer = tuple[str | None, list[Any]]


def resolved() -> Path:
    releases = settings.home() / "releases"
    return releases / (releases / "CURRENT").read_text(encoding="utf-8").strip()


def by_command(question: str) -> Answer:
    words = ["sql", "--office", OFFICE, "--format", "json", question]
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr}")
    (row,) = json.loads(done.stdout)
    return None, list(row.values())


def by_office_file(question: str) -> Answer:
    import duckdb

    release = resolved()
    with duckdb.connect(str(release / "offices" / OFFICE / f"{OFFICE}.duckdb"), read_only=True) as connection:
        time.sleep(_PAUSE)
        return release.name, list(connection.execute(question).fetchall()[0])


def by_pandas(_: str) -> Answer:
    import pandas

    return _of_tables(lambda file: len(pandas.read_parquet(file)))


def by_pyarrow(_: str) -> Answer:
    import pyarrow.dataset

    return _of_tables(lambda file: pyarrow.dataset.dataset(str(file)).to_table().num_rows)


def _of_tables(rows: Callable[[Path], int]) -> Answer:
    release = resolved()
    values: list[Any] = []
    for table in TABLES:
        values.append(rows(release / "tables" / f"{table}.parquet"))
        time.sleep(_PAUSE)
    values.append(json.loads((release / "datapackage.json").read_text(encoding="utf-8"))["id"])
    return release.name, values


KINDS: dict[str, Callable[[str], Answer]] = {
    "sql": by_command,
    "office": by_office_file,
    "pandas": by_pandas,
    "pyarrow": by_pyarrow,
}


def main(kind: str, question: str, end: str) -> None:
    is_last = False
    while not is_last:
        is_last = Path(end).exists()
        began = time.monotonic()
        try:
            release, values = KINDS[kind](question)
            said = {"release": release, "values": values}
        except Exception:  # noqa: BLE001 – whatever it was, it is told
            said = {"error": traceback.format_exc()}
        print(json.dumps({"seconds": round(time.monotonic() - began, 3), **said}), flush=True)
        time.sleep(_BREATH)


if __name__ == "__main__":
    main(*sys.argv[1:])
