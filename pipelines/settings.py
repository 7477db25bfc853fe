"""What the environment decides. The only module that reads it.

URBANBRAIN_HOME                where data goes; default `./var`
URBANBRAIN_PROJECT             where `contracts/` and `warehouse/` are; default: this checkout
URBANBRAIN_SERVER              which `servers[].server` of a contract to pull from; default `sample`
URBANBRAIN_BOUNDARIES          GeoJSON with the polygons of areas, for points whose row names no area and for parcels that
                               lie on several streets; default: none
URBANBRAIN_SECRET_<NAME>       a secret a contract names
URBANBRAIN_<NAME>              a value for `${NAME:-default}` in a server location
URBANBRAIN_SCHEDULE            `off`: feeds run only when triggered, as in the demo; default `on`
URBANBRAIN_DUCKDB_MEMORY       DuckDB memory limit, such as `8GB`; default: DuckDB's own
URBANBRAIN_DUCKDB_THREADS      DuckDB threads; default: DuckDB's own
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors import SettingError

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
_DEMO_KEYS = "demo-keys.env"


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


def is_scheduled() -> bool:
    """Whether feeds run on their contracts' schedules, or only when somebody triggers them."""
    return os.environ.get("URBANBRAIN_SCHEDULE") != "off"


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


def keep_quiet() -> None:
    """Tell libraries that would report home not to; before they are imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process: ours with `changes`, without the settings of any other Airflow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | dict(
        changes
    )


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
