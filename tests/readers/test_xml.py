"""Records of XML arrive as text by the names of their elements, and what could harm us is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from reader_feeds import column, feed, read, rows_of, server

from pipelines.errors import DataError, DataRefused

CATALOGUE = server(format="xml", encoding="gb2312", records="Response.DeviceList.Item")
DEVICE = feed(
    column("device_id", "DeviceID", required=True), column("name", "Name"), column("ptz", "Info.PTZType")
)


def catalogue(*items: str, declared: str = "GB2312", around: str = "") -> str:
    """An answer of a GB/T 28181 platform to a catalogue query."""
    return (
        f'<?xml version="1.0" encoding="{declared}"?>\r\n<Response>\r\n<CmdType>Catalog</CmdType>{around}\r\n'
        f'<DeviceList Num="{len(items)}">\r\n{"".join(items)}</DeviceList>\r\n</Response>\r\n'
    )


def item(device: str, name: str, more: str = "") -> str:
    return f"<Item>\r\n<DeviceID>{device}</DeviceID>\r\n<Name>{name}</Name>{more}\r\n</Item>\r\n"


@pytest.mark.parametrize("encoding", ["gb2312", "gb18030", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("declared", ["GB2312", "UTF-8", "gb18030"])
def test_a_catalogue_is_read_whatever_encoding_it_declares(encoding: str, declared: str) -> None:
    part = catalogue(
        item("11011400001310000001", "霍营街道 1 号", "<Info><PTZType>1</PTZType></Info>"),
        item("11011400001310000002", "回龙观街道"),
        declared=declared,
    ).encode(encoding)

    found, rows = read(DEVICE, CATALOGUE, part)

    assert [
        ("11011400001310000001", "霍营街道 1 号", "1"),
        ("11011400001310000002", "回龙观街道", None),
    ] == rows
    actual = "utf-8" if encoding.startswith("utf") else "gb18030"
    is_true = {"GB2312": "gb18030", "UTF-8": "utf-8", "gb18030": "gb18030"}[declared] == actual
    assert ([] if is_true else [f"part-00001: declares {declared}, is written in {actual}"]) == list(
        found.warnings
    )


def test_rare_characters_in_names_survive() -> None:
    part = catalogue(item("1", "䶮㛃𬱖𠮷路"), declared="GB2312").encode("gb18030")

    assert [("1", "䶮㛃𬱖𠮷路", None)] == rows_of(DEVICE, CATALOGUE, part)


def test_texts_are_what_the_source_meant() -> None:
    part = catalogue(
        item("1", "A &amp; B &lt;C&gt; &#x4e2d;&#25991; &amp;lt;"),
        item("2", "<![CDATA[<D> & E]]> F"),
        item("3", ""),
        "<Item><DeviceID>4</DeviceID><Name/></Item>",
        "<!-- <Item><DeviceID>5</DeviceID></Item> -->",
        "<Item  >\n<Name >a > b</Name ><DeviceID>6</DeviceID></Item>",
    )

    assert [
        ("1", "A & B <C> 中文 &lt;", None),
        ("2", "<D> & E F", None),
        ("3", None, None),
        ("4", None, None),
        ("6", "a > b", None),
    ] == rows_of(DEVICE, CATALOGUE, part)


def test_attributes_are_elements_of_their_own() -> None:
    source = server(format="xml", records="rows.row")
    contract = feed(
        column("id", "@id"), column("x", "@x"), column("unit", "area@unit"), column("area", "area")
    )
    part = (
        '<rows n="2" xmlns:a="urn:a"><a:row id="1>0" x=\'"\'><a:area unit="亩">15</a:area></a:row>'
        '<row x="&lt;" id="2"/><row/></rows>'
    )

    assert [("1>0", '"', "亩", "15"), ("2", "<", None, None), (None, None, None, None)] == rows_of(
        contract, source, part
    )


def test_only_elements_at_the_path_are_records() -> None:
    source = server(format="xml", records="a.b.Item")
    part = (
        "<a><Item><v>0</v></Item><c><Item><v>1</v></Item></c><b><Item><v>2</v><b><Item><v>3</v></Item></b></Item>"
        "</b><b/><b><c/><Item><v>4</v></Item></b></a>"
    )

    assert [("2", "3"), ("4", None)] == rows_of(feed("v", column("inner", "b.Item.v")), source, part)


def test_parts_are_numbered_on() -> None:
    found, rows = read(DEVICE, CATALOGUE, catalogue(item("1", "a")), catalogue(), catalogue(item("2", "b")))

    assert [("1", "a", None), ("2", "b", None)] == rows
    assert 2 == found.rows


def test_names_nobody_asked_for_are_told() -> None:
    found, _ = read(DEVICE, CATALOGUE, catalogue(item("1", "a", "<Owner>x</Owner><Info><Q>1</Q></Info>")))

    assert ("Info.Q", "Owner") == found.unknown


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (catalogue(item("1", "a")).replace("DeviceID", "ID"), r"device_id: expected 'DeviceID'"),
        (catalogue(item("1", "a"))[:-60], r"line \d+: not XML: "),
        (catalogue(item("1", "a", "<Name>b</Name>")), "has the element 'Name' more than once"),
        (catalogue(item("1", "a", "stray")), "record 1 has text beside its elements"),
        (catalogue("<Item>text</Item>"), "record 1 has text beside its elements"),
        ("<Response><Result>ERROR</Result></Response>", "expected records at Response.DeviceList.Item"),
        ("<html><body>log in</body></html>", "found no element around them; it has 'body', 'html'"),
        ("<Response>" + "<x>" * 40 + "</x>" * 40 + "</Response>", "nested 41 deep"),
        ("<Response>" + "".join(f"<x{n}/>" for n in range(2100)) + "</Response>", "2,101 different names"),
        ("<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><Response/>", "has a document type"),
        (
            "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><Response>&b;</Response>",
            "has a document type",
        ),
        ("<Response>&unknown;</Response>", "not XML: undefined entity"),
        ("not xml", "not XML"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(part: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(DEVICE, CATALOGUE, part)


def test_forbidden_names_anywhere_and_values_in_any_spelling_refuse_the_batch() -> None:
    more: dict[str, Any] = {"forbidden_columns": ("face",), "forbidden_values": ("plate",)}
    contract = feed(*DEVICE.columns, **more)

    for part in (
        catalogue(item("1", "a", "<FaceURL/>")),
        catalogue(item("1", "a"), around='<x face="1"/>'),
        catalogue(item("1", "&#20140;A12345")),
    ):
        with pytest.raises(DataRefused):
            rows_of(contract, CATALOGUE, part)


@pytest.mark.long
def test_a_hundred_thousand_devices_are_read_without_looking_back() -> None:
    more = "".join(f"<Field{n}>value {n}</Field{n}>" for n in range(12))
    part = catalogue(*(item(f"{n:020d}", f"设备{n}", more) for n in range(100_000))).encode("gb18030")
    began = time.process_time()

    found, _ = read(DEVICE, CATALOGUE, part)

    assert 100_000 == found.rows
    assert (
        time.process_time() - began < 300
    )  # of seconds it takes a few; a reader that looks back takes hours


def test_a_document_is_held_to_the_number_it_promises() -> None:
    source = server(format="xml", records="Response.DeviceList.Item", total="Response.SumNum")
    one = item("1", "a")

    assert [("1", "a", None)] == rows_of(DEVICE, source, catalogue(one, around="<SumNum>1</SumNum>"))
    assert [] == rows_of(DEVICE, source, "<Response><SumNum>0</SumNum></Response>")
    with pytest.raises(DataError, match=r"Response\.SumNum promises 2 record\(s\), the document holds 1"):
        rows_of(DEVICE, source, catalogue(one, around="<SumNum>2</SumNum>"))
