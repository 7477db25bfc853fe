"""A square answers as the polygon itself would, and a file that is no boundary file says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from pipelines import settings
from pipelines.areas import boundaries
from pipelines.errors import SettingError

REAL = settings.project().parent / "shared" / "data" / "boundaries" / "huitian_streets.geojson"
DEGREE = 0.01

SHAPES = {
    "A": "POLYGON ((0 0, 2 0, 2 1, 1 1, 1 2, 0 2, 0 0))",
    "B": "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1), (1.4 1.4, 1.6 1.4, 1.6 1.6, 1.4 1.6, 1.4 1.4))",
    "C": "MULTIPOLYGON (((2 0, 3 0, 3 3, 2 3, 2 0)), ((1.45 1.45, 1.55 1.45, 1.5 1.55, 1.45 1.45)))",
    "D": "POLYGON ((0 2, 2 2.0003, 2 3, 0.001 3, 0.7 2.5, 0 2))",
    "E": "POLYGON ((5 5, 5.0001 5, 5.0001 5.0001, 5 5))",
}


def _collection(shapes: dict[str, str], key: str = "code", **more: Any) -> dict[str, Any]:
    """The shapes, shrunk from units to hundredths of a degree, somewhere near Beijing."""
    features = []
    for code, text in shapes.items():
        shape = shapely.transform(shapely.from_wkt(text), lambda xy: np.array([116.3, 40.0]) + xy * DEGREE)
        geometry = json.loads(shapely.to_geojson(shape))
        features.append(
            {"type": "Feature", "geometry": geometry, "properties": {"name": "x", key: code, **more}}
        )
    return {"type": "FeatureCollection", "features": features}


def _file(folder: Path, content: Any) -> Path:
    path = folder / "areas.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def _brute(found: boundaries.Boundaries, lon: Any, lat: Any) -> Any:
    answer = np.full(len(lon), -1)
    for place in reversed(range(len(found.codes))):
        answer[shapely.intersects_xy(found.polygons[place], lon, lat)] = place
    return answer


def test_squares_answer_as_the_polygons_would(tmp_path: Path) -> None:
    found = boundaries.read(_file(tmp_path, _collection(SHAPES)), set(SHAPES))
    dice = np.random.default_rng(3)
    lon, lat = 116.3 + DEGREE * dice.uniform(-1, 6, 300_000), 40.0 + DEGREE * dice.uniform(-1, 6, 300_000)
    answer = found.find(lon, lat)

    assert tuple(sorted(SHAPES)) == found.codes
    assert set(range(-1, 4)) <= set(answer)
    np.testing.assert_array_equal(_brute(found, lon, lat), answer)


def test_points_on_borders_and_corners_belong_to_the_lower_code(tmp_path: Path) -> None:
    found = boundaries.read(_file(tmp_path, _collection(SHAPES)), set(SHAPES))
    lon, lat = shapely.get_coordinates(found.polygons).T

    np.testing.assert_array_equal(_brute(found, lon, lat), found.find(lon, lat))
    assert "A" == found.codes[int(found.find(np.array([116.315]), np.array([40.01]))[0])]


def test_areas_that_overlap_give_the_lower_code(tmp_path: Path) -> None:
    both = {"B": "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", "A": "POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))"}
    found = boundaries.read(_file(tmp_path, _collection(both)), set(both))
    dice = np.random.default_rng(3)
    lon, lat = 116.3 + DEGREE * dice.uniform(0, 3, 50_000), 40.0 + DEGREE * dice.uniform(0, 3, 50_000)

    np.testing.assert_array_equal(_brute(found, lon, lat), found.find(lon, lat))


def test_points_that_are_no_points_lie_nowhere(tmp_path: Path) -> None:
    found = boundaries.read(_file(tmp_path, _collection(SHAPES)), set(SHAPES))
    lon = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300, 40.0, 440_000.0])
    lat = np.array([40.0, 40.0, np.nan, 0.0, -1e300, 116.3, 4_436_000.0])

    assert [-1] * 7 == list(found.find(lon, lat))
    assert [] == list(found.find(np.array([]), np.array([])))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not GeoJSON"),
        ("{}", "is not GeoJSON"),
        (
            '{"features": [{"geometry": null, "properties": {"code": "A"}}]}',
            "is not GeoJSON|should hold polygons",
        ),
        (_collection({"A": "POINT (1 1)"}), "should hold polygons"),
        (_collection({"Z": SHAPES["A"]}), "no property of .* is an area code of the register"),
        ({"type": "FeatureCollection", "features": []}, "no property"),
    ],
)
def test_a_file_that_is_no_boundary_file_says_so(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        boundaries.read(_file(tmp_path, content), {"A"})


def test_a_file_in_metres_says_so(tmp_path: Path) -> None:
    metres = _collection({"A": "POLYGON ((0 0, 1e9 0, 1e9 1e9, 0 0))"})
    with pytest.raises(SettingError, match="not in degrees"):
        boundaries.read(_file(tmp_path, metres), {"A"})


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        boundaries.read(tmp_path / "no.geojson", {"A"})


@pytest.mark.skipif(not REAL.is_file(), reason="the real boundaries are not in ../shared/data")
def test_real_streets_answer_alike_and_ask_outlines_about_few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point far from a border costs a look into a grid; only the others are compared with an outline."""
    asked: list[int] = []
    intersects = shapely.intersects_xy
    monkeypatch.setattr(
        shapely, "intersects_xy", lambda shape, x, y: asked.append(np.size(x)) or intersects(shape, x, y)
    )
    codes = {f"1101140{number:02}" for number in range(7, 14)}
    found = boundaries.read(REAL, codes)
    dice = np.random.default_rng(3)
    lon, lat = dice.uniform(116.25, 116.45, 1_000_000), dice.uniform(40.03, 40.12, 1_000_000)
    answer = found.find(lon, lat)
    doubtful = sum(asked)

    np.testing.assert_array_equal(_brute(found, lon, lat), answer)
    assert 7 == len(set(answer) - {-1})
    assert 0 < doubtful < 100_000
