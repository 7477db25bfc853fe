"""The files for a production host say nothing that nobody reads."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import settings
from pipelines.embedded import supervisor
from pipelines.embedded.supervisor import PRELOAD, WRITER_POOL

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = {
    "postgres",
    "serving",
    "serving-guard",
    "init",
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
    "page",
    "sample-city",
}
OTHERS_READ = {
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_DB",
    "OPENBLAS_NUM_THREADS",
    "AIRFLOW_HOME",
} | {
    "OPENLINEAGE_URL",
    *supervisor.task_lineage(is_wanted=True),
}
PIN = re.compile(r"^([a-z0-9._-]+(?:\[[a-z,]+\])?)==([^ ]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (PROJECT / "Dockerfile").read_text(encoding="utf-8")


def variables(compose: dict[str, Any], dockerfile: str) -> set[str]:
    """Every environment variable that a service or the image sets."""
    of_services = {
        name for service in compose["services"].values() for name in service.get("environment", {})
    }
    of_image = set(re.findall(r"^(?:ENV|   ) *([A-Z_0-9]+)=", dockerfile, re.MULTILINE))
    return of_services | {name for name in of_image if not name.startswith(("PIP_", "PYTHON"))}


def airflow_variables() -> set[str]:
    """Every variable of Airflow's own configuration reference, read without importing Airflow."""
    found = importlib.util.find_spec("airflow")
    assert found is not None
    assert found.origin is not None
    reference = Path(found.origin).parent / "config_templates" / "config.yml"
    sections = yaml.load(reference.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return {
        f"AIRFLOW__{section}__{option}".upper()
        for section, content in sections.items()
        for option in content["options"]
    }


def our_variables() -> set[str]:
    """What settings.py documents, and the secrets and addresses that contracts name."""
    assert settings.__doc__ is not None
    ours = set(re.findall(r"URBANBRAIN_[A-Z_]+\b(?!_?<)", settings.__doc__))
    for path in (PROJECT / "contracts").rglob("*.odcs.yaml"):
        text = path.read_text(encoding="utf-8")
        ours |= {f"URBANBRAIN_{name}" for name in re.findall(r"\$\{([A-Z_]+)", text)}
        named = re.findall(r"property: (?:secret|\w+Secret)\n\s+value: (\w+)", text)
        ours |= {f"URBANBRAIN_SECRET_{name.upper()}" for name in named}
    return ours


def test_one_host_has_every_service_it_needs(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES
    assert compose["services"]["sample-city"]["profiles"] == ["sample"]


def test_every_variable_is_one_that_somebody_reads(compose: dict[str, Any], dockerfile: str) -> None:
    unknown = variables(compose, dockerfile) - airflow_variables() - our_variables() - OTHERS_READ

    assert unknown == set()


def test_every_secret_a_contract_names_reaches_the_tasks(compose: dict[str, Any]) -> None:
    given = set(compose["services"]["scheduler"]["environment"])
    ours = set(re.findall(r"^URBANBRAIN_SECRET_[A-Z]+\b", settings.__doc__ or "", re.MULTILINE))
    named = {name for name in our_variables() - ours if name.startswith("URBANBRAIN_SECRET_")}

    assert named <= given


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    """A secret is required from the environment, or handed on when it is there."""
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|FERNET|_KEY", name) and value is not None:
                assert re.fullmatch(r"\$\{[A-Z_]+:\?\}", value), name
        assert not re.search(r"://\w+:(?!\$\{)", str(service.get("environment"))), "a password in an address"


def test_everything_that_stays_up_has_a_health_check(compose: dict[str, Any]) -> None:
    without = {name for name, service in compose["services"].items() if "healthcheck" not in service}

    assert without == {"init"}


def test_only_airflow_and_the_page_open_a_port_and_only_to_this_host(compose: dict[str, Any]) -> None:
    open_ports = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }

    assert open_ports == {
        "api-server": ["${AIRFLOW_ADDRESS:-127.0.0.1}:8080:8080"],
        "serving": ["${SERVING_ADDRESS:-127.0.0.1}:5432:5432"],
        "page": ["${PAGE_ADDRESS:-127.0.0.1}:8610:8610"],
    }


def test_the_page_is_where_airflows_menu_leads_and_has_no_key(compose: dict[str, Any]) -> None:
    """It is read by whoever reaches it: it can write nothing, and knows no secret."""
    page = compose["services"]["page"]
    leads_to = compose["services"]["api-server"]["environment"]["URBANBRAIN_PAGE_URL"]

    assert leads_to == "${URBANBRAIN_PAGE_URL:-http://127.0.0.1:8610/}"
    assert page["command"][-1] == "8610"
    assert set(page["environment"]) == {"URBANBRAIN_AIRFLOW_URL"}
    assert page["volumes"] == ["data:/var/lib/urbanbrain:ro"]


def test_airflow_reads_plugins_where_the_embedded_one_does(dockerfile: str) -> None:
    embedded = supervisor.airflow_settings(1, 2, paused=True)
    folder = Path(embedded["AIRFLOW__CORE__PLUGINS_FOLDER"]).relative_to(settings.project())

    assert f"AIRFLOW__CORE__PLUGINS_FOLDER=/opt/urbanbrain/{folder} " in dockerfile
    assert list((PROJECT / folder).glob("*.py"))


def test_images_are_pinned(compose: dict[str, Any], dockerfile: str) -> None:
    images = {service["image"] for service in compose["services"].values()}
    images |= set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))

    assert all(re.search(r":\d+\.\d+(\.\d+)?(-|$)", image) for image in images), images


def test_data_lies_in_named_volumes(compose: dict[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }

    assert mounted == set(compose["volumes"])


def test_the_loader_logs_in_as_the_database_was_set_up(compose: dict[str, Any]) -> None:
    """One name, one database and one secret, in the script, in the address and in what the containers are told."""
    script = (PROJECT / "deploy" / "serving.sql").read_text(encoding="utf-8")
    services = compose["services"]
    [secret] = re.findall(r"\\getenv password (\w+)", script)

    assert compose["configs"] == {"serving": {"file": "deploy/serving.sql"}}
    assert [config["source"] for config in services["serving"]["configs"]] == ["serving"]
    assert "create role urbanbrain_loader login" in script
    assert "create database serving with owner urbanbrain_loader" in script
    for name in ("scheduler", "serving-guard"):
        assert (
            services[name]["environment"]["URBANBRAIN_POSTGRES"]
            == "postgresql://urbanbrain_loader@serving/serving"
        )
        assert secret in services[name]["environment"]
    assert secret in services["serving"]["environment"]


def test_the_scheduler_preloads_what_the_embedded_one_does(compose: dict[str, Any]) -> None:
    preload = compose["services"]["scheduler"]["environment"]["AIRFLOW__CORE__MP_FORKSERVER_PRELOAD"]

    assert preload == ",".join(PRELOAD)


def test_the_writers_pool_is_made_before_anything_runs(compose: dict[str, Any]) -> None:
    assert f"airflow pools set {WRITER_POOL} 1 " in compose["services"]["init"]["command"][-1]


def test_the_image_installs_what_was_tested() -> None:
    """Every pin of the image is the everyday pin; only the database drivers are its own."""
    everyday = dict(PIN.findall((PROJECT / "constraints.txt").read_text(encoding="utf-8")))
    image = dict(PIN.findall((PROJECT / "deploy" / "constraints.txt").read_text(encoding="utf-8")))
    own = {name for name, version in image.items() if everyday.get(name) != version}

    assert own - {"setuptools"} == {"asyncpg", "psycopg2-binary"}


@pytest.mark.parametrize("name", ["constraints.txt", "deploy/constraints.txt"])
def test_pins_carry_hashes_and_no_address(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")

    unhashed = [
        block.split("==")[0] for block in re.split(r"\n(?=[a-z0-9])", text) if "--hash=sha256:" not in block
    ]

    assert [name for name in unhashed if not name.startswith("#")] == []
    assert not re.search(r"https?://|--index|--find-links|--extra-index", text)


def test_the_build_sees_only_what_it_copies(dockerfile: str) -> None:
    copied = {
        word for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for word in line.split()
    }
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
    assert "*" in lines
