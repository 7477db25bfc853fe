"""A headless Chromium that can reach nothing but this machine, and a released channel served to it.

Chromium comes from the system (`apt-get install chromium`), its driver and axe from `tests/browser/constraints.txt`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import VIEWS, Published, Seen
from page_served import Server, serving

from pipelines import releases

if TYPE_CHECKING:
    from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "channel"))

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The demo's three days, published, and the real `urbanbrain page`."""
    from channel_days import run_channel
    from forking import Forks

    with Forks(tmp_path_factory.mktemp("forks") / "said.txt") as forks:
        home = run_channel(tmp_path_factory.mktemp("published") / "home", forks).home
    with serving(home) as server:
        yield _published(home, server)


def _published(home: Path, server: Server) -> Published:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(home))
        release = releases.current()
    return Published(home, release, f"{server.address}/releases/{release.release_id}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Skipped where Chromium or its driver is not installed."""
    driver = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: `make browser` does it"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`")
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[nowhere, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        )
        yield browser
        browser.close()


@pytest.fixture
def shown(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """A new page of the browser, as wide as the test's `view` says, that writes down what it is asked and told."""
    view = (
        request.node.callspec.params.get("view", "desktop")
        if hasattr(request.node, "callspec")
        else "desktop"
    )
    width, height = VIEWS[view]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, is_mobile=view != "desktop", has_touch=view != "desktop"
    )
    seen = Seen(context.new_page())
    seen.page.on("request", lambda asked: seen.requests.append(asked.url))
    seen.page.on("requestfailed", lambda asked: seen.complaints.append(f"{asked.url}: {asked.failure}"))
    seen.page.on("response", lambda told: told.ok or seen.complaints.append(f"{told.url}: {told.status}"))
    seen.page.on("console", lambda said: seen.complaints.append(f"{said.type}: {said.text}"))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    yield seen
    context.close()
