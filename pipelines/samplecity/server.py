"""The sources' HTTP face: seven feeds, a clock that only moves when told, faults on demand, the answer key.

Handlers choose rows and hand them to `dialects`; what changes between requests is kept in `office`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
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
from pipelines.samplecity.faults import ANSWERS, LOGIN_PAGE, SHAPES, bend
from pipelines.samplecity.office import (
    BadQuery,
    Office,
    aware,
    clock_desk,
    fault_desk,
    file_response,
    number,
    time_of,
)
from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import BEIJING, City

Handler = Callable[[Office, Request], Response]
OPEN311_PAGE_MAX, SCHOOL_PAGE_MAX, NGSI_PAGE_MAX = 100, 100, 1000
_TIMEOUT_SECONDS = 30.0
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
    routes += [
        Route(path, _plain(office, handler), methods=verbs) for path, (handler, verbs) in controls.items()
    ]
    routes += [
        Route("/", _plain(office, _index)),
        Route("/clock", clock_desk(office), methods=["GET", "PUT"]),
        Route("/faults", fault_desk(office), methods=["GET", "PUT", "DELETE"]),
    ]
    application = Starlette(routes=routes)
    application.state.office = office
    return application


def serve(host: str = "127.0.0.1", port: int = 8600, seed: int = 7, scale: float = 1.0) -> None:
    """Serve the city until interrupted."""
    uvicorn.run(
        app(City(seed=seed, scale=scale)),
        host=host,
        port=port,
        log_level="warning",
        lifespan="off",
        ws="none",
    )


@contextmanager
def running(city: City) -> Iterator[str]:
    """Serve the city in a background thread on a free port; gives the base URL and stops afterwards."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app(city),
            log_level="critical",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
            log_config=None,
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
    about = {
        "city": "huitian",
        "seed": office.city.seed,
        "scale": office.city.scale,
        "now": aware(office.clock),
    }
    return JSONResponse({**about, "paths": paths})


@lru_cache(maxsize=4)
def _orders(
    city: City, clock: datetime, start: datetime | None, end: datetime | None
) -> tuple[Wire, list[str]]:
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
    limit = number(request, "limit", 100, dialects.CKAN_ROWS_MAX)
    offset = number(request, "offset", 0, 10**9)
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
    return file_response(request, _workbook(office.city, as_of), _XLSX, changed)


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
    return file_response(request, dialects.air_csv(air.STATIONS, lines), "text/csv; charset=utf-8", changed)


def _grid(office: Office, request: Request) -> Response:
    wire = answerkey.between(
        grid.snapshot(office.city, office.clock), time_of(request, "from"), time_of(request, "to")
    )
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    changed = wire.updated.max().astype(datetime) if len(wire) else office.clock
    body = dialects.grid_csv(wire, len(wire) + office.wrong_by(request.url.path))
    return file_response(request, body, "text/csv; charset=gb18030", changed)


def _schools(office: Office, request: Request) -> Response:
    size = number(request, "pageSize", 50, SCHOOL_PAGE_MAX, 1)
    page = number(request, "page", 1, 10**9, 1)
    wire = schools.snapshot(office.city, _as_of(office, request, "asOf"))
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, total = office.page(request.url.path, (page - 1) * size, size, len(wire))
    body = dialects.school_page(_rows(wire, rows), total, page, size)
    return Response(body, media_type="application/json;charset=utf-8")


def _steward(office: Office, request: Request) -> Response:
    size = number(request, "page_size", OPEN311_PAGE_MAX, OPEN311_PAGE_MAX, 1)
    page = number(request, "page", 1, 10**9, 1)
    wire = steward.snapshot(office.city, office.clock)
    wire = answerkey.between(wire, time_of(request, "start_date"), time_of(request, "end_date"))
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, _ = office.page(request.url.path, (page - 1) * size, size, len(wire))
    return Response(dialects.open311_page(_rows(wire, rows)), media_type="application/json; charset=utf-8")


def _devices(office: Office, request: Request) -> Response:
    if request.query_params.get("type", "VideoDevice") != "VideoDevice":
        return Response(b"[]", media_type="application/json", headers={"NGSILD-Results-Count": "0"})
    limit = number(request, "limit", 20, NGSI_PAGE_MAX)
    offset = number(request, "offset", 0, 10**9)
    wire = devices.snapshot(office.city, office.clock)
    wire = bend(wire, office.faults.take(request.url.path, SHAPES))
    rows, total = office.page(request.url.path, offset, limit, len(wire))
    headers = {"NGSILD-Results-Count": str(total)} if request.query_params.get("count") == "true" else {}
    return Response(dialects.ngsi_page(_rows(wire, rows)), media_type="application/ld+json", headers=headers)


def _rows(wire: Wire, rows: slice) -> Wire:
    return wire.take(np.arange(len(wire))[rows])


def _answer_key(office: Office, request: Request) -> Response:
    start, end = time_of(request, "start"), time_of(request, "end")
    if start is None or end is None:
        raise BadQuery("start and end are needed, as ISO times or dates")
    table = answerkey.answer_key(office.city, request.query_params["feed"], start, end, office.clock)
    return JSONResponse(table.to_pylist())


def _links(office: Office, request: Request) -> Response:
    return JSONResponse(answerkey.links(office.city, office.clock).to_pylist())
