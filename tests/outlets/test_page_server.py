"""Serving the open part of releases: what is handed out, what never is, and how the server comes and goes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from page_served import Server, serving

from pipelines import releases
from pipelines.errors import SettingError, WarehouseError
from pipelines.outlets import page_server

FIRST, SECOND = "20261117T164000Z-aaaaaaaaaa", "20261118T164000Z-bbbbbbbbbb"
SECRET = b"of the district alone"
TABLE = "tables/governance.cases.parquet"
FILES = {
    "index.html": b"<!doctype html><title>Urban brain</title>",
    "datapackage.json": b"{}",
    TABLE: bytes(range(256)) * 4,
    "district/governance.cases.parquet": SECRET,
    "district/datapackage.json": SECRET,
    "offices/110114010/110114010.duckdb": SECRET,
}


def publish(home: Path, release_id: str, files: Mapping[str, bytes] = FILES) -> Path:
    """A release by hand, made CURRENT."""
    folder = home / "releases" / release_id
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    listed = [
        {"path": name, "rows": None, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    manifest = {"release_id": release_id, "as_of": release_id[:16], "timezone": "Asia/Shanghai"}
    (folder / releases.MANIFEST).write_text(json.dumps(manifest | {"batches": [], "files": listed}))
    (folder.parent / releases.CURRENT).write_text(f"{release_id}\n")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    """Two releases, the second current, and something that lies beside them and in them unlisted."""
    home = tmp_path_factory.mktemp("served")
    publish(home, FIRST)
    folder = publish(home, SECOND)
    (home / "secret.txt").write_bytes(SECRET)
    (folder / "tables" / "unlisted.parquet").write_bytes(SECRET)
    with serving(home, airflow="https://airflow.example.org/x") as server:
        yield home, server


def test_the_front_leads_to_the_page_of_the_current_release(served: tuple[Path, Server]) -> None:
    home, server = served
    front = server.ask("/")
    publish(home, FIRST)
    back = server.ask("/")
    publish(home, SECOND)

    assert (307, f"/releases/{SECOND}/index.html", "no-store") == (
        front.status, front.headers["location"], front.headers["cache-control"],
    )  # fmt: skip
    assert f"/releases/{FIRST}/index.html" == back.headers["location"]
    assert FILES["index.html"] == server.ask(front.headers["location"]).body
    assert f"{SECOND}\n".encode() == server.ask("/releases/CURRENT").body
    assert f"/releases/{FIRST}/index.html" == server.ask(f"/releases/{FIRST}/").headers["location"]


@pytest.mark.parametrize("name", ["index.html", "datapackage.json", TABLE])
def test_an_open_file_is_handed_out_whole_and_may_be_kept(served: tuple[Path, Server], name: str) -> None:
    answer = served[1].ask(f"/releases/{SECOND}/{name}")
    told = served[1].ask(f"/releases/{SECOND}/{name}", "HEAD")

    assert (200, FILES[name]) == (answer.status, answer.body)
    assert f'"{hashlib.sha256(FILES[name]).hexdigest()}"' == answer.headers["etag"]
    assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
    assert (200, b"", str(len(FILES[name]))) == (told.status, told.body, told.headers["content-length"])
    assert answer.headers["etag"] == told.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        f"/releases/{SECOND}/district/governance.cases.parquet",
        f"/releases/{SECOND}/district/datapackage.json",
        f"/releases/{SECOND}/offices/110114010/110114010.duckdb",
        f"/releases/{SECOND}/tables/../district/governance.cases.parquet",
        f"/releases/{SECOND}/tables/%2e%2e/district/governance.cases.parquet",
        f"/releases/{SECOND}/tables/..%2fdistrict%2fgovernance.cases.parquet",
        f"/releases/{SECOND}/tables/%252e%252e/district/governance.cases.parquet",
        f"/releases/{SECOND}//district/governance.cases.parquet",
        f"/releases/{SECOND}/District/governance.cases.parquet",
        f"/releases/{SECOND}/tables/unlisted.parquet",
        f"/releases/{SECOND}/tables/",
        f"/releases/{SECOND}/tables",
        f"/releases/{SECOND}/manifest.json",
        f"/releases/{SECOND}/index.html%00",
        f"/releases/{SECOND}/../../secret.txt",
        f"/releases/{SECOND}/..%2f..%2fsecret.txt",
        "/releases/../secret.txt",
        "/releases/..%2f..%2f/secret.txt",
        "/releases/",
        "/releases",
        "/secret.txt",
        "/../secret.txt",
        "//etc/passwd",
        "/releases/20261118T164000Z-cccccccccc/index.html",
    ],
)  # fmt: skip
def test_nothing_else_is_handed_out(served: tuple[Path, Server], path: str) -> None:
    answer = served[1].ask(path)

    assert 404 == answer.status
    assert SECRET not in answer.body
    assert b"unlisted" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nobody_writes(served: tuple[Path, Server], method: str) -> None:
    answer = served[1].ask(f"/releases/{SECOND}/{TABLE}", method)

    assert (405, "GET, HEAD") == (answer.status, ", ".join(sorted(answer.headers["allow"].split(", "))))


def test_what_a_reader_has_is_not_sent_again(served: tuple[Path, Server]) -> None:
    path = f"/releases/{SECOND}/{TABLE}"
    etag = served[1].ask(path).headers["etag"]
    statuses = {
        known: served[1].ask(path, if_none_match=known).status
        for known in (etag, f'W/{etag}, "other"', "*", '"other"')
    }

    assert {etag: 304, f'W/{etag}, "other"': 304, "*": 304, '"other"': 200} == statuses


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-3", 206, FILES[TABLE][:4]),
        ("bytes=-8", 206, FILES[TABLE][-8:]),
        ("bytes=1000-", 206, FILES[TABLE][1000:]),
        ("bytes=5000-", 416, b""),
    ],
)
def test_a_part_of_a_table_can_be_asked_for(
    served: tuple[Path, Server], asked: str, status: int, body: bytes
) -> None:
    answer = served[1].ask(f"/releases/{SECOND}/{TABLE}", range=asked)

    assert (status, body) == (answer.status, answer.body)


def test_a_part_of_other_bytes_than_the_reader_has_is_not_mixed_in(served: tuple[Path, Server]) -> None:
    answer = served[1].ask(f"/releases/{SECOND}/{TABLE}", range="bytes=0-3", if_range='"of another release"')

    assert (200, FILES[TABLE]) == (answer.status, answer.body)


@pytest.mark.parametrize("path", ["/", "/releases/CURRENT", f"/releases/{SECOND}/index.html", "/nowhere"])
def test_browsers_are_told_to_ask_nobody_else_and_who_may_frame_it(
    served: tuple[Path, Server], path: str
) -> None:
    headers = served[1].ask(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))

    assert "'none'" == policy["default-src"]
    assert not re.search(
        r"https?:", headers["content-security-policy"].replace(policy["frame-ancestors"], "")
    )
    assert policy["frame-ancestors"].startswith("'self' http://127.0.0.1:* http://localhost:*")
    assert ("nosniff", "no-referrer") == (headers["x-content-type-options"], headers["referrer-policy"])
    assert "server" not in headers


def test_the_airflow_that_is_set_may_frame_the_page(served: tuple[Path, Server]) -> None:
    policy = served[1].ask("/").headers["content-security-policy"]

    assert policy.endswith(" https://airflow.example.org")


def test_bytes_that_changed_since_they_were_published_are_not_handed_out(home: Path) -> None:
    folder = publish(home, FIRST)
    (folder / TABLE).write_bytes(FILES[TABLE][::-1])
    (folder / "datapackage.json").unlink()
    (folder / "datapackage.json").symlink_to(folder / "district" / "datapackage.json")
    with serving(home) as server:
        changed, linked = (server.ask(f"/releases/{FIRST}/{name}") for name in (TABLE, "datapackage.json"))

    assert (500, True) == (changed.status, b"changed since it was published" in changed.body)
    assert 404 == linked.status


def test_one_release_is_served_alone_when_it_is_named(home: Path) -> None:
    for release_id in (FIRST, SECOND):
        publish(home, release_id)
    with serving(home, FIRST[:8]) as server:
        front = server.ask("/").headers["location"]
        own, other = (server.ask(f"/releases/{each}/index.html").status for each in (FIRST, SECOND))
        named = server.ask("/releases/CURRENT").body

    assert f"/releases/{FIRST}/index.html" == front
    assert (200, 404) == (own, other)
    assert f"{FIRST}\n".encode() == named


def test_a_server_that_starts_before_the_first_release_shows_it_when_it_is_there(home: Path) -> None:
    with serving(home) as server:
        before, health = server.ask("/"), server.ask("/health").status
        publish(home, FIRST, {TABLE: FILES[TABLE]})
        without = server.ask("/").status
        publish(home, SECOND)
        after = server.ask("/")
        shutil.rmtree(home / "releases" / SECOND)
        damaged = server.ask("/")

    assert "no page is published yet" in server.said
    assert (503, 503, 200) == (before.status, without, health)
    assert "尚未发布页面" in before.body.decode()
    assert 307 == after.status
    assert (500, True) == (damaged.status, b"there is no release" in damaged.body)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_well(home: Path, number: signal.Signals) -> None:
    publish(home, FIRST)
    with serving(home) as server:
        server.ask("/")
        server.process.send_signal(number)
        assert server.process.stdout is not None
        rest = server.process.stdout.read()

        assert (0, "") == (server.process.wait(), rest)


def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: .*\n.*--port"):
            page_server.serve(port=port)


def test_a_release_from_before_there_were_pages_is_told_apart(home: Path) -> None:
    publish(home, FIRST, {TABLE: b"x"})

    with pytest.raises(WarehouseError, match="published before releases had a page"):
        page_server.page_file(releases.current())


def test_only_folders_that_are_known_to_be_open_are(home: Path) -> None:
    publish(home, FIRST, FILES | {"tables/of/parts.parquet": b"x", "new/folder.parquet": b"x", "a.md": b"x"})

    assert {"index.html", "datapackage.json", "a.md", TABLE, "tables/of/parts.parquet"} == set(
        page_server.open_files(releases.current())
    )
