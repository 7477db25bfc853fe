"""The embedded Airflow: its settings, its components, and how they come and go.

One machine, SQLite, LocalExecutor. The execution API runs in a process of its own, because one server for
both answers 500 while tasks hold SQLite's write lock. Great Expectations is imported once, in the
scheduler's fork server; without that every gate task spends four seconds importing it.
Secrets reach the components through their environment only.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines import lake, settings
from pipelines.airflow_names import WRITER_POOL
from pipelines.embedded import processes
from pipelines.embedded.api import Airflow
from pipelines.embedded.interrupts import Interrupts
from pipelines.embedded.processes import Component
from pipelines.embedded.watchdog import Watchdog
from pipelines.errors import SettingError, UrbanBrainError

PRELOAD = (
    "airflow.executors.local_executor",
    "airflow.cli.commands.scheduler_command",
    "airflow.jobs.scheduler_job_runner",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.bundles.manager",
    "great_expectations.expectations",
    "duckdb_engine",
    "pipelines.expectations",
    "pipelines.telling.datasets",
)
"""Modules every task finds imported. Imports only: a connection made before a fork loses what is written."""

_HOST = "127.0.0.1"
_MARKER = ".made-by-urbanbrain"
_LOCK = "embedded.lock"
_PARALLELISM = 4
_START_SECONDS = 180.0
_COMPONENTS = ("metadatabase", "scheduler", "dag_processor")


class Embedded:
    """An Airflow on free ports of this machine, and whatever else is started beside it.

    Leaving the block ends every process that was started in it, also after an error or a signal; if this
    process is killed, the watchdog does it.
    """

    def __init__(
        self,
        interrupts: Interrupts,
        *,
        fresh: bool,
        paused: bool,
        scheduled: bool,
        port: int = 0,
        environment: Mapping[str, str],
    ) -> None:
        """Choose; nothing is started yet.

        fresh       forget every earlier run
        paused      new DAGs wait until somebody switches them on
        scheduled   feeds have their schedule; otherwise they run when triggered only
        port        of the user interface; another one when it is taken
        """
        self._interrupts = interrupts
        self._fresh = fresh
        self._components: list[Component] = []
        self._watchdog: Watchdog | None = None
        self._lock = contextlib.ExitStack()
        self._port, self._execution_port = free_port(port), free_port()
        self.airflow = Airflow(f"http://{_HOST}:{self._port}")
        self.environment = settings.environment(
            {
                "PYTHONSAFEPATH": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "NO_PROXY": "127.0.0.1,localhost",
                "no_proxy": "127.0.0.1,localhost",
                "URBANBRAIN_HOME": str(settings.home()),
                "URBANBRAIN_PROJECT": str(settings.project()),
                "URBANBRAIN_SCHEDULE": "on" if scheduled else "off",
                **airflow_settings(self._port, self._execution_port, paused=paused),
                **task_lineage(is_wanted=settings.tells_tasks()),
                **environment,
            }
        )

    def __enter__(self) -> Self:
        self._lock.enter_context(_only_one_here())
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.close)
            check_preload()
            _check_project()
            _make_home(fresh=self._fresh)
            self._watchdog = Watchdog()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def logs(self) -> Path:
        return lake.airflow_home() / "logs"

    def start(self, dag_ids: set[str]) -> None:
        """Start Airflow and wait until these DAGs are there.

        Raises UrbanBrainError when a component dies, a DAG file does not parse, or it takes too long.
        """
        migrate = self.run("db-migrate", self._command("db", "migrate"))
        self._await("metadata database", lambda: migrate.process.poll() is not None, but=migrate)
        if migrate.process.returncode:
            raise UrbanBrainError(f"`airflow db migrate` failed:\n{migrate.tail()}")
        self._components.remove(migrate)

        self.run("execution-api", self._api_server("execution", self._execution_port))
        self.run("api-server", self._api_server("core", self._port))
        self.run("dag-processor", self._command("dag-processor"))
        self.run("scheduler", self._command("scheduler", "--skip-serve-logs"))
        self._await("Airflow to be healthy", lambda: self.airflow.is_healthy(_COMPONENTS))
        self.airflow.sign_in()
        self.airflow.make_pool(WRITER_POOL, 1, "The one task that may write the warehouse.")
        self._await(
            "the DAGs", lambda: bool(self.airflow.import_errors()) or dag_ids <= self.airflow.dag_ids()
        )
        if problems := self.airflow.import_errors():
            raise UrbanBrainError("\n".join(["a DAG file does not parse:", *problems]))

    def watch(self) -> None:
        """Start the triggerer, which looks into the drop folder. No DAG of ours defers, so nothing else needs one.

        It takes 240 MB and four seconds of a processor, so only who stays gets one; it is not waited for.
        """
        dags = str(settings.project() / "dags")
        self.run(
            "triggerer",
            self._command("triggerer", "--skip-serve-logs"),
            PYTHONPATH=os.pathsep.join(filter(None, (dags, self.environment.get("PYTHONPATH")))),
        )

    def run(self, name: str, command: Sequence[str], **more: str) -> Component:
        """Start one more process that ends with us; `more` are environment variables for it alone."""
        if self._watchdog is None:
            raise RuntimeError("enter the block first")
        log = self.logs / "components" / f"{name}.log"
        component = processes.start(name, command, environment=self.environment | more, log=log)
        self._components.append(component)
        self._watchdog.watch(component.session)
        return component

    def check(self, *, but: Component | None = None) -> None:
        """Raise UrbanBrainError when a component has died, with the last it said."""
        for component in self._components:
            if component is not but and (code := component.process.poll()) is not None:
                raise UrbanBrainError(
                    f"{component.name} ended by itself with code {code}:\n{component.tail()}",
                    next_step=f"its whole output is in {component.log}",
                )

    def stop(self) -> None:
        """End every process that was started here; afterwards none is left."""
        sessions = [component.session for component in self._components]
        processes.end(sessions, hurry=lambda: self._interrupts.hurry)
        for component in self._components:  # a dead leader is a zombie until its last thread has gone, too
            with contextlib.suppress(subprocess.TimeoutExpired):
                component.process.wait(processes.GRACE_SECONDS)
        self._components.clear()
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None
        self._lock.close()

    def wait_for(self, ready: Callable[[], bool], *, seconds: float, but: Component | None = None) -> bool:
        """Wait while every component lives; False when the time is over. Raises Interrupted."""

        def asked() -> bool:
            self.check(but=but)
            return ready()

        return self._interrupts.wait(asked, seconds=seconds)

    def _await(self, what: str, ready: Callable[[], bool], *, but: Component | None = None) -> None:
        if not self.wait_for(ready, seconds=_START_SECONDS, but=but):
            raise UrbanBrainError(
                f"waited {_START_SECONDS:.0f} s in vain for {what}",
                next_step=f"what each component said is in {self.logs / 'components'}",
            )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]

    def _api_server(self, app: str, port: int) -> list[str]:
        return self._command("api-server", "--apps", app, "--host", _HOST, "--port", str(port))


def airflow_settings(port: int, execution_port: int, *, paused: bool) -> dict[str, str]:
    """Airflow's settings as environment variables, with new random keys in each call."""
    chosen: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": settings.project() / "dags",
            "plugins_folder": settings.project() / "dags" / "plugins",
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": _PARALLELISM,
            "dags_are_paused_at_creation": paused,
            "execution_api_server_url": f"http://{_HOST}:{execution_port}/execution/",
            "simple_auth_manager_all_admins": True,  # nobody but this machine can reach the port
            "mp_forkserver_preload": ",".join(PRELOAD),
        },
        "api": {
            "host": _HOST,
            "port": port,
            "base_url": f"http://{_HOST}:{port}",
            "workers": 1,
            "secret_key": secrets.token_hex(32),
        },
        "api_auth": {"jwt_secret": secrets.token_hex(64)},
        "scheduler": {
            "mp_start_method": "forkserver",
            "scheduler_idle_sleep_time": 0.1,
            "enable_health_check": True,  # also makes the fork server import while the rest starts
            "scheduler_health_check_server_host": _HOST,
            "scheduler_health_check_server_port": free_port(),
        },
        "workers": {
            "min_heartbeat_interval": 1
        },  # the default, 5 s, is also how long an ended task holds its slot
        "dag_processor": {"parsing_processes": 1},
    }
    keyed = {
        f"AIRFLOW__{section}__{key}".upper(): str(value)
        for section, values in chosen.items()
        for key, value in values.items()
    }
    return {"AIRFLOW_HOME": str(lake.airflow_home()), **keyed}


def task_lineage(*, is_wanted: bool) -> dict[str, str]:
    """What makes Airflow's OpenLineage provider tell of tasks and runs, where somebody asks for it.

    Without, stages tell of themselves alone: the provider is idle as long as it has no transport.
    """
    if not is_wanted:
        return {}
    return {
        "AIRFLOW__OPENLINEAGE__NAMESPACE": settings.lineage_namespace(),
        "AIRFLOW__OPENLINEAGE__EMISSION_POLICY": json.dumps(
            [{"scope": {}, "controls": {"include_source_code": False}}]
        ),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "pipelines.telling.one_file.OneFile"}),
    }


def check_preload(modules: Sequence[str] = PRELOAD) -> None:
    """Raise SettingError for a module that is not installed; the fork server itself would not say a word."""
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        raise SettingError(
            f"cannot preload {', '.join(missing)}: not installed beside {sys.executable}",
            next_step="run `make setup`",
        )


def _check_project() -> None:
    dags = settings.project() / "dags"
    if not dags.is_dir():
        raise SettingError(
            f"there is no folder {dags}", next_step="set URBANBRAIN_PROJECT to the checkout of this project"
        )


def free_port(wish: int = 0) -> int:
    """A port of this machine that nobody listens on; the wished one when it is free."""
    with socket.socket() as probe:
        try:
            probe.bind((_HOST, wish))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


def _is_installed(module: str) -> bool:
    """Whether a module can be found, without importing the packages it is in: that would take seconds."""
    top, *rest = module.split(".")
    found = importlib.util.find_spec(top)
    for depth, _ in enumerate(rest, start=1):
        if found is None or found.submodule_search_locations is None:
            return False
        name = ".".join((top, *rest[:depth]))
        found = importlib.machinery.PathFinder.find_spec(name, found.submodule_search_locations)
    return found is not None


def _make_home(*, fresh: bool) -> None:
    """Airflow's own folder; `fresh` empties it, but only when it is one we made."""
    home = lake.airflow_home()
    if home.exists() and any(home.iterdir()) and not (home / _MARKER).exists():
        raise SettingError(
            f"{home} holds an Airflow that the demo did not make, and will not touch",
            next_step="set URBANBRAIN_HOME to another folder",
        )
    if fresh and home.exists():
        shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / _MARKER).touch()


@contextlib.contextmanager
def _only_one_here() -> Iterator[None]:
    """Hold the right to run an embedded Airflow under this home; the kernel takes it back when we die."""
    path = settings.home() / _LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UrbanBrainError(
                f"another demo or `urbanbrain up` is running on {settings.home()}",
                next_step="stop it, or set URBANBRAIN_HOME to another folder",
            ) from error
        yield
