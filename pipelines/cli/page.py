"""`urbanbrain page`: what everybody may see of a release, in a browser."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

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
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")] = 8610,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    print_path: Annotated[
        bool, typer.Option("--print-path", help="Only say where the page is on disk, and serve nothing.")
    ] = False,
) -> None:
    """Show the page of a release, and its open tables, in a browser until Ctrl-C. 在浏览器中查看发布页面。

    The page needs no server: its file opens as it is, offline. Served are only figures that anybody may read.
    """
    from pipelines import lake, page_server, releases, run

    follows = release == "current"
    is_published = (lake.releases() / releases.CURRENT).exists()
    found = run.find_release(release) if is_published or not follows or print_path else None
    if found:
        file = page_server.page_file(found)
        if print_path:
            out.print(file, soft_wrap=True, highlight=False)
            return

    def ready(address: str) -> None:
        out.print(f"see {address}  请在浏览器中打开", soft_wrap=True, highlight=False)
        if found is None:
            said = "nothing is published yet; the first release appears there by itself"
        else:
            said = f"release {found.release_id}{', and those that follow it' if follows else ''}"
        out.print(f"{said}\nCtrl-C ends it", soft_wrap=True, highlight=False)
        if open_:
            webbrowser.open(address)

    page_server.serve(only=None if follows else found, host=host, port=port, ready=ready)
