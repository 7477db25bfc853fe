"""The kinds of source the city has, each a desk: how it is asked, how it pages, how it writes.

A feed says what it is called there; a new kind of source is one class here and its bytes in `dialects`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pipelines.samplecity import dialects
from pipelines.samplecity.faults import SHAPES, bend
from pipelines.samplecity.office import BadQuery, Office, file_response, number, time_of
from pipelines.samplecity.source import Source
from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import BEIJING, City, local

JSON = "application/json;charset=utf-8"
CSV, GB_CSV = "text/csv; charset=utf-8", "text/csv; charset=gb18030"
GB_XML = "application/xml; charset=GB2312"
GEOJSON = "application/geo+json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Parts = list[tuple[str, bytes]]


class _Paged:
    """What all desks that answer in pages share. `file_page` is the page size of a pull written to files."""

    file_page: int

    def takes(self, request: Request) -> bool:
        return True

    def parts(self, source: Source, city: City, wire: Wire, day: date) -> Parts:
        count, size = len(wire), self.file_page
        pages = [wire.take(np.arange(count)[at : at + size]) for at in range(0, max(1, count), size)]
        bodies = [self._body(page, count, number, size) for number, page in enumerate(pages)]
        return [(f"part-{number:05d}.json", body) for number, body in enumerate(bodies, start=1)]

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        """One page, the `number`-th from 0."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ckan(_Paged):
    """CKAN's `datastore_search`: a resource, filtered by one column of times. Lowers `limit` without a word."""

    resource: str
    changed: str
    rows_max: int = dialects.CKAN_ROWS_MAX
    file_page: int = dialects.CKAN_ROWS_MAX

    def takes(self, request: Request) -> bool:
        return request.query_params.get("resource_id") == self.resource

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        if request.query_params.get("sort", "_id") not in ("_id", "_id asc"):
            raise BadQuery("this resource sorts by _id only")
        limit = number(request, "limit", 100, self.rows_max)
        offset = number(request, "offset", 0, 10**9)
        filters = json.loads(request.query_params.get("filters", "{}"))
        bounds = filters.pop(self.changed, {})
        if filters or set(bounds) - {"gte", "lt"}:
            raise BadQuery(f"filters: only {self.changed} with gte and lt")
        start, end = (
            datetime.fromisoformat(bounds[name]) if name in bounds else None for name in ("gte", "lt")
        )
        wire, records = _numbered(source, office.city, start, end, office.clock)
        if fault := office.faults.take(request.url.path, SHAPES):
            wire = bend(wire, fault)
            records = dialects.json_records(wire)
        rows, total = office.page(request.url.path, offset, limit, len(records))
        body = dialects.ckan_envelope(
            records[rows], list(wire.columns), total, limit, offset, resource=self.resource
        )
        return Response(body, media_type=JSON)

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        records, fields = dialects.json_records(page), list(page.columns)
        return dialects.ckan_envelope(records, fields, total, size, number * size, resource=self.resource)


@lru_cache(maxsize=8)
def _numbered(
    source: Source, city: City, start: datetime | None, end: datetime | None, clock: datetime
) -> tuple[Wire, list[str]]:
    """The rows with their `_id` in front, and each as JSON: asked for again with every page."""
    wire = source.rows(city, start, end, clock)
    wire.columns = {
        "_id": wire.columns.get("_id", np.arange(1, len(wire) + 1).astype(object)),
        **wire.columns,
    }
    return wire, dialects.json_records(wire)


@dataclass(frozen=True)
class PagedJson(_Paged):
    """Pages counted from 1 in a `{code, message, data}` envelope; parameters name what is asked for."""

    file_page: int = 50
    largest: int = 100
    start: str = ""
    end: str = "asOf"

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        size = number(request, "pageSize", 50, self.largest, 1)
        page = number(request, "page", 1, 10**9, 1)
        wire = _asked(source, office, request, self.start, self.end)
        rows, total = office.page(request.url.path, (page - 1) * size, size, len(wire))
        return Response(dialects.json_page(_rows(wire, rows), total, page, size), media_type=JSON)

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.json_page(page, total, number + 1, size)


@dataclass(frozen=True)
class Keyset(_Paged):
    """A bare list a page, from the row behind `after` on: rows are numbered upwards under `key`."""

    key: str
    start: str
    end: str
    file_page: int = 200
    largest: int = 500

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        limit = number(request, "limit", 100, self.largest, 1)
        after = number(request, "after", 0, 10**12)
        wire = _asked(source, office, request, self.start, self.end)
        offset = int(np.searchsorted(wire.columns[self.key].astype(np.int64), after, side="right"))
        rows, _ = office.page(request.url.path, offset, limit, len(wire))
        return Response(self._body(_rows(wire, rows), len(wire), 0, limit), media_type=JSON)

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.json_list(page)


@dataclass(frozen=True)
class Open311(_Paged):
    """GeoReport v2: a bare list a page, filtered by the time of the request."""

    file_page: int = 100
    largest: int = 100

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        size = number(request, "page_size", self.largest, self.largest, 1)
        page = number(request, "page", 1, 10**9, 1)
        wire = _asked(source, office, request, "start_date", "end_date")
        rows, _ = office.page(request.url.path, (page - 1) * size, size, len(wire))
        return Response(
            dialects.open311_page(_rows(wire, rows)), media_type="application/json; charset=utf-8"
        )

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.open311_page(page)


@dataclass(frozen=True)
class NgsiLd(_Paged):
    """A context broker: entities of one type, the total in a header; `changed` is the attribute `q` may bound."""

    kind: str
    changed: str = ""
    file_page: int = 200
    largest: int = 1000

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        if request.query_params.get("type", self.kind) != self.kind:
            return Response(b"[]", media_type="application/json", headers={"NGSILD-Results-Count": "0"})
        limit = number(request, "limit", 20, self.largest)
        offset = number(request, "offset", 0, 10**9)
        wire = _asked_between(source, office, request, *self._bounds(request.query_params.get("q", "")))
        rows, total = office.page(request.url.path, offset, limit, len(wire))
        headers = {"NGSILD-Results-Count": str(total)} if request.query_params.get("count") == "true" else {}
        body = dialects.ngsi_page(_rows(wire, rows), self.kind)
        return Response(body, media_type="application/ld+json", headers=headers)

    def _bounds(self, query: str) -> tuple[datetime | None, datetime | None]:
        """The `[start, end)` of `hourAt>=…;hourAt<…`; without a query everything."""
        if not query:
            return None, None
        asked = re.fullmatch(rf"{self.changed}>=([^;<>]+);{self.changed}<([^;<>=]+)", query)
        if not self.changed or not asked:
            raise BadQuery(f"q: only {self.changed or 'none'} with >= and <")
        start, end = (local(datetime.fromisoformat(text)) for text in asked.groups())
        return start, end

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.ngsi_page(page, self.kind)


@dataclass(frozen=True)
class Socrata(_Paged):
    """SODA 2: a bare list, filtered by `$where` over one column of times. Without `$order=:id` any page may hold any rows."""

    changed: str
    file_page: int = 1000
    largest: int = 50_000

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        limit = number(request, "$limit", 1000, self.largest)
        offset = number(request, "$offset", 0, 10**9)
        start, end = self._bounds(request.query_params.get("$where", ""))
        wire = _asked_between(source, office, request, start, end)
        ids = np.arange(1, len(wire) + 1)
        order = request.query_params.get("$order", "")
        if order not in ("", ":id"):
            raise BadQuery("this view sorts by :id only")
        if not order:  # as good as any order, and another one for every page
            shuffled = np.random.default_rng(offset).permutation(len(wire))
            wire, ids = wire.take(shuffled), ids[shuffled]
        rows, _ = office.page(request.url.path, offset, limit, len(wire))
        body = dialects.socrata_page(_rows(wire, rows), ids[rows], request.query_params.get("$select", "*"))
        return Response(body, media_type=JSON)

    def _bounds(self, where: str) -> tuple[datetime | None, datetime | None]:
        """From and to of `<changed> >= '…' and <changed> < '…'`, the one condition this view knows."""
        shape = rf"{re.escape(self.changed)} >= '([^']+)' and {re.escape(self.changed)} < '([^']+)'"
        found = re.fullmatch(shape, where)
        if where and not found:
            raise BadQuery(f"$where: only {self.changed} with >= and <")
        return (datetime.fromisoformat(found[1]), datetime.fromisoformat(found[2])) if found else (None, None)

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.socrata_page(page, np.arange(len(page)) + number * size + 1, ":*, *")


@dataclass(frozen=True)
class NextLink(_Paged):
    """Pages that each name the next one, under a cursor that means nothing to anybody else."""

    records: str
    end: str = "asOf"
    file_page: int = 50
    largest: int = 50

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        size = number(request, "pageSize", self.largest, self.largest, 1)
        offset = _position(request.query_params.get("cursor", ""))
        wire = _asked(source, office, request, "", self.end)
        rows, total = office.page(request.url.path, offset, size, len(wire))
        page = _rows(wire, rows)
        more = dict(request.query_params) | {"cursor": _cursor(offset + len(page))}
        link = f"{request.url.path}?{urlencode(more)}" if offset + len(page) < total and len(page) else None
        return Response(dialects.linked_page(page, self.records, total, link), media_type=JSON)

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        after = number * size + len(page)
        link = f"?cursor={_cursor(after)}" if after < total else None
        return dialects.linked_page(page, self.records, total, link)


def _cursor(offset: int) -> str:
    return b64encode(f"after:{offset}".encode()).decode()


def _position(cursor: str) -> int:
    return int(b64decode(cursor).decode().partition(":")[2]) if cursor else 0


@dataclass(frozen=True)
class SensorThings(_Paged):
    """Observations of OGC SensorThings: the way on is a link; `changed` is the time that `$filter` may bound."""

    changed: str
    file_page: int = 1000
    largest: int = 1000

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        top = number(request, "$top", 100, self.largest, 1)
        skip = number(request, "$skip", 0, 10**9)
        bounds = self._bounds(request.query_params.get("$filter", ""))
        wire = _asked_between(source, office, request, *bounds)
        rows, total = office.page(request.url.path, skip, top, len(wire))
        more = request.url.include_query_params(**{"$skip": skip + top, "$top": top})
        # Without the host, so that the bytes do not tell at which port the city was served.
        link = f"{more.path}?{more.query}" if skip + top < len(wire) else ""
        body = dialects.sensor_page(_rows(wire, rows), total, link)
        return Response(body, media_type="application/json")

    def _bounds(self, query: str) -> tuple[datetime | None, datetime | None]:
        """The `[start, end)` of `… ge … and … lt …`; without a filter everything."""
        if not query:
            return None, None
        asked = re.fullmatch(rf"{self.changed} ge (\S+) and {self.changed} lt (\S+)", query)
        if not asked:
            raise BadQuery(f"$filter: only {self.changed} with ge and lt")
        start, end = (local(datetime.fromisoformat(text)) for text in asked.groups())
        return start, end

    def _body(self, page: Wire, total: int, number: int, size: int) -> bytes:
        return dialects.sensor_page(page, total, "")


Render = Callable[[Wire, date, int], bytes]
"""A whole file from its rows, the day as of which it is, and the number of rows it should claim."""


@dataclass(frozen=True)
class File:
    """One file for what was asked, with the validators that let a client ask again cheaply."""

    name: str
    media_type: str
    render: Render
    start: str = ""
    end: str = ""
    changed: Callable[[Wire, date], datetime] = field(
        default=lambda wire, as_of: datetime.combine(as_of, datetime.min.time())
    )

    def takes(self, request: Request) -> bool:
        return True

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        path = request.url.path
        wire = _asked(source, office, request, self.start, self.end)
        end = time_of(request, self.end) if self.end else None
        as_of = min(end, office.clock).date() if end else office.clock.date()
        body = self.render(wire, as_of, len(wire) + office.wrong_by(path))
        changed = self.changed(wire, as_of) if len(wire) else office.clock
        return file_response(request, body, self.media_type, changed)

    def parts(self, source: Source, city: City, wire: Wire, day: date) -> Parts:
        return [(self.name, self.render(wire, day + timedelta(days=1), len(wire)))]


@dataclass(frozen=True)
class DailyFile:
    """A file a day, named after it. `render` gives its bytes and when it last grew, or None before it exists."""

    template: str
    media_type: str
    render: Callable[[City, date, datetime], tuple[bytes, datetime] | None]

    def takes(self, request: Request) -> bool:
        return True

    def answer(self, source: Source, office: Office, request: Request) -> Response:
        name = request.path_params["name"]
        day = self._day(name)
        made = self.render(office.city, day, office.clock) if day else None
        if made is None:
            return PlainTextResponse("404 Not Found", status_code=404)
        return file_response(request, made[0], self.media_type, made[1])

    def _day(self, name: str) -> date | None:
        try:
            day = datetime.strptime(name, self.template).replace(tzinfo=BEIJING).date()
        except ValueError:
            return None
        return day if name == day.strftime(self.template) else None

    def parts(self, source: Source, city: City, wire: Wire, day: date) -> Parts:
        after = datetime.combine(day + timedelta(days=1), datetime.min.time())
        made = self.render(city, day, after)
        return [(day.strftime(self.template), made[0])] if made else []


def nobody(request: Request) -> Response:
    """What a platform answers for a feed it does not have."""
    missing = {"message": "Not found: Resource was not found.", "__type": "Not Found Error"}
    return JSONResponse({"success": False, "error": missing}, status_code=404)


def _asked(source: Source, office: Office, request: Request, start: str, end: str) -> Wire:
    """The rows asked for, perhaps bent by a fault that waits at the path."""
    first, last = (time_of(request, name) if name else None for name in (start, end))
    return _asked_between(source, office, request, first, last)


def _asked_between(
    source: Source, office: Office, request: Request, start: datetime | None, end: datetime | None
) -> Wire:
    wire = source.rows(office.city, start, end, office.clock)
    return bend(wire, office.faults.take(request.url.path, SHAPES))


def _rows(wire: Wire, rows: slice) -> Wire:
    return wire.take(np.arange(len(wire))[rows])
