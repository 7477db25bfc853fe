"""A release at another place is whole, is what was published, and survives whoever is killed while sending it."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet
import pytest
import requests
from two_streets import EAST, FEEDS, GOVERNANCE, project, warehouse
from typer.testing import CliRunner

from pipelines import cli, lake, releases, run, settings
from pipelines.errors import SettingError, StorageUnavailable, UrbanBrainError, WarehouseError
from pipelines.outlets.storage import Storage
from pipelines.outlets.uploading import AUDIENCES, prune, upload
from pipelines.releases.retention import Policy
from pipelines.stages import publishing

ACCESS, KEY = "AKIA-FOR-TESTS", "a-secret-key-for-tests"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two releases in it, to be copied by each test."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch, warehouse() as connection:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        made = project(folder)
        publishing.publish(connection, FEEDS, GOVERNANCE, made)
        (made / "warehouse" / "office" / "new.sql").write_text("select 1 as one", encoding="utf-8")
        publishing.publish(connection, FEEDS, GOVERNANCE, made)
    return folder / "home"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server on this machine: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "log.txt"
    with log.open("w") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                requests.get(address, timeout=60)
                break
            except requests.ConnectionError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def bucket(service: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty bucket of the test's own, and the settings that reach it."""
    monkeypatch.setenv("URBANBRAIN_S3_ENDPOINT", service)
    monkeypatch.setenv("URBANBRAIN_S3_REGION", "us-east-1")
    monkeypatch.setenv("URBANBRAIN_SECRET_S3", f"{ACCESS}:{KEY}")
    name = f"bucket-{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}"
    _client(service).create_bucket(Bucket=name)
    yield f"s3://{name}/huitian/releases"


def _client(service: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=service,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=KEY,
    )


@pytest.fixture
def here(home: Path, published: Path) -> releases.Release:
    shutil.copytree(published, home)
    return releases.current()


@pytest.fixture(params=[pytest.param("s3", marks=pytest.mark.long), "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both kinds of places."""
    if request.param == "s3":
        return str(request.getfixturevalue("bucket"))
    return f"file://{tmp_path / 'mounted'}"


def _there(url: str) -> dict[str, str]:
    """Checksum of every file of releases at an address, by name; of manifests that they are whole."""
    storage = Storage(url)
    found = {name: storage.read(name) or b"" for name in storage.files()}
    return {
        name: _checked(json.loads(content), set(found))
        if name.endswith("/manifest.json")
        else hashlib.sha256(content).hexdigest()
        for name, content in found.items()
    }


def _checked(manifest: dict[str, Any], found: set[str]) -> str:
    """What a reader proves: the manifest is whole, and tells of the files beside it and of no others."""
    told = {f"{manifest['release_id']}/{file['path']}" for file in manifest["files"]}
    beside = {name for name in found if name.startswith(f"{manifest['release_id']}/")}
    is_whole = manifest["sha256"] == releases.manifest_sha256(manifest)
    return "whole" if is_whole and told | {f"{manifest['release_id']}/manifest.json"} == beside else "damaged"


def _promised(release: releases.Release, *folders: str) -> dict[str, str]:
    """What has to be there of a release: its open files, and those of these folders."""
    return {
        f"{release.release_id}/{file['path']}": str(file["sha256"])
        for file in release.manifest["files"]
        if (folder := str(file["path"]).split("/")[0]) not in ("district", "offices") or folder in folders
    }


def _pointer(release: releases.Release) -> dict[str, str]:
    """What is there last."""
    return {
        f"{release.release_id}/manifest.json": "whole",
        "CURRENT": hashlib.sha256(f"{release.release_id}\n".encode()).hexdigest(),
    }


def test_what_anybody_may_read_is_there_and_nothing_else(here: releases.Release, url: str) -> None:
    done = run.upload(url=url)

    expected = _promised(here)
    assert expected | _pointer(here) == _there(url)
    assert (len(expected), 0, True) == (done.sent, done.there, done.is_current)
    assert done.bytes > 0


def test_the_district_and_the_offices_go_along_where_somebody_chose_them(
    here: releases.Release, url: str
) -> None:
    run.upload(url=url)
    run.upload(url=url, only=["offices"])
    assert _promised(here, "offices") | _pointer(here) == _there(url)

    done = run.upload(url=url, only=["district", "offices", "tables"])

    assert _promised(here, "district", "offices") | _pointer(here) == _there(url)
    assert done.there > 0
    assert Storage(url).read(f"{here.release_id}/manifest.json") == (here.path / "manifest.json").read_bytes()
    with pytest.raises(SettingError, match="'everything': expected tables, district, offices"):
        run.upload(url=url, only=["everything"])


def test_an_open_manifest_tells_nothing_of_what_is_not_there(here: releases.Release, url: str) -> None:
    """A checksum of a closed file would let anybody try what a hidden cell is."""
    run.upload(url=url)
    closed = [
        file for file in here.manifest["files"] if str(file["path"]).split("/")[0] in ("district", "offices")
    ]

    told = (Storage(url).read(f"{here.release_id}/manifest.json") or b"").decode()

    assert closed
    open_too = {file["sha256"] for file in here.manifest["files"] if file not in closed}
    assert [] == [file["path"] for file in closed if file["path"] in told]
    assert [] == [
        file["path"] for file in closed if file["sha256"] in told and file["sha256"] not in open_too
    ]
    assert here.manifest["sha256"] not in told
    assert not {"batches", "inputs", "held"} & set(json.loads(told))


def test_a_folder_keeps_who_may_read_what(here: releases.Release, tmp_path: Path) -> None:
    run.upload(url=f"file://{tmp_path / 'mounted'}", only=list(AUDIENCES))

    office = tmp_path / "mounted" / here.release_id / "offices" / EAST
    assert (0o750, 0o440) == tuple(
        path.stat().st_mode & 0o777 for path in (office, office / f"{EAST}.duckdb")
    )
    table = tmp_path / "mounted" / here.release_id / "tables" / "governance.scorecard.parquet"
    assert (0o755, 0o444) == tuple(path.stat().st_mode & 0o777 for path in (table.parent, table))
    copied = tmp_path / "mounted" / here.release_id
    assert [] == releases.Release(here.release_id, copied, releases.read_manifest(copied)).verify()


def test_uploading_again_sends_nothing(here: releases.Release, url: str) -> None:
    first = run.upload(url=url)

    again = run.upload(url=url)
    verified = run.upload(url=url, verify=True)

    for done in (again, verified):
        assert (0, first.sent, 0) == (done.sent, done.there, done.bytes)


def test_a_file_that_changed_there_is_found_and_sent_again(here: releases.Release, url: str) -> None:
    run.upload(url=url)
    expected = _there(url)
    name = next(name for name in expected if name.endswith(".parquet"))
    content = Storage(url).read(name) or b""
    Storage(url).write(name, bytes([content[0] ^ 1]) + content[1:])

    done = run.upload(url=url, verify=True)

    assert 1 == done.sent
    assert expected == _there(url)


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


def test_killed_anywhere_the_next_upload_goes_on(
    here: releases.Release, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No moment shows a manifest without its files, nor a CURRENT without its manifest."""
    reals = {"put": Storage.put, "write": Storage.write}
    expected = _promised(here)
    kills = 0
    while True:
        left = iter(range(3))

        def dying(name: str, left: Any = left) -> Any:
            def call(*args: Any) -> None:
                if next(left, None) is None:
                    raise Killed
                reals[name](*args)

            return call

        for name in reals:
            monkeypatch.setattr(Storage, name, dying(name))
        try:
            done = run.upload(url=url)
            break
        except Killed:
            kills += 1
        there = _there(url)
        assert f"{here.release_id}/manifest.json" not in there or expected.items() <= there.items()
        assert "CURRENT" not in there or f"{here.release_id}/manifest.json" in there

    assert kills > 1
    assert expected | _pointer(here) == _there(url)
    assert done.there > 0


def test_half_a_file_of_a_killed_sender_is_not_taken_for_whole(here: releases.Release, url: str) -> None:
    expected = _promised(here)
    name = next(name for name in expected if name.endswith(".parquet"))
    size = (here.path.parent / name).stat().st_size
    Storage(url).write(name, b"\0" * size)

    run.upload(url=url)

    assert expected | _pointer(here) == _there(url)


def test_another_release_of_the_same_id_is_never_replaced(here: releases.Release, url: str) -> None:
    run.upload(url=url)
    manifest = json.loads((here.path / "manifest.json").read_text(encoding="utf-8"))
    Storage(url).write(f"{here.release_id}/manifest.json", json.dumps(manifest | {"as_of": "x"}).encode())
    before = _there(url)

    with pytest.raises(WarehouseError, match=f"holds another release {here.release_id}"):
        run.upload(url=url)

    assert before == _there(url)


def test_a_damaged_release_is_not_uploaded(here: releases.Release, url: str) -> None:
    path = here.path / "tables" / "governance.scorecard.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(WarehouseError, match="is not what was published, so it was not uploaded"):
        run.upload(url=url)

    assert not {"CURRENT", f"{here.release_id}/manifest.json"} & set(_there(url))


def test_an_older_release_does_not_become_current_there(here: releases.Release, url: str) -> None:
    run.upload(url=url)

    done = run.upload("previous", url)

    assert not done.is_current
    assert f"{here.release_id}\n".encode() == Storage(url).read("CURRENT")


def test_old_releases_go_there_by_the_same_policy(here: releases.Release, url: str) -> None:
    older = run.find_release("previous")
    lake.write_file(lake.releases() / "CURRENT", f"{older.release_id}\n".encode())
    run.upload(url=url)
    lake.write_file(lake.releases() / "CURRENT", f"{here.release_id}\n".encode())
    run.upload(url=url)
    policy = Policy(1, 0, timedelta(hours=24))
    now = datetime.now(UTC)

    assert [] == prune(url, policy, now)  # a reader may still be at it
    run.pin(older.release_id)
    assert [] == prune(url, policy, now + timedelta(hours=25))
    run.unpin(older.release_id)
    assert [older.release_id] == prune(url, policy, now + timedelta(hours=25), dry_run=True)
    assert _promised(older).items() <= _there(url).items()
    assert [older.release_id] == prune(url, policy, now + timedelta(hours=25))

    left = {name for name in _there(url) if name.partition("/")[0] not in ("replaced", "pruned")}
    assert set(_promised(here) | _pointer(here)) == left
    assert [] == prune(url, policy, now + timedelta(hours=25))


def test_what_a_killed_pruning_left_goes_with_the_next(here: releases.Release, url: str) -> None:
    older = run.find_release("previous")
    for release in (older, here):
        upload(release, url)
    Storage(url).write(f"pruned/{older.release_id}", b"the policy")
    Storage(url).remove(f"{older.release_id}/manifest.json")

    prune(url, Policy(5, 0, timedelta(0)), datetime.now(UTC))

    assert not [name for name in _there(url) if name.startswith(older.release_id)]
    assert _promised(here).items() <= _there(url).items()


def test_pruning_and_uploading_keep_each_other_out(
    here: releases.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that was pruned there and is uploaded again must not go while its files arrive."""
    taken: list[str] = []
    real = lake.one_at_a_time
    monkeypatch.setattr(lake, "one_at_a_time", lambda what: taken.append(what) or real(what))
    for folder in ("one", "other"):
        upload(here, f"file://{tmp_path / folder}")
        prune(f"file://{tmp_path / folder}/", Policy(5, 0, timedelta(0)), datetime.now(UTC))

    assert taken == [taken[0], taken[0], taken[2], taken[2]]
    assert taken[0] != taken[2]


def test_a_reader_there_resolves_current_and_reads(here: releases.Release, bucket: str) -> None:
    """As `docs/dashboards.md` tells it for PyArrow."""
    from pyarrow import fs

    run.upload(url=bucket)
    system = fs.S3FileSystem(**settings.s3())
    base = bucket.removeprefix("s3://")
    with system.open_input_stream(f"{base}/CURRENT") as stream:
        release_id = stream.read().decode().strip()
    table = pyarrow.parquet.read_table(
        f"{base}/{release_id}/tables/governance.scorecard.parquet", filesystem=system
    )

    local = here.tables["governance.scorecard"].files[0]
    assert pyarrow.parquet.read_table(local) == table


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://AKIA:geheim@bucket/x", "nothing else"),
        ("s3://bucket/x?secret_key=geheim", "nothing else"),
        ("s3:///x", "no address"),
        ("https://bucket/x", "no address"),
        ("file://host/x", "no address"),
        ("file:///", "no address"),
        ("somewhere", "no address"),
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_a_secret(
    here: releases.Release, url: str, said: str
) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        run.upload(url=url)

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("folder", ["", "releases", "lake/landing", "link"])
def test_nothing_is_uploaded_into_the_home_it_comes_from(here: releases.Release, folder: str) -> None:
    (settings.home() / "link").symlink_to(lake.releases())

    with pytest.raises(SettingError, match="lies in this home"):
        upload(here, f"file://{settings.home() / folder}")


def test_a_file_in_the_place_of_the_folder_is_named(here: releases.Release, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(WarehouseError, match=r"file cannot be (read|listed|written to): "):
        upload(here, f"file://{tmp_path / 'file'}")


def test_without_an_address_the_setting_counts(
    here: releases.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="nobody said where"):
        run.upload()
    monkeypatch.setenv("URBANBRAIN_UPLOAD", f"file://{tmp_path / 'mounted'}")
    monkeypatch.setenv("URBANBRAIN_UPLOAD_ONLY", "tables, district")

    run.upload()

    assert _promised(here, "district") | _pointer(here) == _there(f"file://{tmp_path / 'mounted'}")


def test_errors_name_the_place_and_no_credential(
    here: releases.Release, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "s3://no-such-bucket-here/x"
    told: list[UrbanBrainError] = []
    with pytest.raises(WarehouseError, match=r"no-such-bucket-here.* cannot be .*") as caught:
        run.upload(url=missing)
    assert not caught.value.retry
    told.append(caught.value)
    with socket.socket() as closed:  # nobody listens there
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("URBANBRAIN_S3_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(StorageUnavailable) as caught:
            run.upload(url=bucket)
    assert caught.value.retry
    told.append(caught.value)
    for name, value in (("URBANBRAIN_SECRET_S3", KEY), ("URBANBRAIN_S3_ENDPOINT", f"http://{KEY}@host")):
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingError) as wrong:
            run.upload(url=bucket)
        told.append(wrong.value)

    assert not [error for error in told if ACCESS in str(error) or KEY in str(error)]


def test_the_command_uploads_and_says_so(here: releases.Release, tmp_path: Path) -> None:
    target = f"file://{tmp_path / 'mounted'}"

    result = CliRunner().invoke(
        cli.app, ["release", "upload", "current", target, "--only", "tables,district"]
    )

    assert 0 == result.exit_code, result.output
    assert result.output.startswith(f"{target}/{here.release_id}\n")
    assert "CURRENT names it" in result.output
    assert _promised(here, "district") | _pointer(here) == _there(target)
