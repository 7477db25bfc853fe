"""A personal value never leaves landing: planted telephone and identity numbers are looked for in every byte."""

from __future__ import annotations

import json
import logging
import re
import traceback
import zipfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet
import pytest
import zstandard
from channel_days import CITY, DAYS, Channel, feeds_by_id, listened, stages_of
from desk_sheets import PHONE
from landed_by_hand import GOOD_ORDER, changed_contract, land_by_hand
from let_in import let_in

from pipelines import contract, lake, run
from pipelines.errors import DataError, DataRefused
from pipelines.parts import landing_key, read_part
from pipelines.receipt import Receipt
from pipelines.samplecity import answerkey, dialects, words

MARKED = answerkey.marked_values(CITY)
IDENTITY = words.identity(1117)
WRITTEN = (
    *(words.phone_as_written(PHONE, style) for style in range(5)),
    f"+86{PHONE}",
    f"tel{PHONE}wx",
    IDENTITY,
    f"{IDENTITY[:6]} {IDENTITY[6:14]} {IDENTITY[14:]}",
)
OURS = {"mobile": frozenset({PHONE}), "identity": frozenset({IDENTITY})} | {
    kind: frozenset() for kind in ("landline", "plate", "name")
}


def texts(path: Path) -> Iterator[str]:
    """A file's raw bytes as text, then what is in it once unpacked."""
    content = path.read_bytes()
    yield re.sub(rb"\0+", b"\n", content).decode("utf-8", "ignore")
    name = path.name
    if name.endswith(".duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            names = connection.execute(
                "select table_catalog, table_schema, table_name from information_schema.tables"
            )
            for table in names.fetchall():
                quoted = ".".join(f'"{part}"' for part in table)
                rows = connection.execute(f"select one::varchar from (from {quoted}) as one").fetchall()
                yield "\n".join(row for (row,) in rows)
    elif name.endswith(".parquet"):
        yield "\n".join(map(str, pyarrow.parquet.read_table(path).to_pylist()))
    elif name.endswith(".zst"):
        yield from unpacked(zstandard.ZstdDecompressor().decompress(content, max_output_size=1 << 28))


def unpacked(content: bytes) -> Iterator[str]:
    """What a landed part says, whatever its encoding."""
    if zipfile.is_zipfile(BytesIO(content)):
        with zipfile.ZipFile(BytesIO(content)) as book:
            for name in book.namelist():
                yield book.read(name).decode("utf-8", "ignore")
        return
    for encoding in ("utf-8", "gb18030"):
        yield content.decode(encoding, "ignore")


def leaked(home: Path, marked: dict[str, frozenset[str]] = MARKED) -> dict[str, set[str]]:
    """Every file under a home in which a marked value stands, and which."""
    found = {}
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        values = {value for text in texts(path) for value in answerkey.find_marked(text, marked)}
        if values:
            found[str(path.relative_to(home))] = values
    return found


def kinds(values: set[str]) -> set[str]:
    return {kind for kind, marked in MARKED.items() if marked & values}


@pytest.mark.long
def test_no_marked_value_is_anywhere_under_the_home(at_channel: Channel) -> None:
    assert {} == leaked(at_channel.home)


def test_nothing_printed_or_logged_shows_a_marked_value(at_channel: Channel) -> None:
    assert len(at_channel.said) > 1000
    assert set() == answerkey.find_marked(at_channel.said, MARKED)


def test_the_landed_bytes_do_hold_them_sealed(at_channel: Channel) -> None:
    """Otherwise the tests above would prove nothing."""
    feeds, found = feeds_by_id(), {}
    for folder in lake.batches("landing"):
        receipt = Receipt.read(folder)
        key = landing_key(feeds[receipt.feed_id])
        values = {
            value
            for part in receipt.parts
            for text in unpacked(read_part(folder, part, key))
            for value in answerkey.find_marked(text, MARKED)
        }
        found[receipt.feed_id] = found.get(receipt.feed_id, set()) | values
        assert key or not values

    sealed = {feed_id for feed_id, feed in feeds.items() if feed.landing_secret}
    assert set(MARKED) == kinds(found["city_hotline_orders"])
    assert {feed_id for feed_id, values in found.items() if values} <= sealed
    assert len({feed_id for feed_id, values in found.items() if "mobile" in kinds(values)}) >= 3


def test_the_search_finds_a_value_wherever_it_hides(tmp_path: Path) -> None:
    phone = min(MARKED["mobile"])
    table = pyarrow.table({"text": [f"call {phone[:3]} {phone[3:7]} {phone[7:]}"] * 100})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="zstd")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as connection:
        connection.execute("create schema s")
        connection.execute(f"create table s.t as select '{phone}' || i as text from range(5000) as r(i)")
    (tmp_path / "c.csv.zst").write_bytes(
        zstandard.ZstdCompressor().compress(f"电话{phone}".encode("gb18030"))
    )
    (tmp_path / "d.log").write_text(f"row {phone[:5]}-{phone[5:]}")

    assert {name: {phone} for name in ("a.parquet", "b.duckdb", "c.csv.zst", "d.log")} == leaked(tmp_path)


def shows(error: BaseException, said: str) -> set[str]:
    """What of ours an error, all that led to it, or the log of the time shows."""
    whole = "".join(traceback.format_exception(error)) + str(error) + repr(error.args) + said
    return answerkey.find_marked(whole, OURS)


def strayed(record: dict) -> list[dict]:
    """For every field of a record: a number of somebody in its place, and one behind what belongs there."""
    return [
        with_leaf(record, path, strange)
        for path, sound in leaves(record)
        for written in (*WRITTEN, int(PHONE))
        for strange in (written, f"{sound} {written}")
    ]


def records() -> dict[str, dict]:
    """A sound record of each feed that has personal columns and comes as JSON."""
    start, end = (datetime.combine(day, datetime.min.time()) for day in DAYS[:2])
    pages = {
        "street_steward_requests": dialects.open311_page,
        "street_video_devices": partial(dialects.ngsi_page, kind="VideoDevice"),
    }
    found = {
        feed_id: json.loads(page(answerkey.served(CITY, feed_id, start, end).take(np.arange(1))))[0]
        for feed_id, page in pages.items()
    }
    return {"city_hotline_orders": GOOD_ORDER, **found}


@pytest.mark.long
@pytest.mark.parametrize(
    "feed_id", ["city_hotline_orders", "street_steward_requests", "street_video_devices"]
)
def test_a_number_that_strayed_into_any_column_goes_no_further(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed_id: str
) -> None:
    level, _, name = feed_id.partition("_")
    # A device feed that shows such a number is refused whole; here we see what its masks alone can do.
    forbidden = "value: [identity_number, plate, picture]"
    changes = [(forbidden, "value: [plate]")] if feed_id == "street_video_devices" else []
    changed_contract(tmp_path / "project", monkeypatch, f"{level}/{name}", *changes)
    with listened() as said:
        validated = let_in(str(land_by_hand(feed_id, strayed(records()[feed_id]))))
        run.load()

    assert Receipt.read(Path(validated)).quarantined > 50
    assert {} == leaked(home, OURS)
    assert set() == answerkey.find_marked(said.getvalue(), OURS)


def leaves(record: Any, before: tuple = ()) -> Iterator[tuple[tuple, object]]:
    """Path and value of everything in a record that is no object or list."""
    for name, value in record.items() if isinstance(record, dict) else enumerate(record):
        if isinstance(value, dict | list):
            yield from leaves(value, (*before, name))
        else:
            yield (*before, name), value


def with_leaf(record: dict, path: tuple, value: object) -> dict:
    copy = json.loads(json.dumps(record))
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copy


ORDER = json.dumps(GOOD_ORDER | {"主要内容": f"联系电话{PHONE}"}, ensure_ascii=False)
BROKEN = {
    "json that stops": ("city_hotline_orders", f'{{"result": {{"records": [{ORDER}, {{"主要内容": "{PHONE}'),
    "json with a stray quote": (
        "city_hotline_orders",
        f'{{"result": {{"records": [{{"a": "b"{PHONE}"}}]}}}}',
    ),
    "a record that is a text": ("city_hotline_orders", f'{{"result": {{"records": ["{PHONE}"]}}}}'),
    "a value where a name belongs": (
        "city_hotline_orders",
        f'{{"result": {{"records": [{{"{PHONE}": 1, "{IDENTITY}": 2}}]}}}}',
    ),
    "csv without its header": ("district_grid_cases", f"1,{PHONE},{IDENTITY}\r\n#rows=1"),
    "csv with a stray quote": ("district_grid_cases", f'a,b\r\n{PHONE}"x,{IDENTITY}\r\n#rows=1'),
    "csv with a field too many": ("district_grid_cases", f"a,b\r\n1,2,{PHONE}\r\n#rows=1"),
    "a trailer that is a number of somebody": ("district_grid_cases", f"a,b\r\n1,2\r\n#rows={PHONE}"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_bytes_that_cannot_be_read_are_not_quoted(home: Path, kind: str) -> None:
    feed_id, text = BROKEN[kind]
    encoding = contract.load(feed_id).server("sample").encoding
    folder = land_by_hand(feed_id, content=text.encode(encoding))
    with listened(logging.DEBUG) as said, pytest.raises(DataError) as raised:
        run.gate(str(folder))

    assert set() == shows(raised.value, said.getvalue())
    assert {} == leaked(home, OURS)


def test_a_rule_that_fails_on_such_a_row_does_not_quote_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB says which text it could not cast; Great Expectations logs what DuckDB says."""
    changed_contract(
        tmp_path / "project",
        monkeypatch,
        "city/hotline_orders",
        ("where order_kind <> 'smoking' and category_l1 is null", "where content_text::integer > 0"),
    )
    rows = [GOOD_ORDER | {"主要内容": f"联系电话{PHONE}，身份证{IDENTITY}"}]
    with listened(logging.DEBUG) as said, pytest.raises(DataError, match="could not evaluate rule") as raised:
        run.gate(str(land_by_hand("city_hotline_orders", rows)))

    assert set() == shows(raised.value, said.getvalue())
    assert {} == leaked(home, OURS)


def test_a_held_batch_does_not_show_its_rows(home: Path) -> None:
    rows = [
        GOOD_ORDER | {"工单编号": f"{number} {PHONE}", "受理时间": IDENTITY, "主要内容": PHONE}
        for number in range(30)
    ]
    with listened(logging.DEBUG) as said, pytest.raises(DataError, match="the batch is held") as raised:
        run.gate(str(land_by_hand("city_hotline_orders", rows)))

    assert set() == shows(raised.value, said.getvalue())
    assert {} == leaked(home, OURS)


COUNT = {
    "id": "urn:ngsi-ld:UrbanIncidentCount:1",
    "type": "UrbanIncidentCount",
    **{
        name: {"type": "Property", "value": value}
        for name, value in {
            "street": "霍营街道",
            "hourAt": "2026-11-17T01:00:00Z",
            "incidentType": "暴露垃圾",
            "incidentCount": 3,
            "confirmedCount": 2,
            "toCaseCount": 1,
        }.items()
    },
}
SAMPLE = {
    "@iot.id": 1,
    "phenomenonTime": "2026-11-17T01:00:00Z",
    "resultTime": None,
    "result": "ON",
    "Datastream": {"name": "11011400001320000001"},
}
JPEG = (
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0"
)
FORBIDDEN = {
    "a face": ("street_incidents", COUNT | {"faceFeature": {"value": "0.1,0.2"}}),
    "a plate by name": ("street_incidents", COUNT | {"plateNumber": {"value": "无"}}),
    "a plate by value": ("street_incidents", COUNT | {"remark": {"value": "车牌京A12345停放"}}),
    "a picture by name": ("street_incidents", COUNT | {"snapshotUrl": {"value": ""}}),
    "a picture by value": ("street_incidents", COUNT | {"remark": {"value": JPEG}}),
    "a track": ("street_incidents", COUNT | {"track": {"value": [[116.36, 40.07], [116.37, 40.08]]}}),
    "a single device": ("street_incidents", COUNT | {"deviceId": {"value": "11011400001320000001"}}),
    "somebody's number": ("street_incidents", COUNT | {"remark": {"value": f"报料人{PHONE}"}}),
    "a face in a sample": ("street_device_status", SAMPLE | {"parameters": {"faceCount": 2}}),
    "a plate in a sample": ("street_device_status", SAMPLE | {"parameters": {"note": "京A12345"}}),
    "a picture in a sample": ("street_device_status", SAMPLE | {"result": JPEG}),
    "a track in a sample": ("street_device_status", SAMPLE | {"trackId": 7}),
}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_what_no_street_feed_may_show_refuses_the_whole_batch(home: Path, kind: str) -> None:
    feed_id, record = FORBIDDEN[kind]
    sound = COUNT if feed_id == "street_incidents" else SAMPLE
    folder = land_by_hand(feed_id, [sound, record])
    with listened(logging.DEBUG) as said, pytest.raises(DataRefused) as raised:
        run.gate(str(folder))

    assert {"refused"} == stages_of(feed_id)
    assert set() == shows(raised.value, said.getvalue())
    assert {} == leaked(home, OURS)


SHEETS = {
    "a volunteer's number": ("street_volunteer_activities", "联系电话", PHONE),
    "a number in a column of ours": ("street_volunteer_activities", "组织方类别", f"张三{PHONE}"),
    "the name of one who answered": ("street_questionnaires", "受访者姓名", "张三"),
    "the identity of one who answered": ("street_questionnaires", "备注", IDENTITY),
}


@pytest.mark.parametrize("kind", SHEETS)
def test_a_sheet_that_names_people_is_refused(home: Path, kind: str) -> None:
    feed_id, column, value = SHEETS[kind]
    content = f"活动编号,{column}\r\nVA2611180001,{value}\r\n#rows=1\r\n".encode()
    folder = land_by_hand(feed_id, content=content)
    with listened(logging.DEBUG) as said, pytest.raises(DataRefused) as raised:
        run.gate(str(folder))

    assert {"refused"} == stages_of(feed_id)
    assert set() == shows(raised.value, said.getvalue())
    assert {} == leaked(home, OURS)
