"""A city on duty: its clock, the faults that wait, and how its requests are read.

Knows HTTP, but no feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.samplecity.faults import COUNTS, KINDS, PAGES, Fault, Faults
from pipelines.samplecity.world import BEIJING, PULL_DELAY, City, local

_WRONG_BY = 7


class Office:
    """A city, its clock, and what goes wrong next."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.clock = datetime.combine(city.first_day + timedelta(days=1), datetime.min.time()) + PULL_DELAY
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


def aware(clock: datetime) -> str:
    return clock.replace(tzinfo=BEIJING).isoformat()


def clock_desk(office: Office) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.method == "PUT":
            try:
                office.clock = local(datetime.fromisoformat((await request.json())["now"])).replace(
                    microsecond=0
                )
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse({"error": f'expected {{"now": ISO time}}: {error}'}, status_code=400)
        return JSONResponse({"now": aware(office.clock)})

    return answer


def fault_desk(office: Office) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.method == "DELETE":
            office.faults.waiting.clear()
        if request.method == "PUT":
            asked = await request.json()
            if asked.get("kind") not in KINDS or not str(asked.get("path", "")).startswith("/"):
                return JSONResponse(
                    {"error": f"expected a path and a kind of {', '.join(KINDS)}"}, status_code=400
                )
            times, column = int(asked.get("times", 1)), str(asked.get("column", ""))
            office.faults.waiting.append(Fault(asked["path"], asked["kind"], times, column))
        waiting = [vars(fault) for fault in office.faults.waiting if fault.times > 0]
        return JSONResponse(waiting)

    return answer


def number(request: Request, name: str, default: int, highest: int, lowest: int = 0) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or int(text) < lowest:
        raise BadQuery(f"{name} must be a whole number from {lowest}, not {text!r}")
    return min(int(text), highest)


def time_of(request: Request, name: str) -> datetime | None:
    # A plus sign that was not escaped arrives as a blank.
    text = request.query_params.get(name, "").replace(
        " ", "+" if "T" in request.query_params.get(name, "") else " "
    )
    return local(datetime.fromisoformat(text)) if text else None


def file_response(request: Request, body: bytes, media_type: str, changed: datetime) -> Response:
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
