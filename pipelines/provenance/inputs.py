"""Everything a release is made from beside what landed, kept under the name of its contents so that nothing is lost.

    inputs/<sha256>.zst      one file each: contracts, reference files, models, loaded editions, decisions, boundaries

Kept when a batch is judged and when a release is published. A file that is there stays as it is: what it is called
says what is in it, and `releases/retention.py` removes it once nothing needs it. Names as used in lists of inputs:

    contracts/…, warehouse/…      files of the project
    editions/…                    official editions of the code list that were loaded
    decisions/…                   what people decided
    boundaries.geojson            the polygons of areas, where there are any
    predecessor.json              what the release before was, of a release: `predecessor.py`
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zstandard

from pipelines import decisions, lake, settings
from pipelines.contract.model import Contract
from pipelines.errors import WarehouseError

JUDGED_WITH = "judged_with"
"""Where the receipt of a judged batch names, in `details`, the list of what it was judged with."""
BOUNDARIES = "boundaries.geojson"
PREDECESSOR = "predecessor.json"
PROJECT = ("contracts", "warehouse")
EDITIONS, DECISIONS = "editions", "decisions"
_REFERENCE = "contracts/reference"
_LIBRARIES = (
    "duckdb", "pyarrow", "great-expectations", "python-calamine", "shapely", "croniter", "numpy", "scipy", "sqlglot",
)  # fmt: skip
"""Those whose version can be seen in bytes of a release: what is hidden, too, is worked out by two of them."""
SHAPES_NO_BYTES = frozenset(
    (
        "cli", "embedded", "samplecity", "asking", "auditing", "serving", "serving_limits.py", "outlets",
        "releases/retention.py", "releases/table_changes.py", "tracing", "lineage", "promises", "checking.py",
        "telling", "notices", "deadlines.py", "as_known.py", "linkage.py",
    )
)  # fmt: skip
"""Rooms and modules that only read or tell what is there, or make what is landed."""
_OF_BUILD = (
    ("warehouse", "*.sql"),
    ("contracts/reference", "*.csv"),
    ("contracts/reference", "*.yaml"),
    ("contracts/governance", "*.yaml"),
)
_TOGETHER = 8  # files written at once: each waits for the disk, not for a processor
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 8}


def of_project(project: Path) -> dict[str, Path]:
    """Contracts, reference files and models of a project, by name."""
    return {
        path.relative_to(project).as_posix(): path
        for folder in PROJECT
        for path in sorted((project / folder).rglob("*"))
        if path.is_file() and path.suffix != ".md" and not path.name.startswith(".")
    }


def of_home() -> dict[str, Path]:
    """Loaded editions, decisions and boundaries, by name."""
    return {f"{DECISIONS}/{_below(path, decisions.root())}": path for path in decisions.files()} | _of_areas()


def _of_areas() -> dict[str, Path]:
    found = {
        f"{EDITIONS}/{_below(path, lake.editions())}": path
        for path in sorted(lake.editions().glob("level=*/edition=*/*"))
        if not path.name.startswith(lake.TEMPORARY)
    }
    boundaries = settings.boundaries()
    return found | ({BOUNDARIES: boundaries} if boundaries and boundaries.is_file() else {})


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def keep(files: Mapping[str, Path]) -> dict[str, str]:
    """Keep files; returns their digests by name, sorted."""
    contents = {name: path.read_bytes() for name, path in sorted(files.items())}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    _write({digests[name]: content for name, content in contents.items()})
    return digests


def keep_content(content: bytes, *, is_closed: bool = False) -> str:
    """Keep one content that is no file of the project; returns its digest. What is closed only the group reads."""
    digest = hashlib.sha256(content).hexdigest()
    _write({digest: content}, 0o440 if is_closed else 0o444)
    return digest


def being_swept() -> contextlib.AbstractContextManager[None]:
    """Remove inputs while nobody keeps any."""
    return lake.one_at_a_time("inputs")


def _write(contents: Mapping[str, bytes], mode: int = 0o444) -> None:
    with lake.side_by_side("inputs"):
        _write_new([digest for digest in sorted(contents) if not _is_touched(digest)], contents, mode)


def _is_touched(digest: str) -> bool:
    """Whether an input is there; if so it was kept just now, and nobody sweeps it before what needs it is there, too."""
    try:
        os.utime(lake.kept_input(digest))
    except FileNotFoundError:
        return False
    return True


def _write_new(new: Sequence[str], contents: Mapping[str, bytes], mode: int) -> None:
    if not new:
        return
    folder = lake.kept_input(new[0]).parent
    folder.mkdir(parents=True, exist_ok=True)

    def write(digest: str) -> None:
        packed = zstandard.ZstdCompressor(level=9).compress(contents[digest])
        handle, name = tempfile.mkstemp(prefix=lake.TEMPORARY, dir=folder)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(packed)
            file.flush()
            os.fsync(handle)
        Path(name).replace(lake.kept_input(digest))

    with ThreadPoolExecutor(min(_TOGETHER, len(new))) as writers:
        list(writers.map(write, new))
    lake.sync(folder)


def read(digest: str) -> bytes:
    """What was kept under a digest. Raises WarehouseError when it is gone or is not what it was."""
    try:
        content = zstandard.ZstdDecompressor().decompress(lake.kept_input(digest).read_bytes())
    except FileNotFoundError:
        raise WarehouseError(
            f"inputs/{digest}.zst is gone", next_step="restore it from a backup; nothing else holds it"
        ) from None
    except zstandard.ZstdError:
        content = b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise WarehouseError(
            f"inputs/{digest}.zst is damaged", next_step="restore it from a backup; nothing else holds it"
        )
    return content


def absent(digests: Iterable[str]) -> list[str]:
    """Those digests under which nothing whole is kept."""
    return [digest for digest in sorted(set(digests)) if not _is_kept(digest)]


def _is_kept(digest: str) -> bool:
    try:
        read(digest)
    except WarehouseError:
        return False
    return True


def code() -> dict[str, Any]:
    """The code that runs: version, a digest of the files that can shape a release, and the libraries that can."""
    return {
        "version": importlib.metadata.version("urbanbrain"),
        "digest": _code_digest(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


@functools.cache
def _code_digest() -> str:
    package = Path(__file__).resolve().parents[1]
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if not {name.as_posix(), name.parts[0]} & SHAPES_NO_BYTES:
            content = path.read_bytes()
            found.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def build_digest(project: Path) -> str:
    """A digest of what a build is made with beside batches: models, reference files, output contracts, and, where
    there are any, editions and what people decided."""
    digests = [content_digest(project, _OF_BUILD)]
    if any(path.is_file() for path in lake.editions().glob("level=*/edition=*/*")):
        digests.append(content_digest(lake.editions(), ((".", "level=*/edition=*/*.*"),)))
    if decisions.files():
        digests.append(content_digest(decisions.root(), ((".", "*.json"),)))
    return "+".join(digests)


def content_digest(project: Path, kinds: Iterable[tuple[str, str]]) -> str:
    """A digest of names and contents of the files of these kinds, each a folder and a pattern."""
    found = hashlib.sha256()
    for folder, pattern in kinds:
        for path in sorted((project / folder).rglob(pattern)):
            content = path.read_bytes()
            found.update(f"{path.relative_to(project).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def judging(contract: Contract) -> str:
    """Keep what decides how a batch of this feed is judged, and return the digest of the list that names it.

    The list is JSON: `code` as of `code()`, `files` by name, `caller_secret` a fingerprint of the secret its tokens
    are made with. Areas and rules may change while batches stay as they were judged, so each batch remembers its own.
    """
    project = settings.project()
    files = {
        name: path for name, path in of_project(project).items() if name.startswith(f"{_REFERENCE}/")
    } | _of_areas()
    own = project / "contracts" / contract.level / f"{contract.name}.odcs.yaml"
    if own.is_file():
        files[_below(own, project)] = own
    said = {
        "code": code(),
        "files": keep(files),
        "caller_secret": fingerprint(settings.secret(contract.caller_secret))
        if contract.caller_secret
        else "",
    }
    return keep_content(json.dumps(said, ensure_ascii=False, sort_keys=True).encode())


def digest_of(files: Mapping[str, str]) -> str:
    """One digest for a list of inputs."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def read_judging(digest: str) -> dict[str, Any]:
    """The list that `judging` kept. Raises WarehouseError as `read`."""
    found: dict[str, Any] = json.loads(read(digest))
    return found


@functools.cache
def fingerprint(secret: str) -> str:
    """Tells whether two secrets are the same, and is slow to guess a secret from."""
    return hashlib.scrypt(secret.encode(), salt=b"urbanbrain: which secret", **_SCRYPT).hex()


def is_about_areas(name: str) -> bool:
    """Whether an input says what areas there are; every other file of the project is a rule."""
    return name.startswith(f"{EDITIONS}/") or name == BOUNDARIES or name.startswith(f"{_REFERENCE}/area")
