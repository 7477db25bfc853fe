"""Through the gate: a recorded parcel is divided among the streets its outline lies in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from recorded import replay

from pipelines.receipt import Receipt

FOLDER = Path(__file__).parent / "district_green_spaces"


def strip(code: str, west: float, east: float) -> dict[str, Any]:
    """A feature from south to north of everything recorded."""
    ring = [(west, 39.9), (east, 39.9), (east, 40.2), (west, 40.2), (west, 39.9)]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"code": code},
    }


def test_parcels_are_divided_where_boundaries_are_configured(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "streets.geojson"
    features = [strip("110114010", 116.35, 116.5), strip("110114011", 116.2, 116.35)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    without = shares(replay(FOLDER, monkeypatch))
    monkeypatch.setenv("URBANBRAIN_BOUNDARIES", str(path))
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "second"))
    divided = shares(replay(FOLDER, monkeypatch))

    assert {None} == set(without)
    assert None not in divided
    assert {"110114010=1.0000", "110114011=1.0000"} <= {entry for row in divided for entry in row or ()}


def shares(receipt: Receipt) -> list[tuple[str, ...] | None]:
    """What became of every row's outline, read while its home is still configured."""
    rows = receipt.batch.folder("validated") / "rows.parquet"
    found = duckdb.sql(f"select street_shares from '{rows}'").fetchall()
    return [None if entries is None else tuple(entries) for (entries,) in found]
