"""The house: imports point one way, and each foreign thing has one room."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from pipelines import errors
from pipelines.provenance import inputs

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "pipelines"
# Right may import left, never the other way round. Rooms of one layer may import each other, stages may not.
LAYERS = (
    ("errors",),
    ("settings", "airflow_names", "serving_limits", "markdown"),
    ("apart",),
    ("contract",),
    (
        "lake", "receipt", "drift", "held", "parts", "feed_tables", "tombstones", "changes", "connectors", "readers", "privacy", "areas",
        "checks", "decisions", "desk", "operations", "values", "database", "flags", "mending", "calendar", "typed_rows",
        "corrected_rows", "expectations", "suppression", "companions", "publication", "releases", "provenance", "asking",
        "auditing", "serving", "freshness", "notices",
    ),
    ("stages",),
    (
        "run", "as_known", "checking", "samplecity", "embedded", "linkage", "deadlines", "lineage", "promises",
        "telling", "tracing", "outlets",
    ),
    ("cli",),
)  # fmt: skip
LAYER_OF = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
ONLY_IN = {
    "requests": ("pipelines/connectors/", "pipelines/notices/sending.py"),
    "adbc_driver_postgresql": ("pipelines/serving/session.py",),
    "smtplib": ("pipelines/notices/sending.py",),
    "airflow": ("dags/",),
    "great_expectations": ("pipelines/expectations.py",),
    "starlette": ("pipelines/samplecity/", "pipelines/outlets/page_server.py"),
    "uvicorn": ("pipelines/samplecity/", "pipelines/outlets/page_server.py"),
    "shapely": ("pipelines/areas/boundaries.py",),
}


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Line and full name of everything a file imports, inside functions too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{name.name}") for name in node.names]
    return tuple(found)


def room(module: str) -> str:
    return module.split(".")[1]


def module_of(path: Path) -> str:
    return (
        path.relative_to(PROJECT).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    )


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))


def test_imports_point_one_way() -> None:
    wrong = []
    for path in python_files("pipelines"):
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        assert here in LAYER_OF, f"{path.name} is in no layer: add its room to LAYERS"
        for line, module in imports(path):
            if module.startswith("pipelines.") and LAYER_OF.get(room(module), -1) > LAYER_OF[here]:
                wrong.append(f"{path.relative_to(PROJECT)}:{line} imports {module}")

    assert [] == wrong


def test_stages_never_import_each_other() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)}:{line} imports {module}"
        for path in python_files("pipelines/stages")
        for line, module in imports(path)
        if module.startswith("pipelines.stages")
    ]

    assert [] == wrong


def test_only_the_command_line_imports_the_sample_city() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)}:{line} imports {module}"
        for path in python_files("pipelines", "dags", "bench")
        if "samplecity" not in path.parts and "cli" not in path.parts
        for line, module in imports(path)
        if module.startswith("pipelines.samplecity")
    ]

    assert [] == wrong


def test_what_shapes_no_byte_of_a_release_is_used_by_nothing_that_does() -> None:
    """Its code is no part of a release's id: only commands and the front door may call it."""
    apart = tuple(
        "pipelines." + name.removesuffix(".py").replace("/", ".") for name in inputs.SHAPES_NO_BYTES
    )

    def is_in(module: str, rooms: Sequence[str]) -> bool:
        return any(f"{module}.".startswith(f"{each}.") for each in rooms)

    wrong = [
        f"{path.relative_to(PROJECT)}:{line} imports {module}"
        for path in python_files("pipelines")
        if not is_in(module_of(path), (*apart, "pipelines.run"))
        for line, module in imports(path)
        if is_in(module, apart)
    ]

    assert [] == wrong
    assert [] == [name for name in inputs.SHAPES_NO_BYTES if not (PACKAGE / name).exists()]


def test_the_tree_of_errors_shows_every_error_below_the_one_it_is_of() -> None:
    bases = {
        name: base
        for path in python_files("pipelines")
        for name, base in re.findall(
            r"^class ([A-Z]\w*)\((\w+)\):", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    known = {"UrbanBrainError"}
    while more := {name for name, base in bases.items() if base in known} - known:
        known |= more
    drawn, above = {}, ["UrbanBrainError"]
    for before, name in re.findall(r"^ {4}((?: {4}|│ {3})*)[├└]── (\w+)", str(errors.__doc__), re.MULTILINE):
        depth = len(before) // 4
        drawn[name] = above[depth]
        above[depth + 1 :] = [name]

    assert {name: bases[name] for name in known - {"UrbanBrainError"}} == drawn


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_foreign_library_has_one_room(library: str) -> None:
    wrong = [
        f"{path.relative_to(PROJECT)}:{line} imports {module}"
        for path in python_files("pipelines", "dags")
        if not str(path.relative_to(PROJECT)).startswith(ONLY_IN[library])
        for line, module in imports(path)
        if module.partition(".")[0] == library
    ]

    assert [] == wrong


def test_only_settings_reads_the_environment() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in python_files("pipelines", "dags")
        if path.name != "settings.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "os.environ" in line or "os.getenv" in line
    ]

    assert [] == wrong
