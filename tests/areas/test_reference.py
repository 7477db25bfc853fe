"""Reference files are data that a person edits: every mistake is told with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines import database, settings
from pipelines.areas import NEEDED, reference
from pipelines.errors import ContractError

REFERENCE = settings.project() / "contracts" / "reference"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reference files to spoil."""
    return Path(shutil.copytree(REFERENCE, tmp_path / "contracts" / "reference"))


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(folder: Path) -> str:
    with pytest.raises(ContractError) as raised:
        reference.load_files(database.memory(), folder)
    return str(raised.value)


def test_the_reference_files_are_right() -> None:
    rows = reference.load_files(database.memory(), REFERENCE)

    assert rows["areas"] > 25
    assert rows["packages"] == 6


def test_the_seven_streets_of_the_region_live_today() -> None:
    connection = database.memory()
    reference.load_files(connection, REFERENCE, only=NEEDED)
    codes = connection.execute(
        "select area_code from ref.areas where is_in_scope and valid_to = '9999-12-31' order by all"
    ).fetchall()

    assert [code for (code,) in codes] == [f"1101140{number:02}" for number in range(7, 14)]


def test_all_23_units_of_the_district_are_listed() -> None:
    connection = database.memory()
    reference.load_files(connection, REFERENCE, only=NEEDED)

    assert connection.execute(
        "select count(distinct area_code), count(distinct area_code) filter (where valid_to = '9999-12-31') "
        "from ref.areas where parent_area_code = '110114'"
    ).fetchone() == (23, 22)


def test_a_bad_value_is_told_with_its_line(folder: Path) -> None:
    lines = (folder / "areas.csv").read_text(encoding="utf-8").splitlines()
    line = 1 + next(place for place, text in enumerate(lines) if text.startswith("110114,"))
    spoil(folder / "areas.csv", "110114,district,昌平区,110000", "110114,county,昌平区,110000")
    spoil(folder / "areas.csv", "2269487", "many")
    spoil(folder / "score_rules.csv", "0.3000", "3")
    message = problems(folder)

    assert (
        f"areas.csv:{line}: area_level is 'county', expected one of city, district, street, community"
        in message
    )
    assert f"areas.csv:{line}: population is 'many', expected a whole number" in message
    assert "score_rules.csv:2: w_response is '3', expected at most 1" in message


def test_a_wrong_header_is_told(folder: Path) -> None:
    spoil(folder / "packages.csv", "package_name_en", "package_name_fr")

    assert "packages.csv:1: found columns package_code, package_name, package_name_fr" in problems(folder)


def test_a_missing_file_is_told(folder: Path) -> None:
    (folder / "packages.csv").unlink()

    assert "packages.csv is missing" in problems(folder)


def test_a_key_given_twice_is_told(folder: Path) -> None:
    with (folder / "packages.csv").open("a", encoding="utf-8") as file:
        file.write("P1,教育,Education,1\n")

    assert "packages.csv:8: the key P1 occurs twice" in problems(folder)


def test_a_name_of_two_areas_on_one_day_is_told(folder: Path) -> None:
    with (folder / "area_aliases.csv").open("a", encoding="utf-8") as file:
        file.write("霍营,short,110114011,2020-01-01,9999-12-31,0.90,test\n")
    message = problems(folder)

    assert "a name means one area of a level on any day" in message
    assert "霍营" in message


def test_a_name_that_outlives_its_area_is_told(folder: Path) -> None:
    spoil(
        folder / "area_aliases.csv",
        "回龙观镇,official,110114006,1900-01-01,2015-09-30",
        "回龙观镇,official,110114006,1900-01-01,2020-01-01",
    )

    assert "a name is in use only while its area lives" in problems(folder)


def test_lineage_that_loses_people_is_told(folder: Path) -> None:
    spoil(folder / "area_lineage.csv", "0.4022", "0.4021")

    assert "the shares of an old area add up to one" in problems(folder)


def test_weights_that_do_not_add_up_are_told(folder: Path) -> None:
    spoil(folder / "score_rules.csv", "0.3500,0.3500", "0.3500,0.3400")

    assert "the three weights add up to one" in problems(folder)


def test_points_of_a_health_rule_that_do_not_add_up_are_told(folder: Path) -> None:
    spoil(folder / "health_rules.csv", "30,30,25,15", "30,30,25,16")

    assert "the four weights add up to a hundred (rule_id channel_1)" in problems(folder)


def test_loading_twice_changes_nothing() -> None:
    connection = database.memory()
    first = reference.load_files(connection, REFERENCE)
    before = connection.execute("from ref.area_aliases").fetchall()

    assert first == reference.load_files(connection, REFERENCE)
    assert before == connection.execute("from ref.area_aliases").fetchall()
