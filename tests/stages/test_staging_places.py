"""From what a source sends to what is kept: points in WGS-84, areas by every word of a row, faults in plain words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from let_in import let_in

from pipelines import areas, run, settings
from pipelines.areas import coordinates
from pipelines.connectors import Pulled
from pipelines.contract.model import Contract, Server
from pipelines.lake import ROWS, Window
from pipelines.receipt import Receipt
from pipelines.stages import landing

FEED = "district_grid_cases"
RECORDED = Path(__file__).resolve().parents[1] / "feeds" / FEED / "cases.csv"
CITY = "edition_on,code,name,streetCode\n2020-06-30,110114011001,龙博苑社区居委会,110114011\n"


def sent(changes: list[dict[str, str]]) -> bytes:
    """Rows of the grid centre, each a sound one with some cells changed."""
    rows = list(csv.reader(io.StringIO(RECORDED.read_bytes().decode("gb18030"))))
    header, sound = rows[0], dict(zip(rows[0], rows[2], strict=True))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\r\n")
    writer.writeheader()
    for number, change in enumerate(changes):
        writer.writerow({**sound, "案卷号": f"CP2611140{number:05}", **change})
    return f"{text.getvalue()}#rows={len(changes)}\r\n".encode("gb18030")


def judged(
    changes: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[dict[str, Any]], ...]:
    """Validated and quarantined rows, and the warnings of the batch."""

    def pull(contract: Contract, server: Server, window: Window, keep: Any, **_: Any) -> Pulled:
        keep(sent(changes), server.format)
        return Pulled(source="recorded", request_id="recorded")

    monkeypatch.setattr(landing, "pull", pull)
    folder = Path(let_in(run.land(FEED, "2026-11-17", None, "2026-11-18T00:40+08:00")))
    receipt = Receipt.read(folder)
    found = []
    for place in (folder, receipt.batch.folder("quarantine")):
        answer = duckdb.sql(f"from read_parquet('{place / ROWS}') order by _row_number")
        found.append([dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()])
    return *found, list(receipt.warnings)


def test_a_point_sent_in_gcj02_is_kept_in_wgs84(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,), quarantined, _ = judged([{"经度": "116.336081", "纬度": "40.070758"}], monkeypatch)
    metres = coordinates.metres_between(
        np.array([row["lon"]]), np.array([row["lat"]]), np.array([116.3299222]), np.array([40.0694361])
    )

    assert [] == quarantined
    assert np.hypot(*metres)[0] < 1


@pytest.mark.parametrize(
    ("lon", "lat", "rules", "words"),
    [
        ("0", "0", {"range:lon", "range:lat"}, "0, 0 means the device had none"),
        ("40.07", "116.33", {"range:lon", "range:lat"}, "here they are swapped"),
        ("11620.1", "4004.2", {"range:lon", "range:lat"}, "degrees and minutes written as one number"),
        ("440123.5", "4436123.5", {"range:lon", "range:lat"}, "metres of a projected system"),
        ("118.2", "40.07", {"range:lon"}, "a number between 115.4 and 117.6"),
        ("116°20'09\"", "40°04'15\"", {"type:lon", "type:lat"}, "not degrees and minutes"),
    ],
)
def test_a_point_that_is_none_is_quarantined_in_words(
    monkeypatch: pytest.MonkeyPatch, lon: str, lat: str, rules: set[str], words: str
) -> None:
    validated, (row,), _ = judged([{"经度": lon, "纬度": lat}], monkeypatch)

    assert [] == validated
    assert rules == {reason["rule"] for reason in row["reasons"]}
    for reason in row["reasons"]:
        assert words in reason["expected_en"]
        assert reason["expected_zh"]
    assert (lon, lat) == (json.loads(row["received"])["lon"], json.loads(row["received"])["lat"])


def test_an_organisation_in_the_street_column_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _, (office, typo), _ = judged([{"街道": "区城管委"}, {"街道": "火星街道"}], monkeypatch)

    assert ["area:street_code"] == [reason["rule"] for reason in office["reasons"]]
    assert "not an organisation" in office["reasons"][0]["expected_en"]
    assert "不是部门或单位" in office["reasons"][0]["expected_zh"]
    assert "区城管委" == office["reasons"][0]["found"]
    assert "existed on the day" in typo["reasons"][0]["expected_en"]


def test_communities_of_a_loaded_edition_help_a_row_on(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    lost = {"街道": "回龙观镇", "社区": "龙博苑社区", "地址描述": "南门外"}
    validated, quarantined, _ = judged([lost], monkeypatch)

    assert (0, 1) == (len(validated), len(quarantined))

    home.mkdir(exist_ok=True)
    path = home / "edition.csv"
    path.write_text(CITY, encoding="utf-8")
    areas.load_edition(settings.project() / "contracts" / "reference", path, None, warehouse=None, feeds=())
    (row,), quarantined, _ = judged([{**lost, "备注": "又报"}], monkeypatch)

    assert [] == quarantined
    assert ("110114011", "community_alias") == (row["street_code"], row["_area_method"])
    assert row["_area_confidence"] < 1
    assert ["street_code:retired_name", "street_code:found_by_community"] == row["_dq_flags"]


def test_points_that_lie_elsewhere_than_they_say_warn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ring = [(116.30, 40.0), (116.32, 40.0), (116.32, 40.02), (116.30, 40.02), (116.30, 40.0)]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"code": "110114010"},
    }
    path = tmp_path / "streets.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    monkeypatch.setenv("URBANBRAIN_BOUNDARIES", str(path))
    dice = np.random.default_rng(2)
    lon, lat = dice.uniform(116.30, 116.32, 200), dice.uniform(40.0, 40.02, 200)
    right = coordinates.from_wgs84(lon, lat, "gcj02")
    for (x, y), expected in (
        (right, []),
        ((lon, lat), ["wgs84 declared as gcj02"]),
        (coordinates.from_wgs84(*right, "gcj02"), ["gcj02 applied twice"]),
    ):
        rows = [
            {"街道": "霍营街道", "经度": f"{a:.6f}", "纬度": f"{b:.6f}"} for a, b in zip(x, y, strict=True)
        ]
        _, _, warnings = judged(rows, monkeypatch)
        told = [line for line in warnings if "lie in the area their row names" in line]

        assert len(expected) == len(told)
        assert all(f"looks like {words}" in line for words, line in zip(expected, told, strict=True))
