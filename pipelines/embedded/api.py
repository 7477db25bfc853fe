"""Airflow's REST API and the sample city's clock, as far as the demo needs them: plain JSON over loopback."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from pipelines.errors import UrbanBrainError

_TIMEOUT_SECONDS = 15
_TRIES = 5
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach our loopback


def call(method: str, url: str, body: Mapping[str, Any] | None = None, *, token: str = "") -> Any:
    """Send one JSON request, retry what a busy SQLite causes, and return the decoded answer.

    Raises UrbanBrainError with the server's own words when it refuses or stays silent.
    """
    request = urllib.request.Request(url, method=method)  # noqa: S310 – always http://127.0.0.1
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.data = json.dumps(body).encode()
    complaint = ""
    for attempt in range(_TRIES):
        try:
            with _LOCAL.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                content = answer.read()
            return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            if attempt and error.code == HTTPStatus.CONFLICT:  # the try before went through after all
                return None
            complaint = f"{error.code} {error.read(2000).decode(errors='replace')}"
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        except OSError as error:
            complaint = str(error)
        time.sleep(0.2 * 2**attempt)
    raise UrbanBrainError(f"{method} {url} failed: {complaint}")


class Airflow:
    """The public API of one running Airflow, at `url` such as `http://127.0.0.1:8080`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token = ""

    def sign_in(self, login: tuple[str, str] | None = None) -> None:
        """Fetch a token; the embedded Airflow gives one to anybody on this machine, others want a user and password."""
        body = dict(zip(("username", "password"), login, strict=True)) if login else None
        self._token = call("POST" if login else "GET", f"{self.url}/auth/token", body)["access_token"]

    def is_healthy(self, components: tuple[str, ...]) -> bool:
        """Whether each of these components has reported in; false while the server itself is not up."""
        try:
            with _LOCAL.open(f"{self.url}/api/v2/monitor/health", timeout=2) as answer:
                health = json.loads(answer.read())
        except (OSError, ValueError):
            return False
        return all((health.get(name) or {}).get("status") == "healthy" for name in components)

    def make_pool(self, name: str, slots: int, description: str) -> None:
        """Create a pool, unless it exists."""
        names = [pool["name"] for pool in self._get("/pools", limit=100)["pools"]]
        if name not in names:
            pool = {"name": name, "slots": slots, "description": description, "include_deferred": False}
            self._send("POST", "/pools", pool)

    def dag_ids(self) -> set[str]:
        """Every DAG that has been parsed."""
        return {dag["dag_id"] for dag in self._get("/dags", limit=1000)["dags"]}

    def import_errors(self) -> list[str]:
        """Files that could not be parsed, with the stack trace."""
        errors = self._get("/importErrors", limit=100)["import_errors"]
        return [f"{error['filename']}\n{error['stack_trace']}" for error in errors]

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, str]) -> None:
        """Start a run that has no scheduled interval; what it covers is in `conf`."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self._send("POST", f"/dags/{dag_id}/dagRuns", body)

    def runs(self, dag_id: str = "~") -> list[dict[str, Any]]:
        """The newest 100 runs of one DAG or of all, newest first."""
        runs: list[dict[str, Any]] = self._get(f"/dags/{dag_id}/dagRuns", limit=100, order_by="-run_after")[
            "dag_runs"
        ]
        return runs

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of one run."""
        quoted = urllib.parse.quote(run_id, safe="")
        tasks: list[dict[str, Any]] = self._get(f"/dags/{dag_id}/dagRuns/{quoted}/taskInstances")[
            "task_instances"
        ]
        return tasks

    def announced(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """What a run said about the asset it wrote: the `extra` of its last asset event."""
        events = self.events(dag_id, run_id)
        return (events[-1]["extra"] or {}) if events else {}

    def events(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Every asset event of a run."""
        events: list[dict[str, Any]] = self._get(
            "/assets/events", source_dag_id=dag_id, source_run_id=run_id
        )["asset_events"]
        return events

    def questions(self, dag_id: str, words: str) -> list[dict[str, Any]]:
        """What runs of a DAG wait to be told by a person, where these words stand in the subject."""
        found = self._get(f"/dags/{dag_id}/dagRuns/~/hitlDetails", limit=100, response_received=False)
        return [each for each in found["hitl_details"] if words in each["subject"]]

    def answer(self, question: Mapping[str, Any], option: str, inputs: Mapping[str, str]) -> None:
        """Answer such a question, as a person does on Airflow's page."""
        asked = question["task_instance"]
        run_id = urllib.parse.quote(asked["dag_run_id"], safe="")
        path = f"/dags/{asked['dag_id']}/dagRuns/{run_id}/taskInstances/{asked['task_id']}/{asked['map_index']}/hitlDetails"
        self._send("PATCH", path, {"chosen_options": [option], "params_input": dict(inputs)})

    def has_queued_events(self, dag_id: str) -> bool:
        """Whether assets have changed that this DAG has not been started for yet."""
        return int(self._get(f"/dags/{dag_id}/assets/queuedEvents")["total_entries"]) > 0

    def _get(self, path: str, **query: object) -> Any:
        return call("GET", f"{self.url}/api/v2{path}?{urllib.parse.urlencode(query)}", token=self._token)

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return call(method, f"{self.url}/api/v2{path}", body, token=self._token)


def answers(url: str) -> bool:
    """Whether somebody answers there already."""
    try:
        with _LOCAL.open(url, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def set_clock(sample_city_url: str, instant: datetime) -> None:
    """Move the sample city's clock; everything it serves is the state as of then."""
    call("PUT", f"{sample_city_url}/clock", {"now": instant.isoformat()})
