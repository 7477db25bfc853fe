"""Points come back to where they were, whatever system they went through."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.areas import coordinates

METRE = 1.0


def _one(lon: float, lat: float) -> coordinates.Pair:
    return np.array([lon]), np.array([lat])


def _apart(one: coordinates.Pair, other: coordinates.Pair) -> float:
    return float(np.hypot(*coordinates.metres_between(*one, *other)).max())


def _beijing(count: int = 100_000) -> coordinates.Pair:
    dice = np.random.default_rng(5)
    return dice.uniform(115.4, 117.6, count), dice.uniform(39.4, 41.1, count)


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((116.3299222, 40.0694361), (116.336081, 40.070758)),
        ((116.42079, 39.90105), (116.42703, 39.90245)),
    ],
    ids=["Huilongguan station", "Beijing railway station"],
)
def test_known_points_are_where_the_maps_have_them(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    there = coordinates.from_wgs84(*_one(*wgs84), "gcj02")

    assert _apart(there, _one(*gcj02)) < METRE
    assert _apart(coordinates.to_wgs84(*_one(*gcj02), "gcj02"), _one(*wgs84)) < METRE


def test_the_shift_at_huilongguan_is_544_metres() -> None:
    station = _one(116.3299222, 40.0694361)

    assert round(_apart(station, coordinates.from_wgs84(*station, "gcj02")) - 544.3) == 0


@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09"])
def test_the_way_back_is_exact_to_a_millionth_of_a_metre(system: str) -> None:
    points = _beijing()
    back = coordinates.to_wgs84(*coordinates.from_wgs84(*points, system), system)

    assert _apart(points, back) < 1e-6


def test_baidu_lies_further_still() -> None:
    points = _beijing(1000)
    gcj02, bd09 = (coordinates.from_wgs84(*points, system) for system in ("gcj02", "bd09"))

    assert 300 < np.hypot(*coordinates.metres_between(*gcj02, *bd09)).mean() < 1500


def test_outside_china_nothing_moves() -> None:
    for lon, lat in ((0.0, 0.0), (-71.06, 42.36), (40.07, 116.33), (440_000.0, 4_436_000.0), (np.nan, 40.0)):
        for system in ("gcj02", "bd09"):
            there = coordinates.from_wgs84(*_one(lon, lat), system)
            back = coordinates.to_wgs84(*_one(lon, lat), system)

            np.testing.assert_array_equal([[lon], [lat]], there)
            np.testing.assert_array_equal([[lon], [lat]], back)


def test_no_points_are_no_points() -> None:
    none = np.array([], dtype=float)

    assert [0, 0] == [len(axis) for axis in coordinates.to_wgs84(none, none, "bd09")]
