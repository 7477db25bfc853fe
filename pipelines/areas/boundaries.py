"""Which area a point lies in, and which an outline. The only module that knows polygons; none ships with the project.

Setting `URBANBRAIN_BOUNDARIES` names a GeoJSON file in WGS-84 (RFC 7946). The property whose values are all area
codes says which area a feature is. Squares of 100 m decide for most points; only points in a square that a border
crosses are tested against the polygon itself. A point on a common border belongs to the lower code.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingError

Degrees = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SHARE_DECIMALS = 4
"""Decimals of a part of an outline; what rounds to nothing is a line drawn twice, not a part."""
_CELL_METRES = 100.0
_METRES_PER_DEGREE = 111_320.0
_HALVINGS = 5
_DRAWN_WIDTH = 1000
_NEXT_STEP = (
    "URBANBRAIN_BOUNDARIES names a GeoJSON file of polygons in WGS-84, one property of which is the area code"
)


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Polygons of areas and the squares that answer for them. `find` gives places in `codes`."""

    codes: tuple[str, ...]
    polygons: npt.NDArray[np.object_]
    west: float
    south: float
    step: tuple[float, float]
    columns: int
    rows: int
    inside: tuple[Indices, Indices]
    """Squares wholly inside one area, sorted, and which area."""
    crossed: tuple[Indices, Indices]
    """Squares a border crosses, sorted, and each area that reaches into them."""

    def find(self, lon: Degrees, lat: Degrees) -> Indices:
        """For each point the place of its area in `codes`, -1 where it lies in none."""
        with np.errstate(invalid="ignore"):
            x = np.floor((lon - self.west) / self.step[0])
            y = np.floor((lat - self.south) / self.step[1])
            is_near = (x >= 0) & (x < self.columns) & (y >= 0) & (y < self.rows)
        cell = np.where(is_near, x, -1).astype(np.int64) * self.rows + np.where(is_near, y, 0).astype(
            np.int64
        )
        found = _looked_up(cell, *self.inside)
        self._test(found, np.asarray(lon), np.asarray(lat), cell)
        return found

    def parts(self, outlines: npt.NDArray[np.object_]) -> tuple[Indices, Indices, Degrees]:
        """Of each outline (GeoJSON text) the part in each area: its place in `outlines`, the area's, the share.

        Text that is no polygon has no part. The shares add up to less than 1 where an outline leaves all areas.
        """
        import shapely

        shapes = shapely.make_valid(shapely.from_geojson(outlines, on_invalid="ignore"))
        size = shapely.area(shapes)
        shapes[~(size > 0)] = None
        row, place = shapely.STRtree(self.polygons).query(shapes, predicate="intersects")
        inside = shapely.area(shapely.intersection(shapes[row], self.polygons[place]))
        share = np.round(inside / size[row], SHARE_DECIMALS)
        return row[share > 0], place[share > 0], share[share > 0]

    def _test(self, found: Indices, lon: Degrees, lat: Degrees, cell: Indices) -> None:
        """Fill in the points whose square a border crosses, highest code first so that the lowest stays."""
        import shapely

        cells, owners = self.crossed
        first, last = np.searchsorted(cells, cell, "left"), np.searchsorted(cells, cell, "right")
        doubtful = np.flatnonzero((found < 0) & (last > first))
        if not len(doubtful):
            return
        count = (last - first)[doubtful]
        point = np.repeat(doubtful, count)
        start = np.repeat(first[doubtful] - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
        owner = owners[start + np.arange(len(point))]
        for index in np.unique(owner)[::-1]:
            mine = point[owner == index]
            found[mine[shapely.intersects_xy(self.polygons[index], lon[mine], lat[mine])]] = index


def _looked_up(wanted: Indices, cells: Indices, owners: Indices) -> Indices:
    if not len(cells):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    return np.where(cells[place] == wanted, owners[place], -1)


def read(path: Path, codes: Collection[str]) -> Boundaries:
    """The polygons of a GeoJSON file whose area codes are among `codes`.

    Raises SettingError when the file is not there, holds no polygons, or no property tells the area codes.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise SettingError(
            f"the boundary file {path} cannot be read: {error.strerror}", next_step=_NEXT_STEP
        ) from None
    return _read(path, state.st_mtime_ns, state.st_size, frozenset(codes))


@dataclass(frozen=True)
class Outline:
    """An area to be drawn: rings of longitude and latitude, holes among them, and a point inside for its name."""

    rings: tuple[tuple[tuple[float, float], ...], ...]
    label: tuple[float, float]


def outlines(path: Path, known: Collection[str], codes: Collection[str]) -> dict[str, Outline]:
    """The areas of `codes` that the file has, simplified to what a picture 1,000 wide can show.

    `known` are all area codes. Raises SettingError as `read` does.
    """
    import shapely

    found = read(path, known)
    wanted = [place for place, code in enumerate(found.codes) if code in codes]
    if not wanted:
        return {}
    shapes = found.polygons[wanted]
    west, south, east, north = shapely.total_bounds(shapes)
    shapes = shapely.simplify(shapes, max(east - west, north - south) / _DRAWN_WIDTH)
    points = shapely.point_on_surface(shapes)
    drawn = {}
    for place, shape, point in zip(wanted, shapes, points, strict=True):
        rings = [
            tuple((float(x), float(y)) for x, y in shapely.get_coordinates(ring))
            for part in shapely.get_parts(shape)
            for ring in shapely.get_rings(part)
        ]
        drawn[found.codes[place]] = Outline(tuple(rings), (float(point.x), float(point.y)))
    return drawn


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int, codes: frozenset[str]) -> Boundaries:
    import shapely

    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        shapes = shapely.from_geojson([json.dumps(each["geometry"]) for each in features])
        properties = [each["properties"] for each in features]
    except (OSError, ValueError, TypeError, KeyError, shapely.errors.ShapelyError) as error:
        raise SettingError(
            f"the boundary file {path} is not GeoJSON: {type(error).__name__}", next_step=_NEXT_STEP
        ) from None
    named = _codes(path, properties, codes)
    is_polygon = np.isin(shapely.get_type_id(shapes), (3, 6))
    if not len(shapes) or not is_polygon.all():
        raise SettingError(
            f"the boundary file {path} should hold polygons; {int((~is_polygon).sum())} of its "
            f"{len(shapes)} features are none",
            next_step=_NEXT_STEP,
        )
    west, south, east, north = shapely.total_bounds(shapes)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise SettingError(
            f"the boundary file {path} is not in degrees: it reaches to {east:g}, {north:g}",
            next_step=_NEXT_STEP,
        )
    return index(named, shapely.make_valid(shapes))


def _codes(path: Path, properties: list[dict[str, Any]], codes: frozenset[str]) -> list[str]:
    """The area code of each feature, from the first property that has one everywhere."""
    for name in properties[0] if properties else ():
        values = [str(each.get(name)) for each in properties]
        if codes.issuperset(values):
            return values
    raise SettingError(
        f"no property of {path} is an area code of the register in every feature", next_step=_NEXT_STEP
    )


def index(codes: list[str], shapes: npt.NDArray[np.object_]) -> Boundaries:
    """Squares for polygons in degrees. Several polygons of one code are one area."""
    import shapely

    known = sorted(set(codes))
    named = np.array(codes, dtype=object)
    polygons = np.array([shapely.union_all(shapes[named == code]) for code in known], dtype=object)
    west, south, east, north = shapely.total_bounds(polygons)
    lat_step = _CELL_METRES / _METRES_PER_DEGREE
    lon_step = lat_step / float(np.cos(np.radians((south + north) / 2)))
    rows = int((north - south) / lat_step) + 2
    columns = int((east - west) / lon_step) + 2
    inside: list[tuple[Indices, Indices]] = []
    crossed: list[tuple[Indices, Indices]] = []
    for owner, polygon in enumerate(polygons):
        shapely.prepare(polygon)
        whole, cut = _cover(polygon, west, south, lon_step, lat_step)
        for cells, part in ((whole, inside), (cut, crossed)):
            part.append((cells[0] * rows + cells[1], np.full(len(cells[0]), owner, dtype=np.int64)))
    mine, others = _sorted(inside), _sorted(crossed)
    # Areas that overlap: a square is inside one only where no other area reaches into it.
    is_shared = np.isin(mine[0], others[0]) | _is_repeated(mine[0])
    others = _sorted([others, (mine[0][is_shared], mine[1][is_shared])])
    mine = mine[0][~is_shared], mine[1][~is_shared]
    return Boundaries(tuple(known), polygons, west, south, (lon_step, lat_step), columns, rows, mine, others)


def _cover(
    polygon: Any, west: float, south: float, lon_step: float, lat_step: float
) -> tuple[tuple[Indices, Indices], tuple[Indices, Indices]]:
    """Columns and rows of the squares inside a polygon, and of those its border crosses.

    Large squares are halved until they are small: a large one inside answers for all the small ones in it.
    """
    import shapely

    left, bottom, right, top = shapely.bounds(polygon)
    size = 2**_HALVINGS
    x0, x1 = int((left - west) / lon_step) // size, int((right - west) / lon_step) // size + 1
    y0, y1 = int((bottom - south) / lat_step) // size, int((top - south) / lat_step) // size + 1
    x, y = (axis.ravel() * size for axis in np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)))
    whole_x, whole_y = [], []
    while True:
        boxes = shapely.box(
            west + x * lon_step,
            south + y * lat_step,
            west + (x + size) * lon_step,
            south + (y + size) * lat_step,
        )
        is_whole = shapely.contains_properly(polygon, boxes)
        offset = np.arange(size)
        dx, dy = (axis.ravel() for axis in np.meshgrid(offset, offset))
        whole_x.append((x[is_whole][:, None] + dx).ravel())
        whole_y.append((y[is_whole][:, None] + dy).ravel())
        is_cut = ~is_whole & shapely.intersects(polygon, boxes)
        x, y = x[is_cut], y[is_cut]
        if size == 1:
            return (np.concatenate(whole_x), np.concatenate(whole_y)), (x, y)
        size //= 2
        x = np.concatenate([x, x + size, x, x + size])
        y = np.concatenate([y, y, y + size, y + size])


def _sorted(parts: list[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    cells = np.concatenate([np.asarray(part[0], dtype=np.int64) for part in parts])
    owners = np.concatenate([np.asarray(part[1], dtype=np.int64) for part in parts])
    order = np.lexsort((owners, cells))
    return cells[order], owners[order]


def _is_repeated(values: Indices) -> npt.NDArray[np.bool_]:
    """For sorted values: whether one stands there more than once."""
    same = values[1:] == values[:-1]
    alone = np.zeros(min(1, len(values)), dtype=bool)
    return np.asarray(np.concatenate([alone, same]) | np.concatenate([same, alone]), dtype=bool)
