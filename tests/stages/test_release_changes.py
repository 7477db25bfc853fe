"""A release tells what changed from the one before, the same each time it is written, and nobody more than he may know."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from markdown_it import MarkdownIt
from two_streets import EAST, GOVERNANCE, LANDED_AT, WEST, all_bytes, column, project, published

from pipelines import lake, releases
from pipelines.provenance import inputs
from pipelines.releases import Release, marks

MORE = (
    f"insert into governance.cases select 'GC-EAST-' || n, '{EAST}', ['city'], 1, null from range(10, 17) as more(n)",
    f"insert into governance.scorecard values ('{WEST}', '2026-12', 0.25)",
    "alter table governance.channel_health add column note varchar",
    "create table governance.extra (street_code varchar)",
)


def second(made: Path) -> Release:
    """One batch, some rows, a column and a table more; a table and a version gone."""
    batches = [
        {
            "feed_id": "city_orders",
            "window_start": LANDED_AT,
            "batch_id": name,
            "landed_at": LANDED_AT,
            **more,
        }
        for name, more in (("b1", {}), ("b9", {"validated": 3, "updated": 2}))
    ]
    governance = []
    for each in GOVERNANCE:
        if each.name == "channel_health":
            governance.append(replace(each, version="1.1.0", columns=(*each.columns, column("note"))))
        elif each.name != "case_members":
            governance.append(each)
    return published(made, *MORE, batches=batches, governance=governance)


def told(release: Release, folder: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release.path / folder / "changes.json").read_text("utf-8"))
    return found


def test_the_first_release_says_so(made: Path) -> None:
    first = published(made)

    for folder in ("", "district"):
        assert told(first, folder)["previous"] is None
        assert "This is the first release. 这是首次发布。" in (first.path / folder / "changes.md").read_text(
            "utf-8"
        )
    assert inputs.PREDECESSOR not in (first.inputs or {})


def test_tables_columns_versions_and_rows_are_told_to_those_who_get_them(made: Path) -> None:
    first = published(made)

    release = second(made)

    assert first.release_id == told(release)["previous"]["release_id"]
    in_full = {each["table"]: each for each in told(release, "district")["tables"]}
    assert ("changed", {"before": 2, "after": 9}) == (
        in_full["governance.cases"]["change"],
        in_full["governance.cases"]["rows"],
    )
    assert ("went", {"before": 3, "after": None}) == (
        in_full["governance.case_members"]["change"],
        in_full["governance.case_members"]["rows"],
    )
    assert {"governance.scorecard", "governance.channel_health"} == {
        each["table"] for each in told(release)["tables"]
    }
    health = next(each for each in told(release)["tables"] if each["table"] == "governance.channel_health")
    assert (["+ note string"], {"before": "1.0.0", "after": "1.1.0"}) == (
        health["columns"],
        health["version"],
    )
    text = (release.path / "changes.md").read_text("utf-8")
    assert (
        "| governance.channel_health 表 channel_health | changed 变化 | 2 | 2 | 1.0.0 → 1.1.0 | `+ note string` |"
        in text
    )


@pytest.mark.parametrize("name", ["changes.md", "dictionary.md"])
def test_what_a_contract_says_cannot_become_markup_or_break_a_table(made: Path, name: str) -> None:
    hostile = "得分 a|b\n\n# x <script>y</script> [c](http://d) **e** `f"
    published(made)
    governance = [
        replace(
            each,
            version="1.1.0",
            business_name=hostile,
            description=hostile,
            grain=hostile,
            columns=tuple(replace(known, description=hostile) for known in each.columns),
        )
        for each in GOVERNANCE
    ]
    text = (published(made, governance=governance).path / name).read_text("utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [part for token in tokens for part in token.children or []]
    shown = [token.content for token in inline if token.type == "text"]
    rows = [token.type for token in tokens if token.type in ("tr_open", "td_open", "th_open")]
    widths = {len(list(row)) for is_cell, row in itertools.groupby(rows, "tr_open".__ne__) if is_cell}

    assert {"text", "softbreak", "code_inline", "strong_open", "strong_close"} >= {
        each.type for each in inline
    }
    assert not {"html_block", "fence", "blockquote_open"} & {token.type for token in tokens}
    assert any(" ".join(hostile.split()) in each for each in shown)
    assert {6 if name == "changes.md" else 8} == widths


def test_the_open_changes_name_no_table_batch_or_number_of_the_district(made: Path) -> None:
    published(made)

    release = second(made)

    causes = {each["name"]: each["what"] for each in told(release, "district")["causes"]}
    assert any("b9: 3 rows" in line for line in causes["new data"])
    assert ["city_orders b9: 2 newer versions of loaded rows"] == causes["correction"]
    assert ["city_air", "city_orders"] == next(
        each["what"] for each in told(release)["causes"] if each["name"] == "new data"
    )
    for name in ("changes.json", "changes.md"):
        content = (release.path / name).read_text("utf-8")
        for secret in ("governance.cases", "case_members", "b9", "newer versions", "3 rows"):
            assert not re.search(rf"\b{secret}\b", content), name


def test_a_damaged_release_is_written_again_with_the_same_bytes(made: Path) -> None:
    first = published(made)
    release = second(made)
    before = all_bytes(release)
    shutil.rmtree(first.path)  # pruned meanwhile
    (release.path / "changes.json").unlink()
    (release.path / releases.MANIFEST).chmod(0o644)
    (release.path / releases.MANIFEST).write_text("{", encoding="utf-8")

    assert before == all_bytes(second(made))


def test_the_same_warehouse_published_again_still_writes_nothing(made: Path) -> None:
    published(made)
    release = second(made)
    published(made)
    before = {path: path.stat().st_mtime_ns for path in release.path.rglob("*")}

    assert release == second(made)
    assert before == {path: path.stat().st_mtime_ns for path in release.path.rglob("*")}
    assert [] == release.verify()


def test_what_a_release_followed_is_kept_as_its_input(made: Path) -> None:
    first = published(made)
    release = second(made)
    digest = (release.inputs or {})[inputs.PREDECESSOR]

    assert digest == marks.followed(release.release_id)
    account = json.loads(inputs.read(digest))
    assert first.release_id == account["release_id"]
    assert 2 == account["tables"]["district"]["governance.cases"]["rows"]
    assert "governance.cases" not in account["tables"]["tables"]


@pytest.mark.parametrize("damage", ["{", "", '{"release_id": "x"}'])
def test_after_a_damaged_release_nothing_is_told_but_that(made: Path, damage: str) -> None:
    first = published(made)
    (first.path / releases.MANIFEST).chmod(0o644)
    (first.path / releases.MANIFEST).write_text(damage, encoding="utf-8")

    release = second(made)

    assert first.release_id == told(release)["previous"]["release_id"]
    assert [] == told(release)["tables"] == told(release)["causes"]
    assert "cannot be read" in (release.path / "changes.md").read_text("utf-8")


@pytest.fixture
def two_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, bytes]]]:
    found = []
    for name in ("one", "other"):
        monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / name / "home"))
        made = project(tmp_path / name)
        published(made)
        found.append(all_bytes(second(made)))
        assert lake.releases().is_dir()
    yield found


@pytest.mark.long
def test_two_homes_with_the_same_history_have_the_same_bytes(two_homes: list[dict[str, bytes]]) -> None:
    assert two_homes[0] == two_homes[1]
    assert duckdb.__version__ in json.dumps(json.loads(two_homes[0]["manifest.json"])["code"])
