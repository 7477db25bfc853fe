"""`urbanbrain page`: what everybody may see of a release, in a browser."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from pipelines import settings
from pipelines.cli.screen import out


def page(
    release: Annotated[
        str,
        typer.Argument(
            help="Id of a release, the start of one, or `previous`. Without: always the current one, as it changes."
        ),
    ] = "current",
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; 0.0.0.0 lets other machines read the open figures."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")
    ] = settings.PAGE_PORT,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    print_path: Annotated[
        bool, typer.Option("--print-path", help="Only say where the page is on disk, and serve nothing.")
    ] = False,
) -> None:
    """Show the page of a release, and its open tables, in a browser until Ctrl-C. 在浏览器中查看发布页面。

    The page needs no server: its file opens as it is, offline. Served are only figures that anybody may read.
    """
    from pipelines import releases, run
    from pipelines.outlets import page_server

    follows = release == "current"
    if print_path:
        out.print(page_server.page_file(run.find_release(release)), soft_wrap=True, highlight=False)
        return
    found = run.find_release(release) if releases.has_pointer() or not follows else None
    if found and not follows:
        page_server.page_file(found)

    def ready(address: str) -> None:
        out.print(f"see {address}  请在浏览器中打开", soft_wrap=True, highlight=False)
        if found is None or releases.PAGE not in page_server.open_files(found):
            out.print("no page is published yet; the next release brings one, and it appears by itself")
        else:
            then = ", and those that follow it" if follows else ""
            out.print(f"release {found.release_id}{then}", soft_wrap=True, highlight=False)
        out.print("Ctrl-C ends it")
        if open_:
            webbrowser.open(address)

    page_server.serve(only=None if follows else found, host=host, port=port, ready=ready)
