"""A row lies where it says, by the first of its words that says anything; and says so when it was helped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from pipelines import contract, database, settings
from pipelines.areas import NEEDED, coordinates, places, reference

REFERENCE = settings.project() / "contracts" / "reference"
FEED = contract.load("district_grid_cases")
STREET = FEED.column("street_code")
COLUMNS = ("street_code__text", "community_name", "lon", "lat", "place_text", "day")
SINCE = "1900-01-01"
FOR_EVER = "9999-12-31"

# Code, name, street and life of a few communities; the last one was handed over on New Year's Day of 2022.
COMMUNITIES = (
    ("110114011001", "龙博苑社区居委会", "110114011", "2015-09-30", FOR_EVER),
    ("110114012001", "云趣园社区居委会", "110114012", "2015-09-30", FOR_EVER),
    ("110114010001", "华龙苑南里社区居委会", "110114010", "2012-12-31", FOR_EVER),
    ("110114011777", "迁建社区居委会", "110114011", "2015-09-30", "2022-01-01"),
    ("110114011777", "迁建社区居委会", "110114012", "2022-01-01", FOR_EVER),
)
NAMES = (
    ("龙博苑社区居委会", "official", "110114011001"),
    ("龙博苑社区", "official", "110114011001"),
    ("云趣园社区", "official", "110114012001"),
    ("云趣园", "short", "110114012001"),
    ("昌平区华龙苑南里社区", "official", "110114010001"),  # a name some other district has, too
)


@pytest.fixture(scope="module")
def register() -> Iterator[DuckDBPyConnection]:
    """The project's own areas and a few communities."""
    connection = database.memory()
    reference.load_files(connection, REFERENCE, only=NEEDED)
    for code, name, street, first, last in COMMUNITIES:
        connection.execute(
            "insert into ref.areas by name select ? as area_code, 'community' as area_level, ? as area_name, "
            "? as parent_area_code, true as is_in_scope, false as is_assessed, 'unknown' as date_basis, "
            "?::date as valid_from, ?::date as valid_to, 'test' as source",
            [code, name, street, first, last],
        )
    for name, kind, code in NAMES:
        connection.execute(
            "insert into ref.area_aliases by name select ? as alias, ? as alias_kind, ? as area_code, "
            "date '2015-09-30' as valid_from, date '9999-12-31' as valid_to, 0.9 as confidence, 'test' as source",
            [name, kind, code],
        )
    yield connection
    connection.close()


def locate(connection: DuckDBPyConnection, **row: Any) -> tuple[Any, ...]:
    """Code, method, confidence and flags of one row; what is not given is empty."""
    given = {
        "day": "2024-05-01",
        **{("street_code__text" if k == "street" else k): v for k, v in row.items()},
    }
    kinds = {"lon": "double", "lat": "double", "day": "date"}
    columns = ", ".join(f"?::{kinds.get(name, 'varchar')} as {name}" for name in COLUMNS)
    connection.execute(
        f"create or replace temp table typed as select 1 as _row_number, []::varchar[] as _dq_flags, {columns}",
        [given.get(name) for name in COLUMNS],
    )
    found = places.locate(connection, FEED, STREET, "typed", "street_code__text", "day")
    query = f"select area_code, area_method, round(area_confidence, 4), flags from {found}"
    return connection.execute(query).fetchall()[0]


@pytest.fixture
def bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two square streets side by side, 0.02 degrees each, as a boundary file."""
    features = []
    for code, west in (("110114011", 116.30), ("110114012", 116.32)):
        corners = [(west, 40.0), (west + 0.02, 40.0), (west + 0.02, 40.02), (west, 40.02), (west, 40.0)]
        geometry = {"type": "Polygon", "coordinates": [corners]}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"code": code}})
    path = tmp_path / "streets.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    monkeypatch.setenv("URBANBRAIN_BOUNDARIES", str(path))
    return path


def flags(*names: str) -> list[str]:
    return [f"street_code:{name}" for name in names]


def test_the_columns_own_code_and_name_come_first(register: DuckDBPyConnection, bounds: Path) -> None:
    others = {"community_name": "云趣园社区", "lon": 116.33, "lat": 40.01, "place_text": "云趣园社区3号楼"}

    assert ("110114010", "code", 1.0) == locate(register, street="110114010", **others)[:3]
    assert ("110114010", "alias", 1.0) == locate(register, street="霍营街道", **others)[:3]
    assert ("110114010", "prefix_alias", 0.95) == locate(register, street="北京市昌平区霍营", **others)[:3]


def test_what_the_community_says_against_the_street_is_flagged(register: DuckDBPyConnection) -> None:
    assert flags("community_elsewhere") == locate(register, street="霍营街道", community_name="云趣园社区")[3]
    assert [] == locate(register, street="龙泽园街道", community_name="云趣园社区")[3]
    assert [] == locate(register, street="龙泽园街道", community_name="不知道的社区")[3]


def test_a_community_tells_the_street_that_is_not_given(register: DuckDBPyConnection) -> None:
    assert ("110114012", "community_code", 1.0, flags("found_by_community")) == locate(
        register, community_name="110114012001"
    )
    assert ("110114012", "community_alias", 0.81, flags("found_by_community")) == locate(
        register, street="火星街道", community_name="云趣园"
    )


def test_a_name_other_districts_have_too_is_looked_up_in_ours(register: DuckDBPyConnection) -> None:
    assert "110114010" == locate(register, community_name="华龙苑南里社区")[0]


def test_a_point_and_an_address_come_after_that(register: DuckDBPyConnection, bounds: Path) -> None:
    here = {"lon": 116.31, "lat": 40.01}

    assert ("110114011", "coordinates", 0.8, flags("found_by_coordinates")) == locate(
        register, street="火星街道", place_text="云趣园社区3号楼", **here
    )
    assert ("110114012", "address", 0.63, flags("found_by_address")) == locate(
        register, place_text="北京市昌平区云趣园社区3号楼", lon=117.0, lat=40.0
    )


def test_an_address_counts_by_full_names_only(register: DuckDBPyConnection) -> None:
    assert "110114011" == locate(register, place_text="昌平区回龙观街道龙跃苑二区")[0]
    assert None is locate(register, place_text="回龙观东大街336号")[0]
    assert None is locate(register, place_text="昌平区")[0]
    assert None is locate(register, place_text="3号楼，云趣园社区")[0]


def test_without_boundaries_a_point_tells_nothing(register: DuckDBPyConnection) -> None:
    assert (None, None, None, []) == locate(register, lon=116.31, lat=40.01)


def test_a_point_tells_only_areas_that_lived(register: DuckDBPyConnection, bounds: Path) -> None:
    assert None is locate(register, lon=116.31, lat=40.01, day="2014-06-01")[0]


def test_a_retired_name_is_found_otherwise_or_not_at_all(register: DuckDBPyConnection, bounds: Path) -> None:
    late = {"street": "回龙观镇", "day": "2019-01-01"}

    assert (None, "historic_name") == locate(register, **late)[:2]
    assert "110114006" == locate(register, street="回龙观镇", day="2014-06-01")[0]
    for more, how in (
        ({"community_name": "龙博苑社区"}, "found_by_community"),
        ({"lon": 116.31, "lat": 40.01}, "found_by_coordinates"),
        ({"place_text": "龙博苑社区12号楼"}, "found_by_address"),
    ):
        code, _, sureness, said = locate(register, **late, **more)

        assert ("110114011", flags("retired_name", how)) == (code, said)
        assert sureness < 1


def test_an_organisation_is_no_area_whatever_else_is_known(
    register: DuckDBPyConnection, bounds: Path
) -> None:
    for name in ("区城管委", "市排水集团", "昌平区水务局", "霍营街道市民诉求处置中心"):
        assert None is locate(register, street=name, community_name="云趣园社区", lon=116.31, lat=40.01)[0]


def test_a_community_belongs_to_the_street_of_the_day(register: DuckDBPyConnection) -> None:
    before, after = {"day": "2021-12-31"}, {"day": "2022-01-01"}

    assert ("110114011", "community_code", 1.0, []) == locate(register, street="110114011777", **before)
    assert ("110114012", "community_code", 1.0, flags("community_moved")) == locate(
        register, street="110114011777", **after
    )
    assert ("110114011", []) == locate(
        register, street="回龙观街道", community_name="110114011777", **before
    )[::3]
    assert ("110114012", flags("community_moved")) == locate(
        register, street="回龙观街道", community_name="110114011777", **after
    )[::3]


def test_a_street_that_never_had_the_community_stays(register: DuckDBPyConnection) -> None:
    assert ("110114010", flags("community_elsewhere")) == locate(
        register, street="110114010", community_name="110114012001"
    )[::3]


def test_a_unit_named_before_it_began_to_work_is_flagged_for_attribution(
    register: DuckDBPyConnection,
) -> None:
    assert flags("before_operating") == locate(register, street="龙泽园街道", day="2016-01-01")[3]
    assert [] == locate(register, street="龙泽园街道", day="2019-06-22")[3]

    statistics = replace(STREET, area=replace(STREET.area, use="statistics"))
    register.execute("update typed set street_code__text = '龙泽园街道', day = date '2016-01-01'")
    found = places.locate(register, FEED, statistics, "typed", "street_code__text", "day")

    assert [("110114012", [])] == register.execute(f"select area_code, flags from {found}").fetchall()


def test_every_row_is_answered_once_in_a_large_batch(register: DuckDBPyConnection, bounds: Path) -> None:
    register.execute(
        "create or replace temp table typed as select i as _row_number, []::varchar[] as _dq_flags, "
        "['霍营', '回龙观镇', null, '区城管委', '110114011777', '火星'][i % 6 + 1] as street_code__text, "
        "['云趣园社区', null, '龙博苑', '110114011777'][i % 4 + 1] as community_name, "
        "116.28 + i % 70 / 1000 as lon, case when i % 5 > 0 then 40.01 end as lat, "
        "['云趣园社区1号楼', null, '回龙观街道'][i % 3 + 1] as place_text, date '2019-01-01' + (i % 2000)::int as day "
        "from range(50000) as numbers (i)"
    )
    found = places.locate(register, FEED, STREET, "typed", "street_code__text", "day")

    assert register.execute(
        f"select count(*), count(distinct row), count(*) filter (area_code is not null and area_method is null), "
        f"count(*) filter (area_code is null and area_confidence is not null) from {found}"
    ).fetchone() == (50000, 50000, 0, 0)


# Coordinate systems


def points(
    connection: DuckDBPyConnection, lon: Any, lat: Any, street: Any, system: str, claimed: str
) -> list[str]:
    """What is suspected of points that a source sends in `system` and a contract declares as `claimed`."""
    import pyarrow as pa

    feed = replace(FEED, crs=replace(FEED.crs, system=claimed))
    x, y = (lon, lat) if system == "twice" else coordinates.from_wgs84(lon, lat, system)
    if system == "twice":
        x, y = coordinates.from_wgs84(*coordinates.from_wgs84(lon, lat, "gcj02"), "gcj02")
    sent = pa.table({"lon": x, "lat": y, "street_code": street})
    connection.register("sent", sent)
    for table, kind in (("typed", "double"), ("cleaned", "varchar")):
        connection.execute(
            f"create or replace temp table {table} as select (row_number() over ())::bigint as _row_number, "
            f"lon::{kind} as lon, lat::{kind} as lat, street_code, []::varchar[] as _dq_flags, 'alias' as _area_method from sent"
        )
    places.convert(connection, feed, "typed", "cleaned")
    return places.suspicions(connection, feed, "typed")


def _scattered(count: int = 2000) -> tuple[Any, Any, Any]:
    """Points of two streets of some 1,700 m, and the street of each."""
    dice = np.random.default_rng(11)
    lon, lat = dice.uniform(116.30, 116.34, count), dice.uniform(40.0, 40.02, count)
    return lon, lat, np.where(lon < 116.32, "110114011", "110114012").astype(object)


@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09"])
def test_points_are_stored_in_wgs84_whatever_was_declared(
    register: DuckDBPyConnection, bounds: Path, system: str
) -> None:
    lon, lat, street = _scattered()

    assert [] == points(register, lon, lat, street, system, system)
    stored = register.execute("select lon, lat from typed order by _row_number").fetchnumpy()
    np.testing.assert_allclose(stored["lon"], lon, atol=1e-10)
    np.testing.assert_allclose(stored["lat"], lat, atol=1e-10)


@pytest.mark.parametrize(
    ("system", "claimed", "said"),
    [
        ("gcj02", "wgs84", "gcj02 declared as wgs84"),
        ("bd09", "wgs84", "bd09 declared as wgs84"),
        ("wgs84", "gcj02", "wgs84 declared as gcj02"),
        ("bd09", "gcj02", "bd09 declared as gcj02"),
        ("twice", "gcj02", "gcj02 applied twice"),
    ],
)
def test_a_wrong_system_shows_in_the_share_of_points_inside_their_street(
    register: DuckDBPyConnection, bounds: Path, system: str, claimed: str, said: str
) -> None:
    lon, lat, street = _scattered()
    (found,) = points(register, lon, lat, street, system, claimed)

    assert "of 2,000 points lie in the area their row names, expected at least 80%" in found
    assert f"looks like {said}" in found
    if system == "wgs84":
        assert (
            "-5" in found
        )  # some 525 m too far west: the fingerprint of a shift taken off that was not there
        assert "m east and -1" in found


def test_a_few_points_prove_nothing(register: DuckDBPyConnection, bounds: Path) -> None:
    lon, lat, street = _scattered(20)

    assert [] == points(register, lon, lat, street, "gcj02", "wgs84")


def test_the_wrong_streets_are_not_blamed_on_the_system(register: DuckDBPyConnection, bounds: Path) -> None:
    lon, lat, street = _scattered()
    (found,) = points(register, lon, lat, street[::-1].copy(), "wgs84", "wgs84")

    assert "expected at least 80%" in found
    assert "looks like" not in found


def test_empty_points_stay_empty(register: DuckDBPyConnection) -> None:
    register.execute(
        "create or replace temp table typed as select * from (values (1, null::double, 40.0::double), (2, 116.3, null), "
        "(3, null, null), (4, 0, 0), (5, 440000, 4436000), (6, 40.07, 116.33)) as rows (_row_number, lon, lat), "
        "(select []::varchar[] as _dq_flags)"
    )
    before = register.execute("select lon, lat from typed order by _row_number").fetchall()
    register.execute(
        "create or replace temp table cleaned as select _row_number, lon::varchar as lon, lat::varchar as lat from typed"
    )
    places.convert(register, FEED, "typed", "cleaned")

    assert before == register.execute("select lon, lat from typed order by _row_number").fetchall()


def test_a_point_many_rows_share_is_the_middle_of_something(register: DuckDBPyConnection) -> None:
    register.execute(
        "create or replace temp table cleaned as select i as _row_number, "
        "case when i < 20 then '116.30' when i < 41 then '116.31' else '116.' || (300000 + i) end as lon, '40.0' as lat "
        "from range(100) as numbers (i)"
    )
    register.execute(
        "create or replace temp table typed as select _row_number, 116.3 as lon, lat::double as lat, "
        "['x']::varchar[] as _dq_flags from cleaned"
    )
    places.convert(register, replace(FEED, crs=replace(FEED.crs, system="wgs84")), "typed", "cleaned")
    flagged = register.execute(
        "select _row_number from typed where list_contains(_dq_flags, 'lon:centroid')"
    ).fetchall()

    assert list(range(20, 41)) == [number for (number,) in flagged]
