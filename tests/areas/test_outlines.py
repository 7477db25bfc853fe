"""A parcel on two streets is part of both, by the area of its outline in each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely

from pipelines.areas import boundaries


def square(west: float, south: float, side: float, *holes: list[tuple[float, float]]) -> dict[str, Any]:
    east, north = west + side, south + side
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [ring, *holes]}


def two_streets() -> boundaries.Boundaries:
    shapes = [square(116.30, 40.0, 0.02), square(116.32, 40.0, 0.02)]
    return boundaries.index(
        ["110114011", "110114012"], np.array([shapely.from_geojson(json.dumps(shape)) for shape in shapes])
    )


def divided(*texts: str | None) -> list[tuple[int, int, float]]:
    row, place, share = two_streets().parts(np.array(texts, dtype=object))
    return sorted(zip(row.tolist(), place.tolist(), share.tolist(), strict=True))


def test_each_street_has_its_part_of_an_outline() -> None:
    across = square(116.3185, 40.005, 0.002)  # three quarters of it are west of 116.32
    outside = square(116.339, 40.005, 0.002)  # half of it is in no street
    nowhere = square(117.0, 41.0, 0.002)
    several = {
        "type": "MultiPolygon",
        "coordinates": [
            square(116.305, 40.005, 0.001)["coordinates"],
            square(116.325, 40.005, 0.001)["coordinates"],
        ],
    }

    assert [(0, 0, 0.75), (0, 1, 0.25), (1, 1, 0.5), (3, 0, 0.5), (3, 1, 0.5)] == divided(
        *(json.dumps(shape) for shape in (across, outside, nowhere, several))
    )


def test_what_is_no_polygon_has_no_part() -> None:
    crossed = json.dumps(
        {
            "type": "Polygon",
            "coordinates": [
                [
                    (116.305, 40.001),
                    (116.306, 40.002),
                    (116.306, 40.001),
                    (116.305, 40.002),
                    (116.305, 40.001),
                ]
            ],
        }
    )
    point = '{"type":"Point","coordinates":[116.305,40.001]}'
    flat = json.dumps(square(116.305, 40.001, 0))

    assert [(5, 0, 1.0)] == divided(None, "", "{}", point, flat, crossed)
    assert [] == divided()


def test_a_parcel_shares_the_border_of_two_streets_without_a_sliver() -> None:
    beside = square(116.32, 40.005, 0.002)

    assert [(0, 1, 1.0)] == divided(json.dumps(beside))
