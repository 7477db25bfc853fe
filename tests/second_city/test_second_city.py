"""A second city runs through the same code by contracts, reference files and SQL alone."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines import database, lake, run
from pipelines.cli import app
from pipelines.decisions import batches
from pipelines.decisions.batches import BatchDecision
from pipelines.errors import NotBuilt
from pipelines.run import warehouse

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).parent / "project"
_ALWAYS = ("huitian", "beijing", "changping", "huilongguan", "tiantong", "回天", "1101")
_SHORTEST_NAME = 2


def asked(*arguments: str) -> list[dict[str, str]]:
    """What `urbanbrain sql` answers, as rows of text."""
    answer = CliRunner().invoke(app, ["sql", "--format", "csv", *arguments])

    assert answer.exit_code == 0, answer.output
    return list(csv.DictReader(io.StringIO(answer.stdout)))


def test_it_is_contracts_reference_files_and_sql_and_nothing_else() -> None:
    assert {".yaml", ".csv", ".sql"} == {path.suffix for path in PROJECT.rglob("*") if path.is_file()}


def test_every_row_is_in_one_place(clarim: Any) -> None:
    assert {
        "city_pedidos": (7, 4, 3, 0, 0),
        "street_ruido": (5, 3, 2, 0, 0),
    } == {
        feed: tuple(counts[name] for name in ("received", "validated", "quarantined", "duplicate", "refused"))
        for feed, counts in clarim.counts.items()
    }
    assert {"batches": 2, "differences": 0} == clarim.checked


def test_a_day_is_a_day_of_its_own_clock(clarim: Any) -> None:
    counts = clarim.counts["street_ruido"]

    assert ("2026-10-25T00:00:00+00:00", "2026-10-26T01:00:00+00:00") == (
        counts["window_start"],
        counts["window_end"],
    )


def test_codes_of_letters_and_names_of_its_own_are_resolved(in_clarim: Any) -> None:
    with database.writer(lake.warehouse_file()) as connection:
        rows = connection.execute(
            "select pedido_id, street_code, _area_method, subject from city.pedidos order by pedido_id"
        ).fetchall()

    assert [
        ("VC/0001", "7E02", "alias", "light"),
        ("VC/0002", "7E02", "code", "waste"),
        ("VC/0003", "B3", "prefix_alias", "waste"),
        ("VC/0004", "Q-11", "alias", "road"),
    ] == rows


def test_each_bad_row_is_kept_with_its_reasons(in_clarim: Any) -> None:
    with database.writer(lake.warehouse_file()) as connection:
        rows = connection.execute(
            "select feed_id, _row, list_sort(list_transform(reasons, lambda reason: reason.rule)) "
            "from (select feed_id, row_number as _row, reasons from ops.quarantine) order by all"
        ).fetchall()

    assert [
        ("city_pedidos", 5, ["area:street_code"]),
        ("city_pedidos", 6, ["enum:subject"]),
        ("city_pedidos", 7, ["pattern:pedido_id", "type:reported_at"]),
        ("street_ruido", 4, ["area:street_code"]),
        ("street_ruido", 5, ["type:noise_db"]),
    ] == rows


def test_a_callers_number_is_nowhere_but_encrypted_in_landing(in_clarim: Any) -> None:
    with database.writer(lake.warehouse_file()) as connection:
        rows = dict(connection.execute("select pedido_id, caller_ref from city.pedidos").fetchall())

    assert rows["VC/0001"].startswith("26_")
    assert rows["VC/0002"] == "withheld"
    assert rows["VC/0004"] is None
    for file in in_clarim.home.rglob("*"):
        if file.is_file():
            assert b"912 000 111" not in file.read_bytes(), file.name


def test_its_own_tables_are_built_and_released(in_clarim: Any) -> None:
    assert {"done": "rebuilt", "rows": 4} == in_clarim.built["governance.street_day"]
    assert [
        {"street_code": "7E02", "day": "2026-10-25", "open_count": "1", "pedido_count": "2", "noise_db_max": "70.0"},
        {"street_code": "B3", "day": "2026-10-24", "open_count": "1", "pedido_count": "1", "noise_db_max": ""},
        {"street_code": "B3", "day": "2026-10-25", "open_count": "0", "pedido_count": "0", "noise_db_max": "48.25"},
        {"street_code": "Q-11", "day": "2026-10-24", "open_count": "1", "pedido_count": "1", "noise_db_max": ""},
    ] == asked("select * from governance.street_day order by all")  # fmt: skip


def test_each_of_its_streets_has_an_office_file(in_clarim: Any) -> None:
    manifest = json.loads((in_clarim.release / "manifest.json").read_text(encoding="utf-8"))

    assert "Atlantic/Azores" == manifest["timezone"]
    assert ["7E02", "B3"] == sorted(path.name for path in (in_clarim.release / "offices").iterdir())
    assert [
        {
            "pedido_id": "VC/0002",
            "subject": "waste",
            "pedido_status": "done",
            "reported_local": "2026-10-25 09:10:00",
        },
        {
            "pedido_id": "VC/0001",
            "subject": "light",
            "pedido_status": "open",
            "reported_local": "2026-10-25 08:30:00",
        },
    ] == asked("--office", "7E02", "select * from meus_pedidos")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["feeds"], "Pedidos dos moradores"),
        (["check"], "governance.street_day"),
        (["tables"], "O que cada freguesia teve em cada dia."),
        (["status", "--at", "2026-10-26T01:00"], "street_ruido"),
        (["trace", "city.pedidos", "VC/0001"], "row 1"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_works_there(in_clarim: Any, command: list[str], shown: str) -> None:
    answer = CliRunner().invoke(app, command)

    assert answer.exit_code == 0, (answer.output, answer.exception)
    assert shown in answer.output


def places() -> Iterator[str]:
    """Every code and name of the first city's areas, as its own reference files write them."""
    reference = ROOT / "contracts" / "reference"
    for name, columns in (("areas", ("area_code", "area_name")), ("area_aliases", ("alias",))):
        with (reference / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield from (row[column] for column in columns if len(row[column]) >= _SHORTEST_NAME)


def test_no_python_outside_the_sample_city_knows_the_first_city() -> None:
    known = re.compile("|".join(map(re.escape, sorted({*_ALWAYS, *places()}))), re.IGNORECASE)
    files = [
        path
        for room in ("pipelines", "dags")
        for path in sorted((ROOT / room).rglob("*.py"))
        if "samplecity" not in path.parts
    ]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in known.finditer(line)
    ]

    assert files
    assert [] == found


def test_a_decision_between_build_and_publish_is_built_before_it_is_published(
    clarim: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(clarim.home, home)
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(clarim.project))
    decided = BatchDecision(
        "city_pedidos",
        "0" * 16,
        "1.0.0",
        "rejected",
        datetime(2026, 10, 26, tzinfo=UTC),
        "desk",
        "why",
        "airflow",
    )
    batches.write(decided)

    with pytest.raises(NotBuilt, match="run `urbanbrain build` first"):
        run.publish()
    meanwhile = iter([replace(decided, batch_id="1" * 16), replace(decided, batch_id="2" * 16)])
    check = warehouse.check

    def checked() -> dict[str, int]:
        """Somebody decides the next batch while this one is caught up with."""
        for each in itertools.islice(meanwhile, 1):
            batches.write(each)
        return check()

    monkeypatch.setattr(warehouse, "check", checked)
    published = run.publish(catch_up=True)

    assert [] == list(meanwhile)
    assert published != str(clarim.release)
    assert published == run.publish()


def test_its_release_has_a_page_that_names_its_place(in_clarim: Any) -> None:
    page = (in_clarim.release / "index.html").read_text(encoding="utf-8")

    assert "Vila Clarim" in page
    assert "tables/governance.street_day.parquet" in page
    assert [] == [word for word in _ALWAYS if word in page.lower()]
