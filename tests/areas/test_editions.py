"""An edition says what there was; the register tells what that changes, and never forgets what facts still use."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from typer.testing import CliRunner

from pipelines import areas, cli, contract, database, lake, run, settings
from pipelines.areas import editions
from pipelines.areas.comparing import Difference
from pipelines.errors import DataError
from pipelines.provenance import inputs

REFERENCE = settings.project() / "contracts" / "reference"
REAL = settings.project().parent / "shared" / "data" / "areas"
DAYS = (
    "2016-07-31",
    "2017-10-31",
    "2018-10-31",
    "2019-10-31",
    "2020-06-30",
    "2021-10-31",
    "2022-10-31",
    "2023-06-30",
)
VILLAGES = {"2.0.0": "2016-07-31", "2.3.1": "2019-10-31", "2.4.0": "2020-06-30", "2.5.0": "2021-10-31"}

# A district of the register without any street in the reference files: 平谷.
FIRST = """\
110117001,滨河街道办事处,110117
110117002,兴谷街道办事处,110117
110117100,东高村镇,110117
110117101,山东庄镇,110117
110117103,南独乐河地区办事处,110117
110117104,大华山镇,110117
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "home"))
    return tmp_path


def write(folder: Path, rows: str, name: str = "edition.csv") -> Path:
    path = folder / name
    path.write_text("code,name,areaCode\n" + rows, encoding="utf-8")
    return path


def load(path: Path, day: str, **more: Any) -> list[Difference]:
    return areas.load_edition(
        REFERENCE, path, date.fromisoformat(day), **{"warehouse": None, "feeds": (), **more}
    )


def told(found: list[Difference]) -> set[tuple[str, str, str, str]]:
    return {(each.kind, each.area_code, each.was_code, each.was_name) for each in found}


def register() -> DuckDBPyConnection:
    connection = database.memory()
    areas.load_reference(connection, REFERENCE)
    return connection


def resolve(connection: DuckDBPyConnection, text: str, day: str, level: str = "street") -> str | None:
    connection.execute(
        "create or replace temp table named as select 1 as number, ?::varchar as text, ?::date as day",
        [text, day],
    )
    table = areas.resolution(connection, "named", "text", "day", level, "number")
    return connection.execute(f"select area_code from {table}").fetchall()[0][0]


def test_a_first_edition_is_all_new_and_began_nobody_knows_when(home: Path) -> None:
    found = load(write(home, FIRST), "2020-06-30")
    connection = register()

    assert {"new"} == {each.kind for each in found}
    assert "110117001" == resolve(connection, "滨河街道", "1990-01-01")
    assert [("滨河街道", "street", True), ("南独乐河地区", "area_office", True)] == connection.execute(
        "select area_name, unit_kind, is_assessed from ref.areas where area_code in ('110117001', '110117103') "
        "and date_basis = 'unknown' order by area_code"
    ).fetchall()
    for name in ("滨河街道办事处", "滨河街道", "滨河", "北京市平谷区滨河街道", "平谷滨河"):
        assert "110117001" == resolve(connection, name, "2024-01-01"), name


def test_every_kind_of_difference_is_told_and_carried_out(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30")
    second = write(
        home,
        "110117001,滨河街道,110117\n"  # style
        "110117002,渔阳街道,110117\n"  # renamed
        "110117105,兴谷镇,110117\n"  # new, by the name another had
        "110117120,东高村镇,110117\n"  # recoded
        "110117103,南独乐河镇,110117\n"  # another kind
        "110117104,大华山镇,110117\n"
        "110117109,马昌营镇,110117\n",  # new; 山东庄 is gone
    )
    found = load(second, "2022-10-31")

    assert {
        ("relabelled", "110117001", "110117001", "滨河街道办事处"),
        ("renamed", "110117002", "110117002", "兴谷街道"),
        ("new", "110117105", "", ""),
        ("recoded", "110117120", "110117100", "东高村镇"),
        ("relabelled", "110117103", "110117103", "南独乐河地区"),
        ("gone", "110117101", "", ""),
        ("new", "110117109", "", ""),
    } == told(found)
    connection = register()
    for name, before, after in (
        ("兴谷街道", "110117002", "110117002"),  # given up, so half sure
        ("渔阳街道", None, "110117002"),
        ("兴谷", "110117002", "110117105"),
        ("东高村镇", "110117100", "110117120"),
        ("南独乐河镇", "110117103", "110117103"),
        ("山东庄镇", "110117101", None),
        ("马昌营镇", None, "110117109"),
    ):
        assert (before, after) == (
            resolve(connection, name, "2022-10-30"),
            resolve(connection, name, "2022-10-31"),
        ), name
    assert [
        ("110117002", "110117002", "rename"),
        ("110117100", "110117120", "recode"),
        ("110117103", "110117103", "relabel"),
    ] == connection.execute(
        "select from_area_code, to_area_code, change_kind from ref.area_lineage where from_area_code like '110117%' "
        "and change_on = '2022-10-31' and weight_population = 1 and weight_area = 1 order by all"
    ).fetchall()
    assert [("coded", date(2022, 10, 31))] == connection.execute(
        "select date_basis, coded_on from ref.areas where area_code = '110117109'"
    ).fetchall()


def test_a_name_that_goes_to_another_code_is_told_as_reused(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30")
    second = FIRST.replace("兴谷街道办事处", "渔阳街道").replace("滨河街道办事处", "兴谷街道")
    found = load(write(home, second), "2022-10-31")

    assert ("reused", "110117001", "110117002", "兴谷街道") in told(found)
    connection = register()
    assert ["110117002", "110117001"] == [
        resolve(connection, "兴谷街道", day) for day in ("2022-10-30", "2022-10-31")
    ]


def test_the_order_of_loading_does_not_matter(home: Path) -> None:
    later = write(home, FIRST.replace("大华山镇", "大华山新镇"), "later.csv")
    one, other = [(write(home, FIRST), "2020-06-30"), (later, "2022-10-31")], []
    for order in (one, one[::-1]):
        shutil.rmtree(lake.editions(), ignore_errors=True)
        for path, day in order:
            load(path, day)
        connection = register()
        other.append(
            [
                connection.execute(f"from ref.{name} order by all").fetchall()
                for name in ("areas", "area_aliases", "area_lineage")
            ]
        )

    assert other[0] == other[1]


def test_loading_an_edition_twice_changes_nothing(home: Path) -> None:
    path = write(home, FIRST)
    load(path, "2020-06-30")
    before = register().execute("from ref.areas order by all").fetchall()
    load(path, "2020-06-30")

    assert before == register().execute("from ref.areas order by all").fetchall()


def test_another_edition_of_the_same_day_is_refused(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30")
    with pytest.raises(DataError, match="was loaded already, with other rows"):
        load(write(home, FIRST.replace("大华山", "小华山")), "2020-06-30")


def test_a_dry_run_loads_nothing(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30", dry_run=True)

    assert [] == editions.loaded()


def test_an_edition_that_was_changed_after_loading_is_told(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30")
    (rows,) = lake.editions().glob("level=*/edition=*/rows.csv")
    rows.write_text(rows.read_text(encoding="utf-8").replace("滨河", "河滨"), encoding="utf-8")
    with pytest.raises(DataError, match=r"level=street/edition=2020-06-30 was changed or is damaged"):
        register()


def test_changes_may_count_from_a_later_day(home: Path) -> None:
    load(write(home, FIRST), "2020-06-30")
    load(write(home, FIRST.replace("大华山", "新华山")), "2022-10-31", in_force_on=date(2023, 3, 1))
    connection = register()

    assert ["110117104", "110117104"] == [
        resolve(connection, name, "2023-02-28") for name in ("大华山镇", "大华山")
    ]
    assert [None, "110117104"] == [
        resolve(connection, "新华山镇", day) for day in ("2023-02-28", "2023-03-01")
    ]
    assert [(date(2022, 10, 31), date(2023, 3, 1), "operating")] == connection.execute(
        "select coded_on, operating_on, date_basis from ref.areas where area_name = '新华山镇'"
    ).fetchall()


def test_two_units_of_one_name_are_known_behind_their_districts_only(home: Path) -> None:
    load(write(home, "110117001,八里庄街道,110117\n110118001,八里庄街道,110118\n"), "2020-06-30")
    connection = register()

    assert None is resolve(connection, "八里庄街道", "2024-01-01")
    assert "110117001" == resolve(connection, "平谷区八里庄街道", "2024-01-01")
    assert "110118001" == resolve(connection, "北京市密云区八里庄街道", "2024-01-01")


def test_a_curated_name_stays_when_an_edition_brings_the_same(home: Path) -> None:
    load(write(home, "110117001,霍营街道,110117\n"), "2020-06-30")
    connection = register()

    assert "110114010" == resolve(connection, "霍营街道", "2024-01-01")
    assert "110117001" == resolve(connection, "平谷区霍营街道", "2024-01-01")


def test_communities_follow_their_streets(home: Path) -> None:
    both = FIRST + "110117001001,东寺渠社区居委会,110117001\n110117002001,海关村村委会,110117002\n"
    load(write(home, both), "2020-06-30")
    moved = FIRST + "110117002009,东寺渠社区居委会,110117002\n110117002001,海关村村委会,110117002\n"
    found = load(write(home, moved), "2022-10-31")
    connection = register()

    assert {("recoded", "110117002009", "110117001001", "东寺渠社区居委会")} == told(found)
    for name in ("东寺渠社区", "东寺渠", "平谷区滨河街道东寺渠社区"):
        assert "110117001001" == resolve(connection, name, "2021-01-01", "community"), name
    assert "110117002009" == resolve(connection, "东寺渠社区", "2023-01-01", "community")
    assert "110117002001" == resolve(connection, "海关村", "2023-01-01", "community")
    assert "110117001" == resolve(connection, "110117001001", "2021-01-01")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "no rows of 2020-06-30"),
        ("110117001,,110117\n", "no name: 110117001"),
        (",滨河街道,110117\n", "no code: 滨河街道"),
        ("110117001,滨河街道,110117\n110117001,兴谷街道,110117\n", "a code that is there twice"),
        ("1.10117E+08,滨河街道,110117\n", "a code of other signs"),
        ("11011700,滨河街道,110117\n", "codes of 8 characters"),
        ("110999001,滨河街道,110999\n", "area above is not in the register: 110999001 滨河街道 in 110999"),
        ("110117009001,东寺渠社区,110117009\n", "area above is not in the register"),
    ],
)
def test_a_file_that_is_no_edition_says_what_is_wrong(home: Path, rows: str, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("+", r"\+")):
        load(write(home, rows), "2020-06-30")

    assert [] == editions.loaded()


def test_a_file_without_the_columns_says_which(home: Path) -> None:
    path = home / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="found none for area_code, area_name, parent_area_code"):
        load(path, "2020-06-30")


# What facts use stays


@pytest.fixture
def used(home: Path) -> Path:
    """A warehouse with three cases in one street of the first edition, which the second one drops."""
    load(write(home, FIRST), "2020-06-30")
    feed = contract.load("district_grid_cases")
    with database.writer(lake.warehouse_file()) as connection:
        connection.execute("create schema district")
        connection.execute(
            f"create table {feed.table} as select '110117101' as street_code, unnest([timestamptz "
            "'2022-05-01 02:00:00+00', timestamptz '2022-11-05 16:30:00+00', timestamptz '2022-12-01 02:00:00+00']) as reported_at"
        )
    return write(home, FIRST.replace("110117101,山东庄镇,110117\n", ""), "second.csv")


def test_a_code_that_facts_use_is_not_dropped(used: Path) -> None:
    with pytest.raises(DataError) as raised:
        run.load_edition(str(used), "2022-10-31")

    assert "drops codes that loaded facts use on or after 2022-10-31; nothing was loaded" in str(raised.value)
    assert "district.grid_cases.street_code: 2 rows use 110117101, from 2022-11-06 to 2022-12-01" in str(
        raised.value
    )
    assert "--in-force DAY" in str(raised.value)
    assert 1 == len(editions.loaded())


def test_a_recoded_unit_that_facts_use_is_not_dropped_either(used: Path) -> None:
    recoded = write(used.parent, FIRST.replace("110117101,", "110117131,"))
    with pytest.raises(DataError, match="2 rows use 110117101"):
        run.load_edition(str(recoded), "2022-10-31")


def test_the_code_may_go_once_no_fact_is_younger(used: Path) -> None:
    run.load_edition(str(used), "2022-10-31", "2022-12-02")

    assert 2 == len(editions.loaded())


def test_the_command_line_refuses_as_the_dag_does(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = CliRunner().invoke(cli.app, ["areas", "diff", str(used), "--edition-date", "2022-10-31"])
    refused = CliRunner().invoke(cli.app, ["areas", "load", str(used), "--edition-date", "2022-10-31"])

    assert "gone 撤销" in shown.output
    assert "山东庄镇" in shown.output
    assert isinstance(refused.exception, DataError)
    assert 1 == len(editions.loaded())


def test_tables_of_before_an_edition_are_not_published(used: Path) -> None:
    before = inputs.build_digest(settings.project())
    run.load_edition(str(used), "2022-10-31", "2022-12-02")

    assert before != inputs.build_digest(settings.project())


# The real editions


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> DuckDBPyConnection:
    """The register of the reference files and all eight editions of streets."""
    if not REAL.is_dir():
        pytest.skip("the real editions are not in ../shared/data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(tmp_path_factory.mktemp("home")))
        for day in DAYS[::-1]:
            for edition in editions.read(
                REAL / f"modood_streets_beijing_asof_{day}.csv", date.fromisoformat(day)
            ):
                editions.keep(edition, "test")
        return register()


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("回龙观镇", "2014-06-01", "110114006"),
        ("卢沟桥街道", "2020-05-01", "110106008"),
        ("卢沟桥街道", "2023-05-01", "110106017"),
        ("回龙观镇", "2019-01-01", None),
        ("龙泽园街道", "2016-01-01", "110114012"),
        ("六里桥街道", "2023-05-01", "110106008"),
        ("卢沟桥地区", "2020-05-01", "110106017"),
        ("花乡地区", "2020-05-01", "110106018"),
        ("花乡街道", "2023-05-01", "110106018"),
        ("长辛店镇", "2020-05-01", "110106100"),
        ("北宫镇", "2023-05-01", "110106100"),
        ("北宫镇", "2020-05-01", None),
        ("青塔街道", "2023-05-01", "110106025"),
        ("青塔街道", "2020-05-01", None),
        ("南苑地区", "2020-05-01", "110106019"),
        ("南苑地区", "2023-05-01", None),
        ("永顺地区", "2019-12-31", "110112005"),
        ("永顺镇", "2023-05-01", "110112120"),
        ("梨园地区办事处", "2019-12-31", "110112006"),
        ("梨园镇", "2023-05-01", "110112121"),
        ("首都机场街道", "2022-05-01", "110105400"),
        ("首都机场街道", "2023-07-01", "110105020"),
        ("110105400", "2022-05-01", "110105400"),
        ("110105400", "2023-07-01", None),
        ("霍营街道办事处", "2018-01-01", "110114010"),
        ("八里庄街道", "2020-01-01", None),
        ("朝阳区八里庄街道", "2020-01-01", "110105015"),
        ("北京市海淀区八里庄街道", "2020-01-01", "110108005"),
    ],
)
def test_the_recodings_of_real_editions_resolve(
    real: DuckDBPyConnection, text: str, day: str, expected: str | None
) -> None:
    assert expected == resolve(real, text, day)


def test_the_real_register_has_every_unit_of_every_edition(real: DuckDBPyConnection) -> None:
    for day in DAYS:
        listed = f"read_csv('{REAL}/modood_streets_beijing_asof_{day}.csv', all_varchar = true)"

        assert (
            []
            == real.execute(
                f"select code from {listed} where not exists (select 1 from ref.areas where area_code = code "
                f"and date '{day}' >= valid_from and date '{day}' < valid_to)"
            ).fetchall()
        )
        assert (
            []
            == real.execute(
                f"select area_code from ref.areas where area_level = 'street' and date '{day}' >= valid_from "
                f"and date '{day}' < valid_to and area_code not in (select code from {listed})"
            ).fetchall()
        )


def test_343_units_are_assessed_today(real: DuckDBPyConnection) -> None:
    assert (349, 343) == real.execute(
        "select count(*), count(*) filter (is_assessed) from ref.areas where area_level = 'street' and valid_to = '9999-12-31'"
    ).fetchone()


@pytest.mark.long
@pytest.mark.skipif(not REAL.is_dir(), reason="the real editions are not in ../shared/data")
def test_seven_thousand_real_communities_are_found_below_their_streets(home: Path) -> None:
    for version, day in list(VILLAGES.items())[:2]:
        for name in (f"modood_streets_beijing_asof_{day}.csv", f"villages_beijing_v{version}.csv"):
            for edition in editions.read(REAL / name, date.fromisoformat(day)):
                editions.keep(edition, name)
    connection = register()

    assert 7169 == database.count(
        connection,
        "select count(*) from ref.areas where area_level = 'community' and valid_to = '9999-12-31'",
    )
    assert "110114010001" == resolve(connection, "华龙苑南里社区", "2024-01-01", "community")
    assert "110114010" == resolve(connection, "110114010001", "2024-01-01")
    assert 0 == database.count(
        connection,
        "select count(*) from ref.areas where valid_to = '9999-12-31' and area_code not in "
        "(select area_code from ref.area_aliases)",
    )
