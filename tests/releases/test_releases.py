"""A reader resolves one release and can prove that its bytes are the published ones."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from two_streets import EAST, LANDED_AT, WEST, published_in
from typer.testing import CliRunner

from pipelines import lake, releases, run
from pipelines.cli import app
from pipelines.errors import WarehouseError


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of releases with one in it, to be copied by each test."""
    folder = tmp_path_factory.mktemp("published")
    published_in(folder)
    return folder / "home" / "releases"


@pytest.fixture
def release(home: Path, published: Path) -> releases.Release:
    shutil.copytree(published, lake.releases())
    return releases.current()


def test_before_the_first_release_the_error_says_what_to_do() -> None:
    with pytest.raises(WarehouseError, match="nothing is published yet") as caught:
        releases.current()

    assert "make demo" in caught.value.next_step
    assert [] == releases.list_releases()


def test_current_is_the_release_that_was_published(release: releases.Release) -> None:
    assert [release] == releases.list_releases()
    assert release == releases.read(release.release_id)
    assert (EAST, WEST) == release.offices
    assert lake.releases() / release.release_id / "offices" / EAST / f"{EAST}.duckdb" == release.office_file(
        EAST
    )
    assert "governance.cases" in release.detail
    assert [] == release.verify()


def test_an_unknown_office_is_told_which_there_are(release: releases.Release) -> None:
    for strange in ("123", "../../warehouse", ""):
        with pytest.raises(WarehouseError, match="no office file") as caught:
            release.office_file(strange)

        assert f"{EAST}, {WEST}" in caught.value.next_step


@pytest.mark.parametrize("pointer", ["", "20200101T000000Z-0123456789", "../elsewhere", "a\nb"])
def test_a_pointer_to_nothing_is_an_error_that_names_what_there_is(
    release: releases.Release, pointer: str
) -> None:
    (lake.releases() / releases.CURRENT).write_text(pointer, encoding="utf-8")

    with pytest.raises(WarehouseError, match="there is no release") as caught:
        releases.current()

    assert release.release_id in caught.value.next_step


def test_a_pointer_that_is_no_text_is_an_error(release: releases.Release) -> None:
    (lake.releases() / releases.CURRENT).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(WarehouseError, match="CURRENT cannot be read"):
        releases.current()


def test_a_broken_manifest_is_an_error(release: releases.Release) -> None:
    manifest = release.path / releases.MANIFEST
    for content in ("{", "[]", "[" * 100_000, '{"release_id": "another", "files": []}'):
        manifest.unlink()
        manifest.write_text(content, encoding="utf-8")

        with pytest.raises(WarehouseError, match=r"manifest\.json") as caught:
            releases.current()
        assert "urbanbrain publish" in caught.value.next_step


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": None},
        {"as_of": "2026-11-18T16:40:00"},
        {"timezone": "Mars/Base"},
        {"batches": 5},
        {"batches": ["b1"]},
        {"files": None},
        {"files": [{}]},
        {"files": [{"path": "../../demo-keys.env", "rows": None, "bytes": 1, "sha256": ""}]},
        {"files": [{"path": "/etc/passwd", "rows": None, "bytes": 1, "sha256": ""}]},
        {"files": [{"path": "tables/a.parquet", "rows": None, "bytes": "many", "sha256": ""}]},
        {"files": [{"path": "tables/a.parquet", "rows": "many", "bytes": 1, "sha256": ""}]},
        {"inputs": [{"path": "contracts/a"}]},
    ],
)
def test_a_manifest_of_another_shape_is_told_of_its_release_alone(
    release: releases.Release, changes: dict[str, Any]
) -> None:
    other = lake.releases() / "20200101T000000Z-0123456789"
    other.mkdir()
    values = release.manifest | {"release_id": other.name} | changes
    (other / releases.MANIFEST).write_text(json.dumps(values), encoding="utf-8")

    assert [release] == releases.list_releases()
    assert f"{other.name}/manifest.json is not its manifest" in run.release_list()[0]["damage"]
    assert [] == run.verify_releases()[release.release_id]
    with pytest.raises(WarehouseError, match="is not its manifest"):
        releases.read(other.name)


def test_a_manifest_of_before_newer_keys_is_one(release: releases.Release) -> None:
    older = {
        "release_id",
        "as_of",
        "timezone",
        "code_version",
        "contracts",
        "area_edition",
        "batches",
        "files",
        "sha256",
    }
    values = {name: value for name, value in release.manifest.items() if name in older}
    values["sha256"] = releases.manifest_sha256(values)
    (release.path / releases.MANIFEST).unlink()
    lake.write_file(release.path / releases.MANIFEST, json.dumps(values).encode(), 0o440)

    for words in (["list"], ["show"], ["diff", "current", "current"], ["prune", "--dry-run"]):
        assert 0 == CliRunner().invoke(app, ["release", *words]).exit_code


@pytest.mark.parametrize(
    "pointer", [b"", b"20200101T000000Z-0123456789", b"../..", b"\xff\xfe", None, "a folder"]
)
def test_a_pointer_that_leads_nowhere_is_told_by_list_and_verify(
    release: releases.Release, pointer: bytes | str | None
) -> None:
    current = lake.releases() / releases.CURRENT
    current.unlink()
    if isinstance(pointer, bytes):
        current.write_bytes(pointer)
    elif pointer:
        current.mkdir()

    for words in (["list"], ["verify"]):
        answer = CliRunner().invoke(app, ["release", *words])
        assert 1 == answer.exit_code
        assert "CURRENT" in answer.output
    with pytest.raises(WarehouseError) as caught:
        releases.current()
    assert "`urbanbrain publish` writes" in caught.value.next_step


def test_a_release_this_account_may_not_read_is_not_to_be_moved_away(
    release: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_text", refuse)  # the system refuses nothing to root, who may run this
    with pytest.raises(WarehouseError, match=r"manifest\.json cannot be read: Permission denied") as caught:
        releases.read(release.release_id)

    assert "this account may not" in caught.value.next_step
    assert "move" not in caught.value.next_step


def test_what_this_account_may_not_look_into_is_not_called_missing(
    release: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = "district/governance.cases.parquet"
    (release.path / gone).unlink()
    assert [f"{gone}: missing"] == release.verify()

    monkeypatch.setattr(
        os, "access", lambda path, _: Path(path).name != "district"
    )  # root may look everywhere
    assert [f"{gone}: not looked at, this account may not read district/"] == release.verify()


def test_a_link_to_nothing_is_a_damaged_release(release: releases.Release) -> None:
    link = lake.releases() / "20200101T000000Z-0123456789"
    link.symlink_to("/nowhere")

    assert [link.name] == list(releases.unreadable())
    with pytest.raises(WarehouseError, match=r"manifest\.json is missing"):
        releases.read(link.name)


def test_a_broken_manifest_hides_no_other_release(release: releases.Release) -> None:
    other = lake.releases() / "20200101T000000Z-0123456789"
    other.mkdir()
    (other / releases.MANIFEST).write_text("{", encoding="utf-8")

    assert [release] == releases.list_releases()
    assert release == run.find_release(release.release_id[:8])
    found = run.verify_releases()
    assert [] == found[release.release_id]
    assert "manifest.json cannot be read" in found[other.name][0]
    with pytest.raises(WarehouseError, match=r"manifest\.json cannot be read"):
        run.verify_releases(other.name)


def test_one_flipped_byte_anywhere_is_found(release: releases.Release) -> None:
    for path in sorted(path for path in release.path.rglob("*") if path.is_file()):
        name = path.relative_to(release.path).as_posix()
        whole, mode = path.read_bytes(), path.stat().st_mode
        middle = len(whole) // 2
        path.unlink()
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])

        if name == releases.MANIFEST:
            with pytest.raises(WarehouseError):
                _raise_if_broken()
        else:
            assert [f"{name}: its bytes changed since it was published"] == releases.current().verify()
        path.write_bytes(whole)
        path.chmod(mode)

    assert [] == releases.current().verify()


def _raise_if_broken() -> None:
    if problems := releases.current().verify():
        raise WarehouseError("; ".join(problems))


def test_an_edited_manifest_is_found(release: releases.Release) -> None:
    manifest = dict(release.manifest)
    manifest["batches"] = []
    (release.path / releases.MANIFEST).unlink()
    (release.path / releases.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (release.path / releases.MANIFEST).chmod(0o440)

    assert ["manifest.json: changed since it was published"] == releases.current().verify()


def test_missing_extra_and_cut_files_are_all_found_at_once(release: releases.Release) -> None:
    (cases,), (areas,) = release.detail["governance.cases"].files, release.tables["ref.areas"].files
    size = areas.stat().st_size
    cases.unlink()
    areas.chmod(0o644)
    areas.write_bytes(areas.read_bytes()[:-1])
    (release.path / "tables" / "extra.parquet").write_bytes(b"")
    (release.path / "offices" / "link").symlink_to("/nowhere")

    assert [
        "district/governance.cases.parquet: missing",
        "offices/link: not in the manifest",
        "tables/extra.parquet: not in the manifest",
        f"tables/ref.areas.parquet: {size - 1} bytes, expected {size}",
    ] == release.verify()


def _swap(release: releases.Release) -> None:
    one, other = (
        release.path / "tables" / f"governance.{name}.parquet" for name in ("scorecard", "channel_health")
    )
    kept = one.read_bytes()
    one.unlink()
    one.write_bytes(other.read_bytes())
    other.unlink()
    other.write_bytes(kept)


def _link(release: releases.Release) -> None:
    path = release.path / "tables" / "ref.areas.parquet"
    path.rename(release.path.parent / "elsewhere")
    path.symlink_to(release.path.parent / "elsewhere")


def _link_to_nothing(release: releases.Release) -> None:
    path = release.path / "tables" / "ref.areas.parquet"
    path.unlink()
    path.symlink_to("/nowhere")


def _link_folder(release: releases.Release) -> None:
    (release.path / "offices").rename(release.path.parent / "elsewhere")
    (release.path / "offices").symlink_to(release.path.parent / "elsewhere")


def _link_manifest(release: releases.Release) -> None:
    path = release.path / releases.MANIFEST
    path.rename(release.path.parent / "elsewhere")
    path.symlink_to(release.path.parent / "elsewhere")


def _pipe(release: releases.Release) -> None:
    os.mkfifo(release.path / "tables" / "pipe.parquet")


def _mode(path: str, mode: int) -> Callable[[releases.Release], None]:
    return lambda release: (release.path / path).chmod(mode)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_swap, ["tables/governance.channel_health.parquet: ", "tables/governance.scorecard.parquet: "]),
        (_link, ["tables/ref.areas.parquet: a link, expected a file"]),
        (_link_to_nothing, ["tables/ref.areas.parquet: a link, expected a file"]),
        (
            _link_folder,
            ["offices: not in the manifest", f"offices/{EAST}/{EAST}.duckdb: missing", f"offices/{WEST}/{WEST}.duckdb: missing"],
        ),
        (_link_manifest, ["manifest.json: a link, expected a file"]),
        (_pipe, ["tables/pipe.parquet: not in the manifest"]),
        (_mode("tables/ref.areas.parquet", 0o664), ["tables/ref.areas.parquet: mode 664: others than its owner may change it"]),
        (
            _mode("district/governance.cases.parquet", 0o444),
            ["district/governance.cases.parquet: mode 444: every account may read it"],
        ),
        (_mode(f"offices/{EAST}/{EAST}.duckdb", 0o604), [f"offices/{EAST}/{EAST}.duckdb: mode 604: every account may read it"]),
        (_mode("tables/ref.areas.parquet", 0o644), []),
    ],
    ids=["swapped", "link", "dead link", "linked folder", "linked manifest", "pipe", "writable", "readable", "office", "copy"],
)  # fmt: skip
def test_whatever_is_not_as_it_was_published_is_named(
    release: releases.Release, damage: Callable[[releases.Release], None], told: list[str]
) -> None:
    damage(release)

    found = release.verify()
    assert len(told) == len(found), found
    assert all(line.startswith(start) for start, line in zip(told, found, strict=True)), found


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_release_nobody_can_read_is_listed_with_why(release: releases.Release, damage: str) -> None:
    manifest = release.path / releases.MANIFEST
    whole = manifest.read_bytes()
    manifest.unlink()
    if damage == "cut":
        manifest.write_bytes(whole[: len(whole) // 2])

    (row,) = run.release_list()
    why = "cannot be read" if damage == "cut" else "is missing"
    assert (release.release_id, True) == (row["release_id"], row["is_current"])
    assert f"{release.release_id}/manifest.json {why}" in row["damage"]
    listed = CliRunner().invoke(app, ["release", "list"])
    assert (1, True) == (listed.exit_code, f"{release.release_id} is damaged 已损坏" in listed.output)
    assert 1 == CliRunner().invoke(app, ["release", "verify"]).exit_code
    told = run.status(LANDED_AT.isoformat())
    assert release.release_id == told["release"]
    assert told["release_damage"]
    shown = CliRunner().invoke(app, ["status", "--at", LANDED_AT.isoformat()])
    assert "it is damaged, readers find nothing 当前发布已损坏" in " ".join(shown.output.split())


def test_what_a_killed_writer_left_is_no_release(release: releases.Release) -> None:
    (lake.releases() / ".writing-abc").mkdir()
    (lake.releases() / "20200101T000000Z-0123456789").mkdir()

    assert [release] == releases.list_releases()
