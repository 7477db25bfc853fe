"""The sources' HTTP face: every feed of the catalogue, a clock that only moves when told, faults, the answer key.

How a feed answers is its desk's business; what changes between requests is kept in `office`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipelines.samplecity import answerkey, desks
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.faults import ANSWERS, BODIES, LOGIN_PAGE, spoil
from pipelines.samplecity.office import BadQuery, Office, aware, clock_desk, fault_desk, time_of
from pipelines.samplecity.source import Desk, Source
from pipelines.samplecity.world import City

Handler = Callable[[Office, Request], Response]
Told = tuple[str, Desk, Source]
_TIMEOUT_SECONDS = 30.0


def app(city: City) -> Starlette:
    """The city as an ASGI application. Its clock starts 40 minutes after the first demo day."""
    office = Office(city)
    controls: dict[str, tuple[Handler, list[str]]] = {
        "/answer-key": (_answer_key, ["GET"]),
        "/links": (_links, ["GET"]),
    }
    told = [(path, desk, source) for source in SOURCES for path, desk in (_first(source), *source.also)]
    at_path = groupby(sorted(told, key=_path), key=_path)
    routes = [Route(path, _faulty(office, _desks(list(given)))) for path, given in at_path]
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


def _first(source: Source) -> tuple[str, Desk]:
    return source.path, source.desk


def _path(told: Told) -> str:
    return told[0]


def _desks(given: list[Told]) -> Handler:
    """One path's answer: of the first feed there that takes the request."""

    def answer(office: Office, request: Request) -> Response:
        for _, desk, source in given:
            if desk.takes(request):
                return desk.answer(source, office, request)
        return desks.nobody(request)

    return answer


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
        fault = office.faults.take(request.url.path, (*ANSWERS, *BODIES))
        kind = fault.kind if fault else ""
        if kind == "500":
            return PlainTextResponse("Internal Server Error", status_code=500)
        if kind == "429":
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": "1"})
        if kind == "token_expired":
            return PlainTextResponse("Unauthorized", status_code=401)
        if kind == "login_page":
            return HTMLResponse(LOGIN_PAGE)
        if kind == "timeout":
            await asyncio.sleep(_TIMEOUT_SECONDS)
        response = await inner(request)
        if kind == "truncated":
            # The length stays what it was: the connection breaks in the middle of the body.
            response.body = bytes(response.body)[: len(response.body) // 2]
        if kind in BODIES:
            response.body = spoil(bytes(response.body), kind)
            response.headers["Content-Length"] = str(len(response.body))
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


def _answer_key(office: Office, request: Request) -> Response:
    start, end = time_of(request, "start"), time_of(request, "end")
    if start is None or end is None:
        raise BadQuery("start and end are needed, as ISO times or dates")
    table = answerkey.answer_key(office.city, request.query_params["feed"], start, end, office.clock)
    return JSONResponse(table.to_pylist())


def _links(office: Office, request: Request) -> Response:
    return JSONResponse(answerkey.links(office.city, office.clock).to_pylist())
