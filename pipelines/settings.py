"""What the environment decides. The only module that reads it.

URBANBRAIN_HOME                where data goes; default `./var`
URBANBRAIN_PROJECT             where `contracts/` and `warehouse/` are; default: this checkout
URBANBRAIN_SERVER              which `servers[].server` of a contract to pull from; default `sample`
URBANBRAIN_BOUNDARIES          GeoJSON with the polygons of areas, for points whose row names no area and for parcels that
                               lie on several streets; default: none
URBANBRAIN_INBOX               where offices drop corrected sheets; default `inbox` in URBANBRAIN_HOME
URBANBRAIN_SECRET_<NAME>       a secret a contract names; SMTP is the mail server's password, WEBHOOK signs what webhooks get
URBANBRAIN_NOTIFY_<LEVEL>      who is told when feeds of a level (CITY, DISTRICT, STREET) are late, missing or odd:
                               `mailto:desk@example.org,https://hooks.example.org/…`; URBANBRAIN_NOTIFY: of every level
URBANBRAIN_NOTIFY_FROM         whom such mail is from; default `urbanbrain@localhost`
URBANBRAIN_SMTP                the mail server, `smtp+tls://user@mail.example.org:587`; `smtps://`, or `smtp://` without TLS
URBANBRAIN_<NAME>              a value for `${NAME:-default}` in a server location
URBANBRAIN_AIRFLOW_URL         where Airflow's pages and API are, such as `http://127.0.0.1:8080`: a decision on the command line
                               then ends the DAG run that waits for it, and the page may stand in a frame there; default: none
URBANBRAIN_SECRET_AIRFLOW      `user:password` for that Airflow; default: it asks nobody, like the demo's
URBANBRAIN_PAGE_URL            where browsers find what `urbanbrain page` serves, such as `http://127.0.0.1:8610/`: Airflow's menu
                               then leads to it; default: none
URBANBRAIN_POSTGRES            the PostgreSQL that serves a copy of releases, `postgresql://urbanbrain_loader@host:5432/serving`;
                               default: none, and nothing is copied
URBANBRAIN_SECRET_POSTGRES     the password for it; default: libpq looks where it always does
URBANBRAIN_SCHEDULE            `off`: feeds run only when triggered, as in the demo; default `on`
URBANBRAIN_KEEP_RELEASES       how many of the newest releases stay; default 30
URBANBRAIN_KEEP_MONTHS         of how many months the last release stays, too; default 13
URBANBRAIN_KEEP_HOURS          how long a release stays that was CURRENT, for readers who are still at it; default 24
URBANBRAIN_UPLOAD              where `publish` and the warehouse DAG upload each release to, `s3://bucket/prefix` or `file:///folder`; default: none
URBANBRAIN_UPLOAD_ONLY         what of it: `tables` (what anybody may read), `district`, `offices`; default `tables`
URBANBRAIN_UPLOAD_PRUNE        `on`: old releases go there as they go here; default `off`
URBANBRAIN_S3_ENDPOINT         an S3 service that is not Amazon's, such as `https://minio.example:9000`
URBANBRAIN_S3_REGION           its region; default: what the AWS settings of the machine say
URBANBRAIN_SECRET_S3           `access key:secret key` for it; default: what the AWS settings of the machine say
URBANBRAIN_WAREHOUSE           what lineage calls the warehouse, the same wherever its file lies; default `urbanbrain`
URBANBRAIN_TASK_LINEAGE        `on`: the embedded Airflow tells of its tasks, too, beside what stages tell; default `off`
OPENLINEAGE_…, AIRFLOW_CTX_…   where lineage goes and whose task this is; the names are OpenLineage's and Airflow's own
URBANBRAIN_DUCKDB_MEMORY       DuckDB memory limit, such as `8GB`; default: DuckDB's own
URBANBRAIN_DUCKDB_THREADS      DuckDB threads; default: DuckDB's own
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors import SettingError

PAGE_PORT = 8610
"""Where `urbanbrain page` listens unless it is told."""
QUESTION_SECONDS = 60.0
"""How long a person's question may take unless they say."""
_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
_DEMO_KEYS = "demo-keys.env"
_LINEAGE_FILE = "openlineage.yml"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class ParentRun:
    """The OpenLineage run that another run is part of."""

    namespace: str
    job: str
    run_id: str


def home() -> Path:
    """The folder that holds lake, warehouse, releases and the embedded Airflow."""
    return Path(os.environ.get("URBANBRAIN_HOME") or "var").absolute()


@contextlib.contextmanager
def at(folder: Path, project: Path | None = None, boundaries: Path | None = None) -> Iterator[None]:
    """Work in another home for the while, beside the one the environment names.

    With `project` also on that project, and with those boundaries or none. The demo's keys come along.
    """
    changed = {"URBANBRAIN_HOME": str(folder), **_demo_keys()}
    if project:
        changed |= {
            "URBANBRAIN_PROJECT": str(project),
            "URBANBRAIN_BOUNDARIES": str(boundaries) if boundaries else "",
        }
    before = {name: os.environ.get(name) for name in changed}
    for name, value in changed.items():
        if not (name.startswith("URBANBRAIN_SECRET_") and before[name]):  # a real key goes before the demo's
            os.environ[name] = value
    try:
        yield
    finally:
        for name, earlier in before.items():
            if earlier is None:
                del os.environ[name]
            else:
                os.environ[name] = earlier


def project() -> Path:
    """The folder that holds `contracts/` and `warehouse/`."""
    given = os.environ.get("URBANBRAIN_PROJECT")
    return Path(given).absolute() if given else Path(__file__).resolve().parent.parent


def server() -> str:
    """Which of a contract's servers to pull from, such as `sample` or `production`."""
    return os.environ.get("URBANBRAIN_SERVER") or "sample"


def boundaries() -> Path | None:
    """The file with the polygons of areas, where one is configured."""
    given = os.environ.get("URBANBRAIN_BOUNDARIES")
    return Path(given).absolute() if given else None


def airflow_url() -> str:
    """Where the Airflow is that the command line may talk to; empty when none is named."""
    return (os.environ.get("URBANBRAIN_AIRFLOW_URL") or "").rstrip("/")


def airflow_login() -> tuple[str, str] | None:
    """User and password for that Airflow, where it wants one."""
    user, _, password = os.environ.get("URBANBRAIN_SECRET_AIRFLOW", "").partition(":")
    return (user, password) if user else None


def page_url() -> str:
    """Where browsers find the page of the current release; empty when nobody serves it."""
    return os.environ.get("URBANBRAIN_PAGE_URL") or ""


def postgres() -> str:
    """The address of the PostgreSQL that serves a copy of releases; "" when there is none. It may hold a password."""
    return os.environ.get("URBANBRAIN_POSTGRES") or ""


def inbox() -> Path:
    """The folder into which offices drop corrected sheets."""
    given = os.environ.get("URBANBRAIN_INBOX")
    return Path(given).absolute() if given else home() / "inbox"


def is_scheduled() -> bool:
    """Whether feeds run on their contracts' schedules, or only when somebody triggers them."""
    return os.environ.get("URBANBRAIN_SCHEDULE") != "off"


def release_retention() -> tuple[int, int, int]:
    """How many of the newest releases stay, of how many months the last, and for how many hours one that was CURRENT.

    Raises SettingError for what is no whole number; at least the newest one stays.
    """
    return (
        _number("URBANBRAIN_KEEP_RELEASES", 30, least=1),
        _number("URBANBRAIN_KEEP_MONTHS", 13),
        _number("URBANBRAIN_KEEP_HOURS", 24),
    )


def _number(name: str, default: int, *, least: int = 0) -> int:
    given = os.environ.get(name) or str(default)
    if not given.isascii() or not given.isdigit() or int(given) < least:
        raise SettingError(
            f"{name} is {given!r}, expected a whole number, {least} or more",
            next_step=f"export {name}={default}",
        )
    return int(given)


def upload_to() -> str:
    """Where each release is uploaded to; empty when nowhere."""
    return os.environ.get("URBANBRAIN_UPLOAD") or ""


def upload_only() -> tuple[str, ...]:
    """Which audiences' files are uploaded, as they were typed."""
    given = os.environ.get("URBANBRAIN_UPLOAD_ONLY") or "tables"
    return tuple(each.strip() for each in given.split(",") if each.strip())


def prunes_uploads() -> bool:
    """Whether old releases go from where they were uploaded to."""
    return os.environ.get("URBANBRAIN_UPLOAD_PRUNE") == "on"


def s3() -> dict[str, str]:
    """How an S3 service is reached, as pyarrow names it. Raises SettingError for an endpoint or a secret that is none."""
    found: dict[str, str] = {}
    if endpoint := os.environ.get("URBANBRAIN_S3_ENDPOINT"):
        scheme, _, host = endpoint.rstrip("/").partition("://")
        if scheme not in ("http", "https") or not host or "@" in host:
            raise SettingError(
                "URBANBRAIN_S3_ENDPOINT is no address such as https://minio.example:9000",
                next_step="set it without user, password and path",
            )
        found |= {"scheme": scheme, "endpoint_override": host}
    if region := os.environ.get("URBANBRAIN_S3_REGION"):
        found["region"] = region
    if given := optional_secret("S3"):
        access, _, key = given.partition(":")
        if not (access and key):
            raise SettingError(
                "URBANBRAIN_SECRET_S3 is not `access key:secret key`", next_step="set it so, or unset it"
            )
        found |= {"access_key": access, "secret_key": key}
    return found


def warehouse_name() -> str:
    """What lineage calls the warehouse."""
    return os.environ.get("URBANBRAIN_WAREHOUSE") or "urbanbrain"


def lineage_namespace() -> str:
    """The OpenLineage namespace of all jobs, those of Airflow's tasks too."""
    given = os.environ.get("AIRFLOW__OPENLINEAGE__NAMESPACE") or os.environ.get("OPENLINEAGE_NAMESPACE")
    return given or "urbanbrain"


def lineage_is_off() -> bool:
    """Whether nobody wants lineage to be told."""
    return os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


def tells_tasks() -> bool:
    """Whether the embedded Airflow tells of its tasks, too; each takes 0.1 to 0.2 s of a processor longer then."""
    return os.environ.get("URBANBRAIN_TASK_LINEAGE") == "on"


def lineage_goes_elsewhere() -> bool:
    """Whether the OpenLineage client finds a transport of its own in the environment or its file."""
    named = any(
        value and (name == "OPENLINEAGE_URL" or name.startswith("OPENLINEAGE__TRANSPORT"))
        for name, value in os.environ.items()
    )
    places = [
        os.environ.get("OPENLINEAGE_CONFIG"),
        _LINEAGE_FILE,
        Path.home() / ".openlineage" / _LINEAGE_FILE,
    ]
    return named or any(place and Path(place).is_file() for place in places)


def parent_run() -> ParentRun | None:
    """The run this process works for: what OPENLINEAGE_PARENT_ID names, or the Airflow task it is.

    A task's id is made of the same parts as the Airflow provider makes it of; where a run has no logical date, the
    instant is the one its run id ends with.
    """
    if given := os.environ.get("OPENLINEAGE_PARENT_ID"):
        namespace, _, rest = given.partition("/")
        job, _, run_id = rest.rpartition("/")
        return ParentRun(namespace, job, run_id) if namespace and job and run_id else None
    dag, task, tries, date, run = (
        os.environ.get(f"AIRFLOW_CTX_{name}", "")
        for name in ("DAG_ID", "TASK_ID", "TRY_NUMBER", "LOGICAL_DATE", "DAG_RUN_ID")
    )
    found = _INSTANT.search(date) or _INSTANT.search(run)
    if not (dag and task and found):
        return None
    from openlineage.client.uuid import generate_static_uuid

    namespace = lineage_namespace()
    made_of = f"{namespace}.{dag}.{task}.{tries or 1}.-1".encode()
    return ParentRun(
        namespace, f"{dag}.{task}", str(generate_static_uuid(datetime.fromisoformat(found[0]), made_of))
    )


def duckdb_config() -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB limits asked for by the environment; never extensions from the network."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if memory := os.environ.get("URBANBRAIN_DUCKDB_MEMORY"):
        config["memory_limit"] = memory
    if threads := os.environ.get("URBANBRAIN_DUCKDB_THREADS"):
        config["threads"] = threads
    return config


def expand(text: str) -> str:
    """Fill `${NAME:-default}` from URBANBRAIN_NAME.

    Raises SettingError when a placeholder has neither a value nor a default.
    """

    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(f"URBANBRAIN_{match[1]}", match[2])
        if value is None:
            raise SettingError(
                f"URBANBRAIN_{match[1]} is not set, and {text!r} needs it",
                next_step=f"export URBANBRAIN_{match[1]}=… and run again",
            )
        return value

    return _PLACEHOLDER.sub(fill, text)


def secret(name: str) -> str:
    """The secret a contract calls `name`, from URBANBRAIN_SECRET_<NAME> or the demo's own keys.

    Raises SettingError when it is missing.
    """
    variable = f"URBANBRAIN_SECRET_{name.upper()}"
    value = os.environ.get(variable) or _demo_keys().get(variable)
    if not value:
        raise SettingError(
            f"secret {name!r} is not set, and a feed with personal columns does not run without it",
            next_step=f"export {variable}=…, or run `make demo`, which makes throw-away keys",
        )
    return value


def optional_secret(name: str) -> str:
    """A secret that need not be there; "" without it."""
    return os.environ.get(f"URBANBRAIN_SECRET_{name.upper()}") or ""


def notify(level: str) -> list[tuple[str, list[str]]]:
    """Who is told about feeds of a level: each variable that lists them, with its entries as they were typed."""
    names = (f"URBANBRAIN_NOTIFY_{level.upper()}", "URBANBRAIN_NOTIFY")
    listed = ((name, os.environ.get(name) or "") for name in names)
    return [(name, [entry.strip() for entry in text.split(",") if entry.strip()]) for name, text in listed]


def mail_server() -> str:
    """Where mail is handed over; "" when nowhere."""
    return os.environ.get("URBANBRAIN_SMTP") or ""


def mail_sender() -> str:
    """Whom mail is from."""
    return os.environ.get("URBANBRAIN_NOTIFY_FROM") or "urbanbrain@localhost"


def keep_quiet() -> None:
    """Tell libraries that would report home not to; before they are imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process: ours with `changes`, without the settings of any other Airflow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | dict(
        changes
    )


def bare_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process that needs no setting and must hold no secret."""
    kept = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONHOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(changes)


def state_folder() -> Path:
    """Where a program keeps what one person may want again, such as earlier questions (XDG base directories)."""
    given = os.environ.get("XDG_STATE_HOME")
    return (Path(given) if given else Path.home() / ".local" / "state") / "urbanbrain"


def demo_keys_file() -> Path:
    """Throw-away keys of the demo; never used where a real key is set."""
    return home() / _DEMO_KEYS


def _demo_keys() -> dict[str, str]:
    path = demo_keys_file()
    if not path.is_file():
        return {}
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: value for name, _, value in lines}


def now() -> datetime:
    """This instant, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
