"""A local Airflow and the sample city, started and stopped as processes of this one machine.

    processes.py    start a process in a session of its own; end a session for good
    watchdog.py     ends the sessions when whoever started them is gone
    interrupts.py   Ctrl-C, noticed at safe points
    supervisor.py   the settings and the components of the embedded Airflow
    api.py          Airflow's REST API, as far as the demo needs it
    task_log.py     the end of a task's log
    due.py          which feeds a business day has to pull, and which window
    scenario.py     three business days and the checks; `up`, which stays
    verdict.py      what must be true in the end
    summary.py      what is said on screen

Nothing here imports Airflow: it runs the `airflow` command that is installed beside this Python.
"""

from __future__ import annotations


def demo(*, keep: bool = False) -> int:
    """Three business days, a summary, and everything stopped again unless `keep`. Returns the exit code."""
    from pipelines.embedded import scenario

    return scenario.demo(keep=keep)


def up(port: int = 8080) -> int:
    """The sample city and Airflow until Ctrl-C; `port` is the user interface's. Returns the exit code."""
    from pipelines.embedded import scenario

    return scenario.up(port)
