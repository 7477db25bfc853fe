"""Where in a community something is: a building and a side of it, in words and on the ground.

A spot is a number below SPOTS. Spots of one building lie some twenty metres apart, buildings fifty, communities
three hundred: near enough to be mistaken for each other, far enough to be told apart.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from pipelines.samplecity.wire import numbered
from pipelines.samplecity.world import COMMUNITY_STREET, STREETS, Floats, Ints, Objects

_SIDES = np.array(["北侧", "南门外", "东侧便道", "西侧"], dtype=object)
_BUILDINGS = 30
SPOTS = _BUILDINGS * len(_SIDES)
_TURNS, _A_DAY, _STRIDE = 3, 4, 41  # the stride shares no factor with the spots, so all of them are met
_EAST, _NORTH = 1 / 85_200, 1 / 111_200  # degrees a metre, near enough to 40° north
_NOISE = 8.0
# Communities of a street in rows of five around its middle, buildings of a community in rows of six.
_PLACE = np.arange(len(COMMUNITY_STREET)) - np.searchsorted(COMMUNITY_STREET, COMMUNITY_STREET)
_MIDDLE_LON = np.array([s.lon for s in STREETS])[COMMUNITY_STREET] + (_PLACE % 5 - 2) * 330 * _EAST
_MIDDLE_LAT = np.array([s.lat for s in STREETS])[COMMUNITY_STREET] + (_PLACE // 5 - 2.5) * 330 * _NORTH
_SIDE_EAST, _SIDE_NORTH = np.array([0.0, 0.0, 15.0, -15.0]), np.array([15.0, -15.0, 0.0, 0.0])


def drawn(day: date, community: Ints, category: Ints, turn: int) -> Ints:
    """A spot for each problem that begins on `day`; `turn` tells the sources of the city apart.

    Problems of one class and community take turns over the spots, so that two of them never share one within
    days: nobody could tell those apart, and a truth that does would be no truth.
    """
    group = community * 1000 + category
    order = np.argsort(group, kind="stable")
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    first = (day.toordinal() * _TURNS + turn) * _A_DAY
    return np.asarray((group * 13 + (first + place) * _STRIDE) % SPOTS)


def building(spot: Ints) -> Ints:
    """The number of the building, from 1."""
    return np.asarray(1 + spot // len(_SIDES))


def side(spot: Ints) -> Objects:
    """The side of the building."""
    return np.asarray(_SIDES[spot % len(_SIDES)], dtype=object)


def words(spot: Ints) -> Objects:
    """The spot as people name it, `3号楼北侧`."""
    return np.asarray(numbered("", building(spot), 1) + "号楼" + side(spot), dtype=object)


def points(community: Ints, spot: Ints, salt: Ints) -> tuple[Floats, Floats]:
    """Longitude and latitude, WGS-84, as a telephone finds them: up to eight metres off, the same for one salt."""
    number, facing = spot // len(_SIDES), spot % len(_SIDES)
    east = (number % 6 - 2.5) * 50 + _SIDE_EAST[facing] + _NOISE * (salt % 2001 - 1000) / 1000
    north = (number // 6 - 2) * 50 + _SIDE_NORTH[facing] + _NOISE * (salt // 2003 % 2001 - 1000) / 1000
    return _MIDDLE_LON[community] + east * _EAST, _MIDDLE_LAT[community] + north * _NORTH
