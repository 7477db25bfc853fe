"""The inbox DAG is told of a dropped sheet by a watcher that looks and deletes nothing, and takes it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

DAGS = Path(__file__).resolve().parents[2] / "dags"


def test_a_dropped_file_is_told_of_once_and_then_taken(home: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("inbox_facts.py")), str(DAGS), str(home / "airflow")],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])

    assert [] == told["heavy"]
    assert "inbox_trigger.InboxTrigger" == told["classpath"]
    assert ["quarantine_inbox"] == told["watchers"]
    assert [False, {"files": 1}, False, False, {"files": 2}] == told["events"]
    assert "AirflowSkipException" == told["answer"]
    assert {"taking": 0, "done": 0, "failed": 4} == told["folders"]
