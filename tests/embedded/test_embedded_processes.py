"""Processes are ended as whole sessions, whatever their members do, and whatever happens to who started them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.embedded import processes
from pipelines.embedded.interrupts import Interrupted, Interrupts
from pipelines.embedded.processes import Component

HANG_SECONDS = 300.0
"""How long anything is waited for that comes at once; no test is about it."""
STARTER = """
import sys, time
from pathlib import Path
from pipelines.embedded import processes
from pipelines.embedded.interrupts import Interrupted, Interrupts
from pipelines.embedded.watchdog import Watchdog
import os
with Interrupts() as interrupts:
    watchdog = Watchdog()
    component = processes.start("x", ["sleep", "60"], environment=dict(os.environ), log=Path(sys.argv[1]) / "x.log")
    watchdog.watch(component.session)
    Path(sys.argv[1], "session").write_text(str(component.session))
    try:
        interrupts.wait(lambda: False, seconds=60)
    except Interrupted:
        watchdog.dismiss()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Component]]:
    """Starts a piece of Python in a session of its own and waits until it says ready."""
    started: list[Component] = []

    def run(program: str) -> Component:
        log = tmp_path / "log"
        command = [sys.executable, "-c", f"import os, signal, subprocess, time\n{program}\ntime.sleep(60)"]
        started.append(processes.start("x", command, environment=dict(os.environ), log=log))
        eventually(lambda: "ready" in log.read_text())
        return started[-1]

    yield run
    processes.end([component.session for component in started], grace=0)
    for component in started:
        component.process.wait()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, signal.Signals]]:
    """What is sent to whom, in order; it is sent all the same."""
    told: list[tuple[int, signal.Signals]] = []
    send = processes._send

    def noted(pid: int, number: signal.Signals) -> None:
        told.append((pid, number))
        send(pid, number)

    monkeypatch.setattr(processes, "_send", noted)
    return told


def eventually(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_session_that_obeys_is_asked_once_and_not_killed(
    start: Callable[[str], Component], sent: list[tuple[int, signal.Signals]]
) -> None:
    component = start("print('ready', flush=True)")
    processes.end([component.session], grace=HANG_SECONDS)

    assert processes.members([component.session]) == []
    assert sent == [(component.session, signal.SIGTERM)]


def test_a_member_that_left_the_process_group_and_ignores_signals_is_ended_too(
    start: Callable[[str], Component],
) -> None:
    component = start(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n    os.setpgid(0, 0)\n    print('ready', flush=True)"
    )

    assert len(processes.members([component.session])) == 2

    processes.end([component.session], grace=0.2)

    assert processes.members([component.session]) == []


def test_only_the_leader_is_asked_to_stop(start: Callable[[str], Component], tmp_path: Path) -> None:
    """A fork server that is told to stop before its workers leaves them orphaned."""
    component = start(
        "child = os.fork()\n"
        "if child == 0:\n"
        f"    signal.signal(signal.SIGTERM, lambda *_: open({str(tmp_path / 'told')!r}, 'w').close())\n"
        "    print('ready', flush=True)"
    )
    processes.end([component.session])

    assert processes.members([component.session]) == []
    assert not (tmp_path / "told").exists()


def test_in_a_hurry_nothing_is_waited_for(
    start: Callable[[str], Component], sent: list[tuple[int, signal.Signals]]
) -> None:
    component = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)")
    asked = iter([True])  # a second look would be one too many
    processes.end([component.session], grace=HANG_SECONDS, hurry=lambda: next(asked))

    assert processes.members([component.session]) == []
    assert sent[:2] == [(component.session, signal.SIGTERM), (component.session, signal.SIGKILL)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_who_started_it(number: signal.Signals, tmp_path: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    eventually((tmp_path / "session").exists)
    eventually(lambda: (tmp_path / "session").read_text() != "")
    session = int((tmp_path / "session").read_text())

    assert processes.members([session]) == [session]

    starter.send_signal(number)
    starter.wait()
    eventually(lambda: processes.members([session]) == [])


def test_ctrl_c_in_a_terminal_ends_everything(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{STARTER}",
            str(tmp_path),
        ],
        stdin=terminal,
        start_new_session=True,
    )
    eventually((tmp_path / "session").exists)
    eventually(lambda: (tmp_path / "session").read_text() != "")
    os.write(keyboard, b"\x03")
    starter.wait(timeout=HANG_SECONDS)
    os.close(keyboard)
    os.close(terminal)

    assert processes.members([int((tmp_path / "session").read_text())]) == []


def test_a_signal_is_noticed_where_it_is_asked_for_and_a_second_one_means_hurry() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted) as caught:
            interrupts.wait(lambda: False, seconds=5)

        assert caught.value.signal_number == signal.SIGINT
        assert not interrupts.hurry

        os.kill(os.getpid(), signal.SIGINT)
        eventually(lambda: interrupts.hurry)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_waiting_ends_when_the_time_is_over() -> None:
    with Interrupts() as interrupts:
        assert interrupts.wait(lambda: False, seconds=0.05, poll=0.01) is False
        assert interrupts.wait(lambda: True, seconds=0) is True
