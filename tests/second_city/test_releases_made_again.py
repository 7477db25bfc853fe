"""A release is made again elsewhere byte by byte, and what changed between two is told by its causes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_again import everything, pedido, pull, release, send_back
from typer.testing import CliRunner
from vila_clarim import whole_project

from pipelines import lake, run
from pipelines.cli import app
from pipelines.errors import BatchHeld, WarehouseError
from pipelines.provenance import inputs
from pipelines.provenance.causes import AREA, CORRECTION, DATA, DECISION, RULE
from pipelines.releases import Release
from pipelines.run import Rebuilt


def rebuilt(release_id: str, into: Path, **how: Any) -> Rebuilt:
    made = run.rebuild_release(release_id, str(into), **how)
    assert isinstance(made, Rebuilt)
    return made


def test_a_release_is_made_again_byte_by_byte_and_its_home_is_only_read(
    in_clarim: Any, tmp_path: Path
) -> None:
    before = everything(in_clarim.home)

    made = rebuilt(in_clarim.release.name, tmp_path / "again")

    assert () == made.differences
    assert len([path for path in in_clarim.release.rglob("*") if path.is_file()]) == made.files
    for path in in_clarim.release.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (Path(made.folder) / path.relative_to(in_clarim.release)).read_bytes()
    assert before == everything(in_clarim.home)


@dataclass(frozen=True)
class Story:
    """Releases of one home, each with one cause more than the one before."""

    home: Path
    project: Path
    first: Release
    with_data: Release
    with_corrections: Release
    with_areas: Release
    with_rules: Release

    @property
    def all(self) -> tuple[Release, ...]:
        return self.first, self.with_data, self.with_corrections, self.with_areas, self.with_rules


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    home, project = tmp_path_factory.mktemp("story"), whole_project(tmp_path_factory.mktemp("p") / "project")
    model = project / "warehouse" / "governance" / "street_day.sql"
    model.write_text(
        model.read_text(encoding="utf-8") + "\nwhere coalesce(requests.street_code, noise.street_code) in "
        "(select area_code from ref.areas where is_in_scope)\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(home))
        patch.setenv("URBANBRAIN_PROJECT", str(project))
        patch.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
        patch.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")
        noise = "7E02;20/10/2026;08h;61.5\n7E02;20/10/2026;09h;70\nB3;20/10/2026;08h;48.25\n"
        pull(patch, 20, [pedido(1, 20), pedido(2, 20, place="B3"), pedido(5, 19, subject="barulho")], noise)
        made = [release()]
        pull(patch, 21, [pedido(3, 21)], "7E02;21/10/2026;08h;60\n")
        made.append(release())
        pull(patch, 22, [pedido(1, 20, state="resolvido", changed=22)])
        run.load()
        send_back(home.parent, "2026-10-23T09:00", subject="lixo")
        made.append(release())
        change(
            project / "contracts/reference/areas.csv",
            "B3,street,Alto do Moinho,VC-N,true",
            "B3,street,Alto do Moinho,VC-N,false",
        )
        made.append(release())
        change(project / "warehouse/core/noise_days.sql", "max(noise_db)", "min(noise_db)")
        made.append(release())
        yield Story(home, project, *made)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def at_story(story: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setenv("URBANBRAIN_HOME", str(story.home))
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(story.project))
    return story


@pytest.mark.long
def test_every_release_of_a_home_is_made_again_byte_by_byte(at_story: Story, tmp_path: Path) -> None:
    """The older ones after contracts, areas and models changed, and with rows an office sent back."""
    before = everything(at_story.home)
    for number, published in enumerate(at_story.all):
        for source in ("landing", "validated") if number == 2 else ("landing",):
            assert (
                ()
                == rebuilt(published.release_id, tmp_path / f"{number}-{source}", source=source).differences
            )

    assert before == everything(at_story.home)


@pytest.mark.long
def test_each_cause_alone_is_told_right(at_story: Story) -> None:
    found = {}
    for one, other in zip(at_story.all, at_story.all[1:], strict=False):
        difference = run.release_difference(one.release_id, other.release_id, explain=True)
        changes = {each.table: (each.added, each.removed, each.changed) for each in difference.tables}
        found[other.release_id] = (
            changes.get("governance.street_day"),
            difference.by_cause.get("governance.street_day"),
        )

    data, corrections, areas, rules = (found[each.release_id] for each in at_story.all[1:])
    assert ((1, 0, 0), {DATA: 1}) == data
    assert ((1, 0, 1), {CORRECTION: 2}) == corrections
    assert ((0, 1, 0), {AREA: 1}) == areas
    assert ((0, 0, 1), {RULE: 1}) == rules


@pytest.mark.long
def test_four_causes_at_once_sum_up_to_the_whole_difference(at_story: Story) -> None:
    difference = run.release_difference(
        at_story.first.release_id, at_story.with_rules.release_id, explain=True
    )

    (change,) = (each for each in difference.tables if each.table == "governance.street_day")
    assert [DATA, CORRECTION, AREA, RULE] == [cause.name for cause in difference.causes]
    assert (2, 1, 1) == (change.added, change.removed, change.changed)
    assert {DATA: 1, CORRECTION: 1, AREA: 1, f"{CORRECTION} + {RULE}": 1} == difference.by_cause[change.table]
    assert {AREA: 1} == difference.by_cause["ref.areas"]
    for each in difference.tables:
        assert each.rows == sum(difference.by_cause[each.table].values())
        assert "?" not in difference.by_cause[each.table]


@pytest.mark.long
def test_without_explaining_a_cause_is_named_where_models_let_it_reach(at_story: Story) -> None:
    difference = run.release_difference(at_story.first.release_id, at_story.with_rules.release_id)
    reached = difference.reached

    assert {} == difference.by_cause
    assert all("governance.street_day" in reached[cause] for cause in (DATA, CORRECTION, AREA, RULE))
    assert "ref.areas" in reached[AREA]
    assert "ref.areas" not in reached[DATA] | reached[CORRECTION] | reached[RULE]


@pytest.mark.long
def test_a_batch_is_judged_again_as_it_was_judged(
    at_story: Story, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its contract and its areas are those of its own day, not of the release's."""
    project = shutil.copytree(at_story.project, tmp_path / "project")
    monkeypatch.setenv("URBANBRAIN_HOME", str(home))
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    pull(monkeypatch, 20, [pedido(1, 20, place="O Cais"), pedido(2, 20, subject="barulho")])
    change(project / "contracts/reference/area_aliases.csv", "O Cais,short,7E02", "O Cais,short,Q-11")
    change(
        project / "contracts/city/pedidos.odcs.yaml",
        "wire\n                value: resíduos",
        "wire\n                value: barulho",
    )
    pull(monkeypatch, 21, [pedido(3, 21, place="O Cais"), pedido(4, 21, subject="barulho")])
    published = release()

    made = rebuilt(published.release_id, tmp_path / "again")

    assert () == made.differences
    assert 1 == made.plan.judged_apart


@pytest.mark.long
def test_what_people_decided_about_held_batches_is_decided_again(
    at_story: Story, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One was approved, one rejected, one waits; what was decided after the release does not count."""
    project = shutil.copytree(at_story.project, tmp_path / "project")
    limit = "  - property: landingSecret\n"
    change(
        project / "contracts/city/pedidos.odcs.yaml",
        limit,
        f"  - property: rejectLimit\n    value: 0.3\n{limit}",
    )
    monkeypatch.setenv("URBANBRAIN_HOME", str(home))
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    pull(monkeypatch, 19, [pedido(1, 19)])
    for day in (20, 21, 22):
        bad = [pedido(day * 100 + number, day, subject="barulho") for number in range(20)]
        with pytest.raises(BatchHeld):
            pull(monkeypatch, day, [*bad, pedido(day * 100 + 50, day)])
    first, second, third = (each["batch_id"] for each in run.held())
    before = release()
    run.decide(first, "approved", "cadastro", "os nomes vêm depois")
    run.decide(second, "rejected", "cadastro", "lista cortada")
    published = release()
    run.decide(third, "approved", "cadastro", "também")

    for number, each in enumerate((before, published)):
        assert () == rebuilt(each.release_id, tmp_path / str(number)).differences
    difference = run.release_difference(before.release_id, published.release_id, explain=True)
    assert [DECISION] == [cause.name for cause in difference.causes]
    assert {DECISION: 1} == difference.by_cause["governance.street_day"]


@pytest.mark.long
def test_what_cannot_be_made_again_says_why_and_what_to_do(
    at_story: Story, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(at_story.home, home)
    monkeypatch.setenv("URBANBRAIN_HOME", str(home))
    release_id = at_story.with_corrections.release_id

    (tmp_path / "link").symlink_to(home / "within")
    (tmp_path / "file").touch()
    for into, said in (
        (home / "within", "lies in this home"), (tmp_path / "link", "lies in this home"),
        (home.parent, "not an empty folder"), (tmp_path / "file" / "a", "cannot be written"),
    ):  # fmt: skip
        with pytest.raises(WarehouseError, match=said):
            run.rebuild_release(release_id, str(into))
        assert said in str(run.rebuild_release(release_id, str(into), dry_run=True))
    with monkeypatch.context() as patch:
        patch.setenv("URBANBRAIN_SECRET_CALLER", "another")
        with pytest.raises(WarehouseError, match="the secret 'caller' is another"):
            run.rebuild_release(release_id, str(tmp_path / "a"))
        patch.setenv("URBANBRAIN_SECRET_LANDING", "another")
        with pytest.raises(WarehouseError, match="the landing secret is not the one of that time"):
            run.rebuild_release(release_id, str(tmp_path / "a"))
    with monkeypatch.context() as patch:
        here = inputs.code()
        patch.setattr(inputs, "code", lambda: {**here, "digest": "0" * 64})
        with pytest.raises(WarehouseError, match="it, or a batch in it, was made by code") as caught:
            run.rebuild_release(release_id, str(tmp_path / "a"))
        assert "--with-this-code" in caught.value.next_step
        made = rebuilt(release_id, tmp_path / "other-code", with_this_code=True)
        assert () == made.differences
        assert {"manifest.json", "datapackage.json", "district/datapackage.json"} <= set(made.not_compared)
        assert not [name for name in made.not_compared if name.endswith((".parquet", ".duckdb"))]

    for part in (lake.lake() / "landing" / "street_ruido").rglob("part-*"):
        part.unlink()
    with pytest.raises(WarehouseError, match="landed bytes of 2 of 6 batches are gone") as caught:
        run.rebuild_release(release_id, str(tmp_path / "a"))
    assert "--from validated" in caught.value.next_step
    assert not (tmp_path / "a").exists()
    assert () == rebuilt(release_id, tmp_path / "validated", source="validated").differences

    for name, content in (("contracts/reference/areas.csv", None), ("warehouse/core/noise_days.sql", b"")):
        kept = lake.kept_input((at_story.with_corrections.inputs or {})[name])
        kept.unlink()
        if content is not None:
            kept.write_bytes(content)
    with pytest.raises(WarehouseError, match="is gone or damaged") as caught:
        run.rebuild_release(release_id, str(tmp_path / "a"), source="validated")
    assert "areas.csv" in caught.value.message
    assert "noise_days.sql" in caught.value.message


@pytest.mark.long
def test_the_commands_say_what_is_published(at_story: Story, tmp_path: Path) -> None:
    def said(*arguments: str, code: int = 0) -> str:
        answer = CliRunner().invoke(app, ["release", *arguments])
        assert code == answer.exit_code, answer.output
        return answer.output

    ids = [each.release_id for each in at_story.all]
    listed = said("list")
    assert all(each in listed for each in ids)
    assert "area change 区划变更 (1)" in listed
    assert ids[-1] in said("show")
    assert "is whole" in said("verify")
    assert "street_day" in said("diff", ids[0], ids[1])
    assert '"new data"' in said("diff", ids[0], ids[1], "--format", "json")
    assert "| governance.street_day | 1 | 0 | 0 |" in said("diff", ids[0], ids[1], "--format", "markdown")
    assert "no table differs" in said("diff", ids[0], ids[0])
    assert "2 batches from landing" in said("rebuild", ids[0], "--into", str(tmp_path / "a"), "--dry-run")
    assert not (tmp_path / "a").exists()
