"""Landing: whole or not at all, once, and gone when it has to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from answering import Quiet, listening

from pipelines import lake
from pipelines.connectors import session
from pipelines.contract.model import Column, Contract, Server
from pipelines.errors import ContractError, DataError, FeedError, SettingError
from pipelines.lake import Window
from pipelines.parts import landing_key, read_part
from pipelines.receipt import Receipt
from pipelines.stages.landing import expire, land, refuse

DAY = Window(datetime(2026, 11, 17, 16, tzinfo=UTC), datetime(2026, 11, 18, 16, tzinfo=UTC))
NEXT_DAY = Window(DAY.end, DAY.end + timedelta(days=1))
EVENING = datetime(2026, 11, 18, 16, 40, tzinfo=UTC)


@dataclass
class Site:
    """A web site with one file. It knows its own version, and says 304 to whoever has it."""

    url: str = ""
    content: bytes = b'[{"id": "1"}, {"id": "2"}]'
    status: int = 200
    etag: str = ""
    sent: list[int] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(session, "sleep", lambda seconds: None)
    site = Site()

    class Handler(Quiet):
        def do_GET(self) -> None:
            is_known = site.etag and self.headers.get("If-None-Match") == site.etag
            site.sent.append(304 if is_known else site.status)
            self.send_response(site.sent[-1])
            if site.etag:
                self.send_header("ETag", site.etag)
            self.end_headers()
            if not is_known:
                self.wfile.write(site.content)

    with listening(Handler) as url:
        site.url = f"{url}/things.json"
        yield site


@pytest.fixture
def feed(site: Site) -> Contract:
    return Contract(
        contract_id="city_things",
        level="city",
        name="things",
        title="Things",
        business_name="",
        description="",
        grain="thing",
        version="1.0.0",
        status="active",
        path="contracts/city/things.odcs.yaml",
        sha256="first",
        columns=(Column("id", "", "", "string", "VARCHAR", ("id",), is_key=True),),
        rules=(),
        servers=(Server("sample", site.url, "file"),),
        timezone="Asia/Shanghai",
        retention=timedelta(days=30),
        landing_secret="landing",
    )


def files(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def parts_of(folder: Path, feed: Contract) -> list[bytes]:
    return [read_part(folder, part, landing_key(feed)) for part in Receipt.read(folder).parts]


def test_a_batch_is_what_the_source_sent_and_a_receipt(site: Site, feed: Contract, home: Path) -> None:
    folder = land(feed, DAY, EVENING)

    receipt = Receipt.read(folder)
    assert [site.content] == parts_of(folder, feed)
    assert receipt.batch.folder("landing") == folder
    assert ("landing", 2, EVENING) == (receipt.stage, receipt.received, receipt.landed_at)
    assert (site.url, len(site.content)) == (receipt.details["source"], receipt.details["bytes"])
    assert {"part-00001.json.zst.enc", "receipt.json"} == {path.name for path in folder.iterdir()}
    assert 2 == len(files(home))


def test_landing_the_same_bytes_again_changes_no_byte(feed: Contract, home: Path) -> None:
    first = land(feed, DAY, EVENING)
    before = files(home)

    assert first == land(feed, DAY, EVENING + timedelta(hours=1))
    assert before == files(home)


def test_other_bytes_are_another_batch_of_the_same_window(site: Site, feed: Contract) -> None:
    first = land(feed, DAY, EVENING)
    site.content = b"[]"
    second = land(feed, DAY, EVENING)

    assert first != second
    assert first.parent == second.parent
    assert 0 == Receipt.read(second).received


@pytest.mark.parametrize(("status", "content"), [(500, b""), (404, b""), (200, b"<html>"), (200, b'[{"id"')])
def test_a_failed_pull_leaves_nothing(
    site: Site, feed: Contract, home: Path, status: int, content: bytes
) -> None:
    site.status, site.content = status, content

    with pytest.raises(FeedError, match="city_things: http"):
        land(feed, DAY, EVENING)
    assert {} == files(home)
    assert [] == [path for path in home.rglob("*") if path.name.startswith(".")]


def test_without_the_landing_secret_nothing_is_even_asked(
    site: Site, feed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("URBANBRAIN_SECRET_LANDING", raising=False)

    with pytest.raises(SettingError, match="'landing' is not set"):
        land(feed, DAY, EVENING)
    assert [] == site.sent


def test_an_unknown_server_names_the_known_ones(feed: Contract) -> None:
    with pytest.raises(ContractError, match=r"no server 'production' to pull from; it has sample"):
        land(feed, DAY, EVENING, "production")


def test_progress_is_told(feed: Contract) -> None:
    told: list[tuple[int, int]] = []

    land(feed, DAY, EVENING, progress=lambda rows, size: told.append((rows, size)))

    assert [(2, 26)] == told


def test_not_modified_is_the_same_content_in_the_next_window(site: Site, feed: Contract) -> None:
    site.etag = '"v1"'
    first = land(feed, DAY, EVENING)
    second = land(feed, NEXT_DAY, EVENING)

    assert [200, 304] == site.sent
    assert parts_of(first, feed) == parts_of(second, feed)
    assert (2, True) == (Receipt.read(second).received, Receipt.read(second).details["is_not_modified"])


def test_not_modified_is_no_help_when_the_earlier_bytes_are_gone(site: Site, feed: Contract) -> None:
    site.etag = '"v1"'
    first = land(feed, DAY, EVENING)
    next(first.glob("part-*")).unlink()
    second = land(feed, NEXT_DAY, EVENING)

    assert [200, 304, 200] == site.sent
    assert [site.content] == parts_of(second, feed)


def test_a_changed_address_is_asked_in_full(site: Site, feed: Contract) -> None:
    site.etag = '"v1"'
    land(feed, DAY, EVENING)
    [server] = feed.servers
    land(replace(feed, servers=(replace(server, query={"day": "{end:%Y%m%d}"}),)), NEXT_DAY, EVENING)

    assert [200, 200] == site.sent


def test_a_refused_batch_keeps_its_reason_and_none_of_its_bytes(feed: Contract, home: Path) -> None:
    folder = land(feed, DAY, EVENING)
    refusal = refuse(folder, feed, "column 'face' is forbidden", 2)

    receipt = Receipt.read(refusal)
    assert not folder.exists()
    assert ["refused/receipt.json"] == [f"{name.split('/')[1]}/{name.split('/')[-1]}" for name in files(home)]
    assert (2, 2, 0) == (receipt.received, receipt.refused, receipt.difference)
    assert "column 'face' is forbidden" == receipt.details["reason"]
    assert refusal == refuse(folder, feed, "again", 2)


def test_a_refusal_cut_short_is_ended_by_the_next_one(
    feed: Contract, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = land(feed, DAY, EVENING)
    with monkeypatch.context() as patch:
        patch.setattr(
            "pipelines.stages.landing.drop_folder", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            refuse(folder, feed, "face", 2)
    assert folder.exists()

    refuse(folder, feed, "face", 2)

    assert ["receipt.json"] == [Path(name).name for name in files(home)]


def test_what_was_refused_is_not_kept_again_until_the_contract_changes(feed: Contract, home: Path) -> None:
    refusal = refuse(land(feed, DAY, EVENING), feed, "face", 2)

    assert refusal == land(feed, DAY, EVENING)
    assert 1 == len(files(home))

    landed = land(replace(feed, sha256="second"), DAY, EVENING)

    assert lake.same_batch(refusal, "landing") == landed
    assert not refusal.exists()


def test_old_bytes_expire_and_their_receipt_says_so(feed: Contract) -> None:
    old = land(feed, DAY, EVENING)
    young = land(feed, NEXT_DAY, EVENING + timedelta(days=20))
    later = EVENING + timedelta(days=31)
    before = files(lake.lake())

    assert [old] == expire(feed, later, dry_run=True)
    assert before == files(lake.lake())
    assert [old] == expire(feed, later)
    assert [] == expire(feed, later)
    assert ["receipt.json"] == [path.name for path in old.iterdir()]
    assert later.isoformat() == Receipt.read(old).details["expired_at"]
    assert 2 == len(list(young.iterdir()))
    with pytest.raises(DataError, match="retention ended"):
        parts_of(old, feed)


def test_what_expired_can_be_landed_again(site: Site, feed: Contract) -> None:
    old = land(feed, DAY, EVENING)
    expire(feed, EVENING + timedelta(days=31))

    assert old == land(feed, DAY, EVENING + timedelta(days=32))
    assert [site.content] == parts_of(old, feed)
    assert "expired_at" not in Receipt.read(old).details


def test_without_a_retention_nothing_expires(feed: Contract) -> None:
    land(feed, DAY, EVENING)

    assert [] == expire(replace(feed, retention=None), EVENING + timedelta(days=9999))


def test_two_processes_landing_the_same_batch_end_in_one(
    feed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one renames its folder into place after we looked and before we rename."""
    target = land(feed, DAY, EVENING)
    receipt = (target / "receipt.json").read_bytes()
    hidden = target.with_name("hidden")
    target.rename(hidden)
    rename = Path.rename

    def late(path: Path, to: Path) -> Path:
        if to == target and hidden.exists():
            rename(hidden, target)
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", late)

    assert target == land(feed, DAY, EVENING + timedelta(hours=1))
    assert receipt == (target / "receipt.json").read_bytes()
