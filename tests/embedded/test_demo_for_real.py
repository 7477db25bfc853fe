"""The whole demo with a real Airflow: what a newcomer sees, twice, and when it is interrupted."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from started import said_by

from pipelines.embedded import api, processes
from pipelines.embedded.summary import QUESTIONS

pytestmark = pytest.mark.e2e


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.embedded", *arguments]


def environment() -> dict[str, str]:
    """The demo makes its own keys, as on a newcomer's machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("URBANBRAIN_SECRET")}


def fingerprints(home: Path) -> dict[str, str]:
    files = [
        path for part in ("lake/validated", "releases") for path in (home / part).rglob("*") if path.is_file()
    ]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def descendants() -> set[int]:
    """Every process below this one, however its parents fared; zombies excepted."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_demo_succeeds_and_a_second_one_changes_no_data(home: Path) -> None:
    for attempt in range(2):
        answer = subprocess.run(
            command("demo"), env=environment(), capture_output=True, text=True, check=False
        )

        assert answer.returncode == 0, answer.stdout + answer.stderr
        for word in (
            "city_hotline_orders",
            "district_grid_cases",
            "street_video_devices",
            "3 business days in",
        ):
            assert word in answer.stdout
        if attempt == 0:
            first = fingerprints(home)

    assert first == fingerprints(home)
    assert first
    for question in QUESTIONS:
        asked = [sys.executable, "-c", "from pipelines.cli import main; main()", "sql", question]
        subprocess.run(asked, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_stopped_half_way_leaves_nothing_running(number: signal.Signals, home: Path) -> None:
    demo = subprocess.Popen(
        command("demo"), env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "ready" in line:
            break
    time.sleep(3)  # tasks are in flight now
    left = descendants()
    demo.send_signal(number)
    demo.communicate()
    deadline = time.monotonic() + 60 * processes.GRACE_SECONDS
    while any(is_alive(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert len(left) > 5
    assert [pid for pid in left if is_alive(pid)] == []
    assert demo.returncode == (128 + number if number == signal.SIGINT else -number)


def test_up_stays_until_it_is_told_to_stop_and_airflows_menu_leads_to_the_page(home: Path) -> None:
    up = subprocess.Popen(command("up", "--port", "0"), env=environment(), stdout=subprocess.PIPE, text=True)
    said = said_by(up)
    places = dict(re.findall(r"^(Airflow|page) +(http\S+)$", said, re.MULTILINE))
    airflow = places["Airflow"]
    token = api.call("GET", f"{airflow}/auth/token")["access_token"]
    plugins = api.call("GET", f"{airflow}/api/v2/plugins", token=token)["plugins"]
    is_served = api.answers(f"{places['page']}health")
    up.send_signal(signal.SIGINT)
    up.communicate()

    assert [places["page"]] == [
        view["href"] for plugin in plugins for view in plugin["external_views"] if view["url_route"]
    ]
    assert is_served
    assert up.returncode == 0
