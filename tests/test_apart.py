"""What works apart for us knows no secret, and is gone when the one who waits for it is, however that went."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import WarehouseError
from pipelines.publication.office_file import OfficePlan, OfficeTable, build_apart

BUILD = """
import sys
from pathlib import Path
from pipelines.publication.office_file import OfficePlan, OfficeTable, build_apart

folder = Path(sys.argv[1])
table = OfficeTable("main", "rows", (str(folder / "rows.parquet"),))
build_apart(OfficePlan(str(folder / "office.duckdb"), "office", (table,), ()), folder / "plan.json")
"""
PATIENCE = 120
"""Seconds after which something that has to happen is held not to."""


def child_of(process: subprocess.Popen[bytes]) -> int:
    children = [
        (thread / "children").read_text(encoding="ascii").split()
        for thread in Path(f"/proc/{process.pid}/task").iterdir()
    ]
    return int(next(child for each in children for child in each))


def test_an_office_file_is_built_no_longer_than_somebody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.parquet")  # reading it never ends
    process = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "office.duckdb").exists():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        child = child_of(process)
        known = Path(f"/proc/{child}/environ").read_bytes()
        watched = os.pidfd_open(child)
    finally:
        process.kill()
        process.wait(PATIENCE)
    try:
        assert select.select([watched], [], [], PATIENCE)[0]
    finally:
        os.close(watched)
    assert os.environ["URBANBRAIN_SECRET_LANDING"].encode() not in known
    assert b"URBANBRAIN" not in known and b"PYTHONPATH" in known


def test_an_office_file_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"no parquet")
    table = OfficeTable("main", "rows", (str(tmp_path / "rows.parquet"),))

    with pytest.raises(
        WarehouseError, match=r"office\.duckdb could not be built\n  .*too small to be a Parquet"
    ):
        build_apart(OfficePlan(str(tmp_path / "office.duckdb"), "", (table,), ()), tmp_path / "plan.json")
