"""Coordinate systems: whole columns to WGS-84 and back. Degrees, longitude first, as numpy arrays.

GCJ-02 moves points inside China by some 500 m, BD-09 moves GCJ-02 once more. Both are one-way formulas; the way
back is found by walking towards the point whose image is the one given. Outside China nothing moves.
Formulas: the public reconstruction of GCJ-02 (Krasovsky 1940 ellipsoid) and Baidu's published shift.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Degrees = npt.NDArray[np.float64]
Pair = tuple[Degrees, Degrees]

_RADIUS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323
_CHINA = (72.004, 137.8347, 0.8293, 55.8271)
_BAIDU_TURN = np.pi * 3000 / 180
_ROUNDS = 10
_METRES_PER_DEGREE = 111_195.0


def from_wgs84(lon: Degrees, lat: Degrees, system: str) -> Pair:
    """WGS-84 as `system` writes it: `wgs84`, `gcj02` or `bd09`."""
    if system == "wgs84":
        return lon, lat
    moved = _gcj02(lon, lat)
    if system == "bd09":
        moved = _bd09(*moved)
    is_inside = _is_in_china(lon, lat)
    return np.where(is_inside, moved[0], lon), np.where(is_inside, moved[1], lat)


def to_wgs84(lon: Degrees, lat: Degrees, system: str) -> Pair:
    """What `system` writes as WGS-84, exact to less than a thousandth of a millimetre."""
    if system == "wgs84":
        return lon, lat
    x, y = lon, lat
    for _ in range(_ROUNDS):
        there = from_wgs84(x, y, system)
        x, y = x + (lon - there[0]), y + (lat - there[1])
    is_inside = _is_in_china(lon, lat)
    return np.where(is_inside, x, lon), np.where(is_inside, y, lat)


def metres_between(lon: Degrees, lat: Degrees, other_lon: Degrees, other_lat: Degrees) -> Pair:
    """How far the other points lie east and north, in metres; right for points a few kilometres apart."""
    east = (other_lon - lon) * np.cos(np.radians(lat)) * _METRES_PER_DEGREE
    return east, (other_lat - lat) * _METRES_PER_DEGREE


def _is_in_china(lon: Degrees, lat: Degrees) -> npt.NDArray[np.bool_]:
    west, east, south, north = _CHINA
    return np.asarray((lon > west) & (lon < east) & (lat > south) & (lat < north))


def _gcj02(lon: Degrees, lat: Degrees) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    latitude = np.radians(lat)
    magic = 1 - _ECCENTRICITY * np.sin(latitude) ** 2
    north = np.degrees(north * magic * np.sqrt(magic) / (_RADIUS * (1 - _ECCENTRICITY)))
    east = np.degrees(east * np.sqrt(magic) / (_RADIUS * np.cos(latitude)))
    return lon + east, lat + north


def _bd09(lon: Degrees, lat: Degrees) -> Pair:
    far = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU_TURN)
    return far * np.cos(angle) + 0.0065, far * np.sin(angle) + 0.006
