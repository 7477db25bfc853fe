"""What people get of linkage: why a case is one, a decision that is kept, and figures of how well it links."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from histories import IN_BOTH
from typer.testing import CliRunner

from pipelines import cli, contract, database, decisions, lake, linkage, settings
from pipelines.decisions import links
from pipelines.errors import DataError, WarehouseError
from pipelines.provenance import inputs
from pipelines.samplecity import evaluation
from pipelines.stages import governance, loading

ONE, OTHER = "HL-20261117-000001", "HL-20261117-000002"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two orders of one lamp, in words that only a person can tell to be the same, once built."""
    folder = tmp_path_factory.mktemp("linkage") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(folder))
        write()
        build()
    return folder


@pytest.fixture
def built(made: Path, home: Path) -> None:
    """The same in this test's own home."""
    shutil.copytree(made, home)


def write() -> None:
    with database.writer(lake.warehouse_file()) as connection:
        loading.load(connection, contract.load_all())
        for number, (key, text) in enumerate(((ONE, "3号楼北侧路灯不亮"), (OTHER, "灯杆坏了晚上很黑"))):
            connection.execute(
                "insert into city.hotline_orders by name select ? as work_order_id, 'demand' as order_kind, "
                "'lead' as handling_role, 'handling' as order_status, '路灯问题' as category_l2, "
                "'110114010' as street_code, '华龙苑一社区' as community_name, 116.363 as lon, 40.074 as lat, "
                "? as content_text, timestamptz '2026-11-17 08:00:00+08' + to_hours(?) as reported_at, "
                "timestamptz '2026-11-17 12:00:00+08' as source_updated_at, "
                "timestamptz '2026-11-17 22:00:00+08' as _landed_at, "
                "timestamptz '2026-11-17 22:00:00+08' as _first_landed_at",
                [key, text, number * 10],
            )
        connection.execute(
            "insert into city.hotline_orders_history by name "
            f"select {IN_BOTH}, "
            "_first_landed_at as _known_from from city.hotline_orders"
        )


def build() -> None:
    with database.writer(lake.warehouse_file()) as connection:
        governance.build(connection, settings.project())


def ask(query: str) -> list[tuple[object, ...]]:
    with database.writer(lake.warehouse_file()) as connection:
        return connection.execute(query).fetchall()


def run(*words: str) -> str:
    result = CliRunner().invoke(cli.app, ["linkage", *words])
    assert 0 == result.exit_code, result.output
    return " ".join(result.output.split())


def test_a_decision_is_kept_masked_and_every_build_follows_it(built: None) -> None:
    assert [("pending", ONE, OTHER)] == ask(
        "select review_status, one_id, other_id from governance.link_review"
    )
    before = inputs.build_digest(settings.project())
    run("decide", ONE, OTHER, "--same", "--by", "霍营街道网格科", "--why", "同一盏灯，来电人16312345678")
    build()

    assert before != inputs.build_digest(settings.project())
    assert [("accepted", "霍营街道网格科")] == ask(
        "select review_status, decided_by from governance.link_review"
    )
    assert [(1, 2)] == ask("select count(*), max(member_count) from governance.cases")
    kept = decisions.files(links.KIND)[0].read_text(encoding="utf-8")
    assert "16312345678" not in kept
    assert "[号码]" in kept

    lake.warehouse_file().unlink()
    with database.writer(lake.warehouse_file()) as connection:
        loading.load(connection, contract.load_all())
        assert 1 == links.load(connection)


def test_a_case_says_why_it_is_one_and_an_old_id_leads_to_it(built: None) -> None:
    ids = [case_id for (case_id,) in ask("select case_id from governance.case_members order by reported_at")]
    run("decide", ONE, OTHER, "--same", "--by", "desk", "--why", "one lamp")
    build()
    said = run("explain", str(ids[1]))

    assert f"{ids[1]} is part of {ids[0]} today" in said
    assert "held to be the same by a person" in said
    assert "人工确认为同一问题" in said
    assert "(weakest)" in said
    assert f"merge: {ids[1]} → {ids[0]}" in said


def test_what_cannot_be_decided_is_said(built: None) -> None:
    with pytest.raises(WarehouseError, match="no case has a record HL-20261117-999999"):
        linkage.decide(ONE, "HL-20261117-999999", links.ACCEPTED, "desk", "why")
    with pytest.raises(WarehouseError, match="is one record"):
        linkage.decide(ONE, ONE, links.ACCEPTED, "desk", "why")
    with pytest.raises(WarehouseError, match="without a desk or a reason"):
        linkage.decide(ONE, OTHER, links.ACCEPTED, " ", "why")
    with pytest.raises(WarehouseError, match="no case has or had the id 'GC2611-nothing'"):
        linkage.explain("GC2611-nothing")

    assert [] == decisions.files(links.KIND)


def test_without_a_warehouse_nothing_is_explained(home: object) -> None:
    with pytest.raises(WarehouseError, match="nothing is built yet"):
        linkage.explain("GC2611-0123456789ab")


def test_a_damaged_decision_stops_the_build_and_is_named(built: None) -> None:
    path = decisions.folder(links.KIND) / "20261118T000000Z-0000000000.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"decision": "maybe"}), encoding="utf-8")

    with pytest.raises(DataError, match=path.name):
        build()


@pytest.mark.long
def test_a_small_city_is_linked_as_well_as_promised_and_the_figures_are_kept(home: object) -> None:
    found = evaluation.evaluate(days=8, scale=0.5)
    evaluation.record(found)

    assert found.reaches(precision=0.97, recall=0.88), evaluation.figures(found)
    assert {"caller_category_place", "component", "explicit_ref", "geo_category"} <= set(found.by_rule)
    assert {"caller", "component", "order_id", "place", "remark", "text"} == set(found.by_evidence)
    assert [(found.records, round(found.recall, 6))] == ask(
        "select records, round(recall, 6) from samplecity.linkage_evaluations"
    )
