"""Airflow's task logs as files: where one is, and what its end says. They hold one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.embedded import processes

_LINES = 12
_FOLDING = "group::"  # marks what the web page folds away


def path(logs: Path, dag_id: str, run_id: str, task_id: str, attempt: int) -> Path:
    """The log of one try of one task, in Airflow's default layout."""
    return logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}" / f"attempt={attempt}.log"


def tail(log: Path, lines: int = _LINES) -> str:
    """The last lines, readable, with the exceptions they carry; says so when there is no log."""
    said = [readable(line) for line in processes.tail(log, 10 * lines).splitlines()]
    shown = [f"    {line}" for line in said if _FOLDING not in line][-lines:]
    return "\n".join(shown) or "    (no log was written)"


def readable(line: str) -> str:
    """One line of a log as a person reads it; a line that is no JSON object stays as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    said = f"{entry.get('level', '')} {entry.get('event', '')}".strip()
    return "\n      ".join([said, *(_named(error) for error in entry.get("error_detail") or [])])


def _named(error: dict[str, Any]) -> str:
    return f"{error.get('exc_type')}: {error.get('exc_value')}"
