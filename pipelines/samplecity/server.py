"""The sources' HTTP face: seven feeds, a clock that only moves when told, faults on demand, the answer key.

Handlers choose rows and hand them to `dialects`; all that changes is `Office.clock` and the waiting faults.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipelines.samplecity import (
    air,
    answerkey,
    devices,
    dialects,
    grid,
    hotline_wire,
    projects,
    schools,
    sheet,
    steward,
)
from pipelines.samplecity.faults import ANSWERS, COUNTS, KINDS, LOGIN_PAGE, PAGES, SHAPES, Fault, Faults, bend
from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import BEIJING, City, local

Handler = Callable[["Office", Request], Response]
OPEN311_PAGE_MAX, SCHOOL_PAGE_MAX, NGSI_PAGE_MAX = 100, 100, 1000
_WRONG_BY = 7
_TIMEOUT_SECONDS = 30.0
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Office:
    """A city, its clock, and what goes wrong next."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.clock = datetime.combine(city.first_day + timedelta(days=1), datetime.min.time()) + answerkey.PULL_DELAY
        self.faults = Faults()

    def wrong_by(self, path: str) -> int:
        """What to add to a total that is told, when a fault asks for a lie."""
        return _WRONG_BY if self.faults.take(path, COUNTS) else 0

    def page(self, path: str, offset: int, count: int, total: int) -> tuple[slice, int]:
        """Which rows a page holds and which total it claims, after the paging faults."""
        fault = self.faults.take(path, PAGES) if offset > 0 else None
        claimed = total + self.wrong_by(path)
        if fault and fault.kind == "repeat_page":
            return slice(0, count), claimed
        if fault:
            # A row came in at the front while somebody was paging: one row comes twice, one is never seen.
            return slice(offset - 1, offset - 1 + count), claimed + 1
        return slice(offset, offset + count), claimed


class BadQuery(ValueError):
    """A request that the source cannot make sense of."""


def app(city: City) -> Starlette:
    """The city as an ASGI application. Its clock starts 40 minutes after the first demo day."""
    office = Office(city)
    feeds: dict[str, Handler] = {
        "/api/3/action/datastore_search": _hotline,
        "/plan/projects.xlsx": _projects,
        "/air/{name}": _air,
        "/grid/cases.csv": _grid,
        "/education/school-places": _schools,
        "/open311/v2/requests.json": _steward,
        "/ngsi-ld/v1/entities": _devices,
    }
    controls: dict[str, tuple[Handler, list[str]]] = {
        "/answer-key": (_answer_key, ["GET"]),
        "/links": (_links, ["GET"]),
    }
    routes = [Route(path, _faulty(office, handler)) for path, handler in feeds.items()]
    routes += [Route(path, _plain(office, handler), methods=verbs) for path, (handler, verbs) in controls.items()]
    routes += [
        Route("/", _plain(office, _index)),
        Route("/clock", _clock(office), methods=["GET", "PUT"]),
        Route("/faults", _fault_desk(office), methods=["GET", "PUT", "DELETE"]),
    ]
    application = Starlette(routes=routes)
    application.state.office = office
    return application


def serve(host: str = "127.0.0.1", port: int = 8600, seed: int = 7, scale: float = 1.0) -> None:
    """Serve the city until interrupted."""
    uvicorn.run(app(City(seed=seed, scale=scale)), host=host, port=port, log_level="warning", lifespan="off", ws="none")


@contextmanager
def running(city: City) -> Iterator[str]:
    """Serve the city in a background thread on a free port; gives the base URL and stops afterwards."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app(city), log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1, log_config=None
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def _plain(office: Office, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return handler(office, request)
        except (BadQuery, KeyError, ValueError) as error:
            return JSONResponse({"success": False, "error": {"message": str(error)}}, status_code=400)

    return answer


def _faulty(office: Office, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler, after whatever fault is waiting at its path."""
    inner = _plain(office, handler)

    async def answer(request: Request) -> Response:
        fault = office.faults.take(request.url.path, ANSWERS)
        kind = fault.kind if fault else ""
        if kind == "500":
            return PlainTextResponse("Internal Server Error", status_code=500)
        if kind == "429":
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": "1"})
        if kind == "login_page":
            return HTMLResponse(LOGIN_PAGE)
        if kind == "timeout":
            await asyncio.sleep(_TIMEOUT_SECONDS)
        response = await inner(request)
        if kind == "truncated":
            # The length stays what it was: the connection breaks in the middle of the body.
            response.body = bytes(response.body)[: len(response.body) // 2]
        return response

    return answer


def _index(office: Office, request: Request) -> Response:
    paths = [route.path for route in request.app.routes if isinstance(route, Route)]
    about = {"city": "huitian", "seed": office.city.seed, "scale": office.city.scale, "now": _aware(office.clock)}
    return JSONResponse({**about, "paths": paths})


def _aware(clock: datetime) -> str:
    return clock.replace(tzinfo=BEIJING).isoformat()


def _clock(office: Office) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.method == "PUT":
            try:
                office.clock = local(datetime.fromisoformat((await request.json())["now"])).replace(microsecond=0)
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse({"error": f"expected {{\"now\": ISO time}}: {error}"}, status_code=400)
        return JSONResponse({"now": _aware(office.clock)})

    return answer


def _fault_desk(office: Office) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.method == "DELETE":
            office.faults.waiting.clear()
        if request.method == "PUT":
            asked = await request.json()
            if asked.get("kind") not in KINDS or not str(asked.get("path", "")).startswith("/"):
                return JSONResponse({"error": f"expected a path and a kind of {', '.join(KINDS)}"}, status_code=400)
            times, column = int(asked.get("times", 1)), str(asked.get("column", ""))
            office.faults.waiting.append(Fault(asked["path"], asked["kind"], times, column))
        waiting = [vars(fault) for fault in office.faults.waiting if fault.times > 0]
        return JSONResponse(waiting)

    return answer


def _number(request: Request, name: str, default: int, highest: int, lowest: int = 0) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or int(text) < lowest:
        raise BadQuery(f"{name} must be a whole number from {lowest}, not {text!r}")
    return min(int(text), highest)


def _time(request: Request, name: str) -> datetime | None:
    # A plus sign that was not escaped arrives as a blank.
    text = request.query_params.get(name, "").replace(" ", "+" if "T" in request.query_params.get(name, "") else " ")
    return local(datetime.fromisoformat(text)) if text else None


def _file(request: Request, body: bytes, media_type: str, changed: datetime) -> Response:
    """A file with the validators that let a client ask again cheaply."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    modified = changed.replace(microsecond=0, tzinfo=BEIJING).astimezone(UTC)
    headers = {"ETag": tag, "Last-Modified": format_datetime(modified, usegmt=True)}
    asked_tag, asked_since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
    if asked_tag is not None:
        known = tag in [part.strip().removeprefix("W/") for part in asked_tag.split(",")]
    else:
        known = asked_since is not None and modified <= parsedate_to_datetime(asked_since)
    if known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@lru_cache(maxsize=4)
def _orders(city: City, clock: datetime, start: datetime | None, end: datetime | None) -> tuple[Wire, list[str]]:
    wire = answerkey.between(hotline_wire.snapshot(city, clock), start, end)
    wire.columns = {"_id": wire.columns["_id"], **wire.columns}
    return wire, dialects.json_records(wire)


def _hotline(office: Office, request: Request) -> Response:
    path = request.url.path
    if request.query_params.get("resource_id") != dialects.CKAN_RESOURCE:
        missing = {"message": "Not found: Resource was not found.", "__type": "Not Found Error"}
        return JSONResponse({"success": False, "error": missing}, status_code=404)
    if request.query_params.get("sort", "_id") not in ("_id", "_id asc"):
        raise BadQuery("this resource sorts by _id only")
    limit = _number(request, "limit", 100, dialects.CKAN_ROWS_MAX)
    offset = _number(request, "offset", 0, 10**9)
    filters = json.loads(request.query_params.get("filters", "{}"))
    bounds = filters.pop("最后修改时间", {})
    if filters or set(bounds) - {"gte", "lt"}:
        raise BadQuery("filters: only 最后修改时间 with gte and lt")
    start, end = (datetime.fromisoformat(bounds[name]) if name in bounds else None for name in ("gte", "lt"))
    wire, records = _orders(office.city, office.clock, start, end)
    if fault := office.faults.take(path, SHAPES):
        wire = bend(wire, fault)
        records = dialects.json_records(wire)
    rows, total = office.page(path, offset, limit, len(records))
    body = dialects.ckan_envelope(records[rows], list(wire.columns), total, limit, offset)
    return Response(body, media_type="application/json;charset=utf-8")


@lru_cache(maxsize=8)
def _workbook(city: City, as_of: date) -> bytes:
    return sheet.workbook(projects.snapshot(city, as_of), as_of)


def _as_of(office: Office, request: Request, name: str) -> date:
    text = request.query_params.get(name)
    return min(date.fromisoformat(text), office.clock.date()) if text else office.clock.date()


def _projects(office: Office, request: Request) -> Response:
    as_of = _as_of(office, request, "as_of")
    changed = datetime.combine(as_of, datetime.min.time())
    return _file(request, _workbook(office.city, as_of), _XLSX, changed)


def _air(office: Office, request: Request) -> Response:
    name = request.path_params["name"]
    text = name.removeprefix("beijing_all_").removesuffix(".csv")
    try:
        day = datetime.strptime(text, "%Y%m%d").replace(tzinfo=BEIJING).date()
    except ValueError:
        return PlainTextResponse("404 Not Found", status_code=404)
    hour = air.last_hour(day, office.clock)
    if hour < 0 or name != f"beijing_all_{day:%Y%m%d}.csv":
        return PlainTextResponse("404 Not Found", status_code=404)
    lines, _ = air.day_file(office.city, day, hour)
    changed = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)
    return _file(request, dialects.air_csv(air.STATIONS, lines), "text/csv; charset=utf-8", changed)


def _grid(office: Office, request: Request) -> Response:
    wire = answerkey.between(grid.snapshot(office.city, office.clock), _time(request, "from"), _time(request, "to"))
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    changed = wire.updated.max().astype(datetime) if len(wire) else office.clock
    body = dialects.grid_csv(wire, len(wire) + office.wrong_by(request.url.path))
    return _file(request, body, "text/csv; charset=gb18030", changed)


def _schools(office: Office, request: Request) -> Response:
    size = _number(request, "pageSize", 50, SCHOOL_PAGE_MAX, 1)
    page = _number(request, "page", 1, 10**9, 1)
    wire = schools.snapshot(office.city, _as_of(office, request, "asOf"))
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, total = office.page(request.url.path, (page - 1) * size, size, len(wire))
    body = dialects.school_page(_rows(wire, rows), total, page, size)
    return Response(body, media_type="application/json;charset=utf-8")


def _steward(office: Office, request: Request) -> Response:
    size = _number(request, "page_size", OPEN311_PAGE_MAX, OPEN311_PAGE_MAX, 1)
    page = _number(request, "page", 1, 10**9, 1)
    wire = steward.snapshot(office.city, office.clock)
    wire = answerkey.between(wire, _time(request, "start_date"), _time(request, "end_date"))
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, _ = office.page(request.url.path, (page - 1) * size, size, len(wire))
    return Response(dialects.open311_page(_rows(wire, rows)), media_type="application/json; charset=utf-8")


def _devices(office: Office, request: Request) -> Response:
    if request.query_params.get("type", "VideoDevice") != "VideoDevice":
        return Response(b"[]", media_type="application/json", headers={"NGSILD-Results-Count": "0"})
    limit = _number(request, "limit", 20, NGSI_PAGE_MAX)
    offset = _number(request, "offset", 0, 10**9)
    wire = devices.snapshot(office.city, office.clock)
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, total = office.page(request.url.path, offset, limit, len(wire))
    headers = {"NGSILD-Results-Count": str(total)} if request.query_params.get("count") == "true" else {}
    return Response(dialects.ngsi_page(_rows(wire, rows)), media_type="application/ld+json", headers=headers)


def _rows(wire: Wire, rows: slice) -> Wire:
    return wire.take(np.arange(len(wire))[rows])


def _answer_key(office: Office, request: Request) -> Response:
    start, end = _time(request, "start"), _time(request, "end")
    if start is None or end is None:
        raise BadQuery("start and end are needed, as ISO times or dates")
    table = answerkey.answer_key(office.city, request.query_params["feed"], start, end, office.clock)
    return JSONResponse(table.to_pylist())


def _links(office: Office, request: Request) -> Response:
    return JSONResponse(answerkey.links(office.city, office.clock).to_pylist())
