"""The page inside Airflow's own pages: an entry in the menu, and the page in a frame."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Published, Seen
from started import said_by

pytestmark = pytest.mark.browser

ENTRY = "城市大脑"
SECONDS = 60


@pytest.fixture
def airflow(published: Published) -> Iterator[str]:
    """The address of `urbanbrain up` on the published channel."""
    up = subprocess.Popen(
        [sys.executable, "-m", "pipelines.embedded", "up", "--port", "0"],
        env=os.environ | {"URBANBRAIN_HOME": str(published.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    said = said_by(up)
    try:
        address = re.search(r"^Airflow +(\S+)$", said, re.MULTILINE)
        assert address, said
        yield address[1]
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate()


def test_airflows_menu_leads_to_the_page_in_a_frame(
    published: Published, airflow: str, shown: Seen, tmp_path: Path
) -> None:
    page = shown.page
    page.set_default_timeout(SECONDS * 1000)
    page.goto(airflow)
    page.get_by_text(ENTRY).first.click()
    frame = page.frame_locator(f"iframe[title='{ENTRY}']")
    frame.locator("#zh h1").wait_for()
    page.screenshot(path=tmp_path / "airflow.png")
    frame.locator("label[for=in-en]").click()
    frame.locator("#en h1").wait_for()
    (inside,) = (each for each in page.frames if each != page.main_frame)
    page.screenshot(path=tmp_path / "airflow-en.png")

    assert inside.url.endswith(f"/releases/{published.release.release_id}/index.html")
    assert frame.locator("#en figure svg").first.is_visible()
    assert not frame.locator("#zh h1").is_visible()
    assert [] == [each for each in shown.complaints if "Content Security" in each or "index.html" in each]
