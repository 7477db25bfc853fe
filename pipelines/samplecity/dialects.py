"""Bytes on the wire: how each kind of source writes the rows it was asked for.

Columns come in, bytes go out. Which rows, and what is wrong with them, is decided elsewhere.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from json.encoder import encode_basestring
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import Ints, Objects

CKAN_ROWS_MAX = 500
TRAILER = "#rows="


def _literals(values: Objects) -> list[str]:
    """JSON for a column of text and scalars; text is by far the most common."""
    return [
        encode_basestring(value) if type(value) is str else _SCALARS.get(type(value), _dumped)(value)
        for value in values
    ]


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _null(_: object) -> str:
    return "null"


_SCALARS: dict[type, Callable[[object], str]] = {int: str, type(None): _null}


def json_records(wire: Wire) -> list[str]:
    """Each row as a flat JSON object, as text."""
    names = list(wire.columns)
    shape = "{" + ",".join(encode_basestring(name).replace("%", "%%") + ":%s" for name in names) + "}"
    return [shape % row for row in zip(*(_literals(wire.columns[name]) for name in names), strict=True)]


def ckan_envelope(
    records: list[str], fields: list[str], total: int, limit: int, offset: int, resource: str
) -> bytes:
    """An answer of CKAN's `datastore_search`."""
    types = [{"id": name, "type": "int" if name in ("_id", "版本号") else "text"} for name in fields]
    path = "/api/3/action/datastore_search"
    links = {
        "start": f"{path}?resource_id={resource}&limit={limit}",
        "next": f"{path}?resource_id={resource}&limit={limit}&offset={offset + limit}",
    }
    head = json.dumps(
        {"include_total": True, "limit": limit, "offset": offset, "resource_id": resource, "fields": types,
         "_links": links, "total": total, "total_was_estimated": False},
        ensure_ascii=False,
    )  # fmt: skip
    help_text = json.dumps(f"{path}/help_show?name=datastore_search")
    body = f'{{"help":{help_text},"success":true,"result":{head[:-1]},"records":[{",".join(records)}]}}}}'
    return body.encode()


def counted_csv(wire: Wire, claimed: int, encoding: str = "gb18030") -> bytes:
    """A CSV file with a trailer line that names the number of rows."""
    return f"{_csv(wire)}{TRAILER}{claimed}\r\n".encode(encoding)


def csv_with_bom(wire: Wire) -> bytes:
    """A CSV file as a spreadsheet saves it: UTF-8 behind a byte order mark."""
    return _csv(wire).encode("utf-8-sig")


def _csv(wire: Wire) -> str:
    memory = StringIO()
    writer = csv.writer(memory, lineterminator="\r\n")
    writer.writerow(wire.columns)
    columns = [["" if value is None else value for value in column] for column in wire.columns.values()]
    writer.writerows(zip(*columns, strict=True))
    return memory.getvalue()


def air_csv(stations: tuple[str, ...], lines: tuple[tuple[str, ...], ...]) -> bytes:
    """A wide UTF-8 CSV file: date, hour, type, then a column per station."""
    rows = (("date", "hour", "type", *stations), *lines)
    return "".join(",".join(row) + "\n" for row in rows).encode()


def json_page(wire: Wire, total: int, page: int, page_size: int) -> bytes:
    """A page in the envelope that Chinese office systems like."""
    head = f'{{"code":0,"message":"ok","data":{{"total":{total},"page":{page},"pageSize":{page_size},"list":['
    return (head + ",".join(json_records(wire)) + "]}}").encode()


def json_list(wire: Wire) -> bytes:
    """A bare list of records."""
    return ("[" + ",".join(json_records(wire)) + "]").encode()


def socrata_page(wire: Wire, ids: Ints, select: str) -> bytes:
    """Rows of a Socrata view: a bare list, empty values left out, system fields only where they are selected."""
    has_system = ":*" in [name.strip() for name in select.split(",")]
    rows = []
    for row in range(len(wire)):
        known = {":id": f"row-{ids[row]:08d}"} | {name: column[row] for name, column in wire.columns.items()}
        rows.append(
            {
                name: value
                for name, value in known.items()
                if value is not None and (has_system or not name.startswith(":"))
            }
        )
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def linked_page(wire: Wire, records: str, total: int, link: str | None) -> bytes:
    """A page that names the next one, the last page none."""
    head = f'{{"total":{total},"next":{json.dumps(link)},{json.dumps(records)}:['
    return (head + ",".join(json_records(wire)) + "]}").encode()


def features(wire: Wire) -> bytes:
    """GeoJSON (RFC 7946): the column `geometry` is text of a geometry, all others are properties."""
    shapes = [value if value is not None else "null" for value in wire.columns["geometry"]]
    flat = wire.take(np.arange(len(wire)))
    del flat.columns["geometry"]
    texts = [
        f'{{"type":"Feature","properties":{record},"geometry":{shape}}}'
        for record, shape in zip(json_records(flat), shapes, strict=True)
    ]
    return ('{"type":"FeatureCollection","features":[' + ",\n".join(texts) + "]}").encode()


def open311_page(wire: Wire) -> bytes:
    """Service requests after GeoReport v2, the programme's own attributes nested as the extension has them."""
    answers = []
    for row in range(len(wire)):
        flat, extended = {}, {}
        for name, column in wire.columns.items():
            outer, dot, inner = name.partition(".")
            if dot:
                extended[inner] = column[row]
            else:
                flat[outer] = column[row]
        flat["agency_responsible"] = "街道办事处"
        flat["media_url"] = None
        answers.append({**flat, "extended_attributes": extended})
    return json.dumps(answers, ensure_ascii=False, separators=(",", ":")).encode()


def ngsi_page(wire: Wire, kind: str) -> bytes:
    """Entities of one type in NGSI-LD normalised form; `lon` and `lat`, where there are any, become their location."""
    entities = []
    columns = wire.columns
    properties = [name.partition(".")[0] for name in columns if name.endswith(".value")]
    for row in range(len(wire)):
        entity: dict[str, Any] = {
            "id": f"urn:ngsi-ld:{kind}:{wire.true_id[row]}",
            "type": kind,
        }
        for name in properties:
            entity[name] = {"type": "Property", "value": columns[f"{name}.value"][row]}
            if f"{name}.observedAt" in columns:
                entity[name] |= {"observedAt": columns[f"{name}.observedAt"][row]}
        if "lon" in columns:
            point = {"type": "Point", "coordinates": [columns["lon"][row], columns["lat"][row]]}
            entity["location"] = {"type": "GeoProperty", "value": point}
        entity["@context"] = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
        entities.append(entity)
    return json.dumps(entities, ensure_ascii=False, separators=(",", ":")).encode()


def sensor_page(wire: Wire, total: int, link: str) -> bytes:
    """Observations of SensorThings; a name with a dot belongs to what was expanded."""
    values = []
    for row in range(len(wire)):
        value: dict[str, Any] = {}
        for name, column in wire.columns.items():
            outer, dot, inner = name.partition(".")
            if dot and not name.startswith("@"):
                value.setdefault(outer, {})[inner] = column[row]
            else:
                value[name] = column[row]
        values.append(value)
    page = {"@iot.count": total, **({"@iot.nextLink": link} if link else {}), "value": values}
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()


def catalogue_xml(wire: Wire, claimed: int, names: dict[str, str], encoding: str = "gb18030") -> bytes:
    """A catalogue answer of a GB/T 28181 platform, which says GB2312. `names` maps our columns to its elements."""
    items = []
    for row in range(len(wire)):
        inner: list[str] = []
        info: list[str] = []
        for column, name in names.items():
            value = wire.columns[column][row]
            outer, _, leaf = name.rpartition("/")
            element = f"<{leaf}>{'' if value is None else escape(str(value))}</{leaf}>"
            (info if outer else inner).append(element)
        items.append(f"<Item>{''.join(inner)}<Info>{''.join(info)}</Info></Item>")
    head = '<?xml version="1.0" encoding="GB2312"?>\r\n<Response>\r\n<CmdType>Catalog</CmdType>\r\n<SN>17430</SN>\r\n'
    text = (
        f"{head}<DeviceID>11011400002000000001</DeviceID>\r\n<SumNum>{claimed}</SumNum>\r\n"
        f'<DeviceList Num="{len(wire)}">\r\n' + "\r\n".join(items) + "\r\n</DeviceList>\r\n</Response>\r\n"
    )
    return text.encode(encoding)
