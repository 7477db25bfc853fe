"""Open figures over HTTP, for browsers and for tools that read Parquet from an address: `urbanbrain page`.

    /                               to the page of the current release, found anew for each request
    /releases/CURRENT               the id of that release, as the file of this name says it
    /releases/<release_id>/         to that release's page
    /releases/<release_id>/<file>   one of its files; it never changes, and its ETag is its sha256
    /health                         says that somebody is here

A file is handed out when the manifest lists it, anybody may read it, and its bytes are still the published ones:
nothing of the district or the offices, nothing that lies beside, no list of a folder. The manifest itself stays here:
who knows a table but for one cell, and the checksum of the whole, can try what the cell is. `dcat.jsonld` has the
checksums of the open tables. Nobody is asked who they are, so whoever reaches the port reads the open figures.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from pipelines import lake, releases, settings
from pipelines.errors import SettingError, WarehouseError
from pipelines.releases import PAGE, Release

_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 – compared with, not listened on
_GRACE_SECONDS = 1
_RETRY_SECONDS = 10
_KEPT = "public, max-age=31536000, immutable"
_ASKED_ANEW = "no-store"
_LOOPBACK = "http://127.0.0.1:* http://localhost:*"
_KINDS = {
    ".html": "text/html",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
}
_NOTHING_YET = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{seconds}">
<title>Urban brain · 城市大脑</title>
<main style="font: 1.1rem/1.6 sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>No page is published yet</h1>
<p>The next release brings one; it appears here by itself.</p>
<h1 lang="zh-Hans">尚未发布页面</h1>
<p lang="zh-Hans">下一次发布后，页面会自动显示。</p>
</main>
</html>
"""


def page_file(release: Release) -> Path:
    """The page of a release. Raises WarehouseError when it was published without one."""
    if PAGE not in open_files(release):
        raise WarehouseError(
            f"release {release.release_id} has no {PAGE}: it was published before releases had a page",
            next_step="`urbanbrain publish` writes one into the next release",
        )
    return release.path / PAGE


def open_files(release: Release) -> dict[str, dict[str, Any]]:
    """What the manifest says of each file that anybody may read, by path."""
    listed = {str(file["path"]): dict(file) for file in release.manifest["files"]}
    return {path: file for path, file in listed.items() if releases.audience(path) == releases.TABLES}


def serve(
    *,
    only: Release | None = None,
    host: str = "127.0.0.1",
    port: int = settings.PAGE_PORT,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until Ctrl-C or SIGTERM: every release, or `only` one. `ready` is told the address once the port is ours.

    Port 0 takes a free one. Raises SettingError when the port is taken or the host is none of this machine's.
    """
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            app(only),
            log_level="warning",
            lifespan="off",
            ws="none",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = _Server(config)
        with _ended_by(server.handle_exit):
            shown = "127.0.0.1" if host in _ANYWHERE else f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{listener.getsockname()[1]}/")
            server.run(sockets=[listener])


def app(only: Release | None = None) -> Starlette:
    """The open part of every release, or of one, as an ASGI application."""
    served = _Served(only)
    return Starlette(
        routes=[
            Route("/", served.front),
            Route("/health", _health),
            Route("/favicon.ico", _nothing),
            Route("/releases/CURRENT", served.current),
            Route("/releases/{release_id}/{path:path}", served.file),
        ],
        exception_handlers={HTTPException: _explained},
    )


class _Served:
    """What is asked for and what is answered; a release is looked up once for each request."""

    def __init__(self, only: Release | None) -> None:
        self._only = only
        self._protection = _protection(settings.airflow_url())

    def front(self, request: Request) -> Response:
        release = self._current()
        if release is None or PAGE not in self._promised(release.release_id):
            text = _NOTHING_YET.format(seconds=_RETRY_SECONDS)
            return self._fresh(HTMLResponse(text, 503, {"Retry-After": str(_RETRY_SECONDS)}))
        return self._fresh(RedirectResponse(_page_address(request, release.release_id), 307))

    def current(self, request: Request) -> Response:
        release = self._current()
        if release is None:
            raise HTTPException(404)
        return self._fresh(PlainTextResponse(f"{release.release_id}\n"))

    def file(self, request: Request) -> Response:
        """One open file of one release; runs in a thread, for it reads the disk."""
        release_id, path = request.path_params["release_id"], request.path_params["path"]
        promised = self._promised(release_id)
        if not path:
            return self._fresh(RedirectResponse(_page_address(request, release_id), 307))
        if path not in promised:
            raise HTTPException(404)
        file = lake.releases() / release_id / path
        sha256 = _sha256(file)
        if promised[path] != sha256:
            raise HTTPException(500, f"{path} of release {release_id} changed since it was published")
        headers = {**self._protection, "ETag": f'"{sha256}"', "Cache-Control": _KEPT}
        if _is_known(request.headers.get("if-none-match", ""), sha256):
            return Response(status_code=304, headers=headers)
        kind = _KINDS.get(file.suffix, "application/octet-stream")
        return FileResponse(file, headers=headers, media_type=kind, stat_result=file.stat())

    def _current(self) -> Release | None:
        """The release to show; None before anything is published. A damaged one is told, not passed over."""
        if self._only:
            return self._only
        if not releases.has_pointer():
            return None
        try:
            return releases.current()
        except WarehouseError as error:
            raise HTTPException(500, str(error)) from error

    def _promised(self, release_id: str) -> dict[str, str]:
        """The checksum of each open file of a release, by path. Raises HTTPException when there is no such release."""
        if self._only and release_id != self._only.release_id:
            raise HTTPException(404)
        try:
            return _promised(
                release_id, (lake.releases() / release_id / releases.MANIFEST).stat().st_mtime_ns
            )
        except (OSError, ValueError, WarehouseError):
            raise HTTPException(404) from None

    def _fresh(self, response: Response) -> Response:
        response.headers.update({**self._protection, "Cache-Control": _ASKED_ANEW})
        return response


class _Server(uvicorn.Server):
    """A server that ends well when it is told to; uvicorn's own raises the signal again once it has stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _ended_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise SettingError(
            f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}",
            next_step="give another --port; 0 takes a free one",
        ) from error
    with listener:
        yield listener


@lru_cache(maxsize=16)
def _promised(release_id: str, _mtime_ns: int) -> dict[str, str]:
    listed = open_files(releases.read(release_id))
    return {path: str(file["sha256"]) for path, file in listed.items()}


def _sha256(file: Path) -> str:
    """The checksum of a file, read once. Raises HTTPException when it is gone or only points elsewhere."""
    try:
        found = file.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise HTTPException(404)
        return _hashed(file, found.st_size, found.st_mtime_ns)
    except OSError:
        raise HTTPException(404) from None


@lru_cache(maxsize=4096)
def _hashed(file: Path, _size: int, _mtime_ns: int) -> str:
    return releases.file_sha256(file)


def _is_known(known: str, sha256: str) -> bool:
    """Whether If-None-Match names what we have."""
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return bool(tags & {f'"{sha256}"', "*"})


def _page_address(request: Request, release_id: str) -> str:
    """Without host and scheme, so that it holds behind a proxy, too."""
    return f"{request.scope.get('root_path', '')}/releases/{release_id}/{PAGE}"


def _protection(airflow_url: str) -> dict[str, str]:
    """What browsers are told: no script runs, nobody else is asked, and only Airflow here or there may frame the page."""
    parts = urlsplit(airflow_url)
    framed_by = f"'self' {_LOOPBACK}" + (f" {parts.scheme}://{parts.netloc}" if parts.netloc else "")
    policy = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": framed_by,
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _health(_: Request) -> Response:
    return PlainTextResponse("well\n", headers={"Cache-Control": _ASKED_ANEW})


def _nothing(_: Request) -> Response:
    """No icon; browsers ask for one unasked and would complain in their console."""
    return Response(status_code=204)


def _explained(_: Request, error: Exception) -> Response:
    """What is refused, in two languages; never what lies on the disk."""
    if not isinstance(error, HTTPException):
        raise error
    said = {
        404: "nothing is published at this address; / leads to the page\n此地址没有已发布的内容，请从 / 进入\n",
        405: "read only\n只读\n",
    }.get(error.status_code, f"{error.detail}\n发布已损坏，请联系管理员\n")
    headers = {**(error.headers or {}), **_protection(""), "Cache-Control": _ASKED_ANEW}
    return PlainTextResponse(said, error.status_code, headers)
