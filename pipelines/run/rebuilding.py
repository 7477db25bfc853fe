"""A release made again in another home: from landed bytes and what its manifest names, compared byte by byte.

    FOLDER/                       a home like any other, made for one release
    FOLDER/project/               contracts, reference files and models of that time
    FOLDER/judging/<digest>/      the same for batches that were judged with other contracts or areas than the release's

Only batches, decisions and editions that the release knew are in it. The home it came from is only read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines import contract as contracts
from pipelines import decisions, lake, parts, releases, settings
from pipelines.errors import DataError, SettingError, UrbanBrainError, WarehouseError
from pipelines.lake import Stage, Window
from pipelines.provenance import inputs
from pipelines.provenance.causes import Batch, key
from pipelines.receipt import Receipt
from pipelines.releases import Release
from pipelines.run.batches import gate
from pipelines.run.warehouse import build, check, load, publish

LANDING, VALIDATED = "landing", "validated"
SOURCES = (LANDING, VALIDATED)
_JUDGED: tuple[Stage, ...] = ("validated", "quarantine")
_TAKEN: tuple[Stage, ...] = ("landing", "refused", *_JUDGED)
_HOLDS_ROWS = (".parquet", ".duckdb", ".csv")
"""Files that hold rows; all others describe them and name the release, and so the code."""
_SHOWN = 5


@dataclass(frozen=True)
class Recipe:
    """Everything a home is made from."""

    inputs: Mapping[str, str]
    """Digest by name."""
    batches: Sequence[Batch]
    held: Sequence[Mapping[str, str]] = ()
    judging: Mapping[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)
    """Inputs, digest by name, each batch is judged with; those of the home where it is not named."""
    disclosed_before: str = ""
    """Digest of what releases before it had told, which decides what is hidden in it."""


@dataclass(frozen=True)
class Plan:
    """What making a release again takes, and what stands against it."""

    release_id: str
    source: str
    batches: int
    refused: int
    landed_bytes: int
    judged_apart: int
    """Batches judged with other contracts or areas than the release's own."""
    problems: tuple[str, ...]
    next_step: str
    another_code: tuple[str, ...]
    """What of code and libraries is another than the manifest names."""


@dataclass(frozen=True)
class Rebuilt:
    """A release made again: its folder, and how it differs from the first, a line a file."""

    plan: Plan
    folder: str
    files: int
    differences: tuple[str, ...]
    not_compared: tuple[str, ...] = ()


def rebuild_release(
    release_id: str,
    into: str,
    *,
    source: str = LANDING,
    with_this_code: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Plan | Rebuilt:
    """Make a release again in an empty folder and compare every file; with `dry_run` only say what it takes.

    Raises WarehouseError with everything that stands against it: inputs or landed bytes that are gone, another secret,
    another code unless `with_this_code`.
    """
    release = releases.read(release_id)
    plan = _plan(release, source)
    problems = [*plan.problems, *_unusable(into)]
    if plan.another_code and not with_this_code:
        problems += plan.another_code
    if dry_run:
        return replace(plan, problems=(*plan.problems, *_unusable(into)))
    if problems:
        steps = [plan.next_step] if plan.problems else []
        if plan.another_code and not with_this_code:
            steps.append("install the code and the libraries that are named, or go on with --with-this-code")
        raise WarehouseError(
            f"release {release_id} cannot be made again\n" + "\n".join(f"  {line}" for line in problems),
            next_step="; ".join(filter(None, steps)) or "name another folder",
        )
    folder = Path(into).absolute()
    make(folder, recipe_of(release), judge=source == LANDING, progress=progress)
    follows = _predecessor(release)  # kept in this home, not in the one that is made
    with at(folder, recipe_of(release)):
        build()
        check()
        made = Path(publish(follows=follows))
    described = (releases.MANIFEST, *(str(file["path"]) for file in release.manifest["files"]))
    skipped = tuple(each for each in described if not each.endswith(_HOLDS_ROWS)) if plan.another_code else ()
    found = _differences(release, made, skipped)
    return Rebuilt(plan, str(made), len(release.manifest["files"]) + 1 - len(skipped), tuple(found), skipped)


def recipe_of(release: Release) -> Recipe:
    """What a release was made from. Raises WarehouseError when its manifest does not say."""
    if release.inputs is None:
        raise WarehouseError(
            f"release {release.release_id} was published before inputs were kept",
            next_step="only later releases can be made again",
        )
    batches = release.manifest["batches"]
    judging = {
        key(batch): inputs.read_judging(batch[inputs.JUDGED_WITH])["files"]
        for batch in batches
        if batch.get(inputs.JUDGED_WITH)
    }
    return Recipe(
        release.inputs, batches, release.manifest.get("held", ()), judging, release.disclosed_before
    )


def _predecessor(release: Release) -> bytes:
    """What was kept of the release it followed; empty for the first."""
    digest = (release.inputs or {}).get(inputs.PREDECESSOR)
    return inputs.read(digest) if digest else b""


def folder_of(batch: Batch, stage: Stage) -> Path:
    """Where a stage of the home at hand keeps a batch of a manifest."""
    start, end = (datetime.fromisoformat(batch[name]) for name in ("window_start", "window_end"))
    return lake.Batch(batch["feed_id"], Window(start, end), batch["batch_id"]).folder(stage)


def _folders(batch: Batch) -> dict[Stage, Path]:
    return {stage: folder_of(batch, stage) for stage in _TAKEN}


def at(folder: Path, recipe: Recipe) -> contextlib.AbstractContextManager[None]:
    """Work in a home that was made from a recipe."""
    boundaries = folder / inputs.BOUNDARIES if inputs.BOUNDARIES in recipe.inputs else None
    return settings.at(folder, folder / "project", boundaries)


def make(
    folder: Path,
    recipe: Recipe,
    *,
    judge: bool,
    first: Iterable[tuple[str, str, str]] = (),
    before_second: Callable[[Sequence[Batch]], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Make a home: inputs in place, batches judged and loaded in the order they were loaded in.

    Without `judge`, rows that were judged the same way are taken as they are. Batches named in `first` are loaded before
    all others; `before_second` may change what was judged of the others before they are loaded.
    """
    contents = {digest: inputs.read(digest) for digest in _digests(recipe)}
    origin = {key(batch): _folders(batch) for batch in recipe.batches}
    held = [
        lake.lake().joinpath("held", each["feed_id"], each["window"], each["batch"]) for each in recipe.held
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with settings.at(folder):
        _put(recipe.inputs, contents, folder, folder / "project")
        if recipe.disclosed_before:
            lake.disclosed().write_bytes(contents[recipe.disclosed_before])
        for each in held:
            _link(each, lake.same_batch(each, "held"))
    done, total, first = 0, len(recipe.batches), frozenset(first)
    earlier = [batch for batch in recipe.batches if key(batch) in first]
    later = [batch for batch in recipe.batches if key(batch) not in first]
    rounds = [(each, False) for each in _rounds(earlier)] + [(each, True) for each in _rounds(later)]
    for batches, is_later in rounds:
        for batch in sorted(
            batches, key=lambda batch: str(sorted(recipe.judging.get(key(batch), {}).items()))
        ):
            _judge(batch, origin[key(batch)], folder, recipe, contents, judge=judge)
            done += 1
            if progress:
                progress(done, total)
        with at(folder, recipe):
            _put_areas(recipe.inputs, contents, folder)
            if is_later and before_second:
                before_second(batches)
            load()


def _digests(recipe: Recipe) -> set[str]:
    return (
        set(recipe.inputs.values())
        | {digest for files in recipe.judging.values() for digest in files.values()}
        | set(filter(None, (recipe.disclosed_before,)))
    )


def _put(names: Mapping[str, str], contents: Mapping[str, bytes], folder: Path, project: Path) -> None:
    """Put inputs where the code looks for them."""
    for name, digest in names.items():
        kind, _, rest = name.partition("/")
        if kind in inputs.PROJECT:
            target = project / name
        elif kind == inputs.DECISIONS:
            target = decisions.root() / rest
        else:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[digest])
    _put_areas(names, contents, folder)


def _put_areas(names: Mapping[str, str], contents: Mapping[str, bytes], folder: Path) -> None:
    """Make these the only loaded editions and boundaries of the home at hand."""
    shutil.rmtree(lake.editions(), ignore_errors=True)
    for name, digest in names.items():
        kind, _, rest = name.partition("/")
        if kind in (inputs.EDITIONS, inputs.BOUNDARIES):
            target = lake.editions() / rest if kind == inputs.EDITIONS else folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents[digest])


def _judge(
    batch: Batch,
    origin: Mapping[Stage, Path],
    folder: Path,
    recipe: Recipe,
    contents: Mapping[str, bytes],
    *,
    judge: bool,
) -> None:
    """Bring one batch to where loading finds it."""
    with_what = recipe.judging.get(key(batch), recipe.inputs)
    is_judged = (
        not judge and not batch["is_refused"] and _is_judged_with(origin["validated"], batch, with_what)
    )
    with settings.at(folder):
        target = _folders(batch)
        if batch["is_refused"]:
            _link(origin["refused"], target["refused"])  # one that a person rejected is among those held
            return
        if origin["landing"].exists():
            _link(origin["landing"], target["landing"])
        if is_judged:
            for stage in _JUDGED:
                _link(origin[stage], target[stage])
            return
        names, project = recipe.inputs, folder / "project"
        if any(recipe.inputs.get(name) != digest for name, digest in with_what.items()) or _areas_of(
            with_what
        ) != _areas_of(recipe.inputs):
            names = {
                name: digest for name, digest in recipe.inputs.items() if not _is_judged_by(name)
            } | dict(with_what)
            project = folder / "judging" / inputs.digest_of(with_what)[:16]
            if not project.exists():
                _put(names, contents, folder, project)
        _put_areas(names, contents, folder)
    boundaries = folder / inputs.BOUNDARIES if inputs.BOUNDARIES in names else None
    with settings.at(folder, project, boundaries):
        gate(str(target["landing"]))


def _is_judged_by(name: str) -> bool:
    return inputs.is_about_areas(name) or name.startswith("contracts/reference/")


def _areas_of(names: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in names.items() if inputs.is_about_areas(name)}


def _is_judged_with(validated: Path, batch: Batch, files: Mapping[str, str]) -> bool:
    """Whether rows that were judged are what judging them with these files would give.

    Nobody wrote down what the oldest were judged with; they are taken as they are.
    """
    if not batch.get(inputs.JUDGED_WITH):
        return (validated / lake.RECEIPT).exists()
    try:
        receipt = Receipt.read(validated)
        said = inputs.read_judging(receipt.details[inputs.JUDGED_WITH])
    except (OSError, KeyError, UrbanBrainError):
        return False
    return all(files.get(name) == digest for name, digest in said["files"].items())


def _rounds(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Batches in groups that were loaded one after the other; a load takes what it finds in order of landing."""
    rounds: list[list[Batch]] = []
    newest: dict[str, tuple[int, tuple[Any, ...]]] = {}
    for batch in sorted(batches, key=lambda batch: (batch["feed_id"], batch.get("position", 0))):
        place = (
            *(datetime.fromisoformat(batch[name]) for name in ("landed_at", "window_start", "window_end")),
            batch["batch_id"],
        )
        number, last = newest.get(batch["feed_id"], (0, place))
        number += place < last
        newest[batch["feed_id"]] = number, place
        while len(rounds) <= number:
            rounds.append([])
        rounds[number].append(batch)
    return rounds


def _link(source: Path, target: Path) -> None:
    """The files of a folder, without their bytes a second time where the disk allows; nothing writes into them."""
    if not source.exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_file() and not (target / path.name).exists():
            try:
                os.link(path, target / path.name)
            except OSError:
                shutil.copy2(path, target / path.name)


def _plan(release: Release, source: str) -> Plan:
    batches: list[dict[str, Any]] = release.manifest["batches"]
    judged = [batch for batch in batches if not batch["is_refused"]]
    problems, steps = [], []
    lists = {batch[inputs.JUDGED_WITH] for batch in judged if batch.get(inputs.JUDGED_WITH)}
    gone = inputs.absent(lists)
    kept = {digest: inputs.read_judging(digest) for digest in lists - set(gone)}
    recipe = Recipe({}, ())
    if release.inputs is None:
        problems.append("it was published before inputs were kept")
    else:
        gone += inputs.absent(
            set(release.inputs.values()).union(
                filter(None, (release.disclosed_before,)), *(said["files"].values() for said in kept.values())
            )
        )
        names = {digest: name for name, digest in release.inputs.items()}
        names[release.disclosed_before] = "what earlier releases told"
        problems += [
            f"inputs/{digest}.zst is gone or damaged ({names.get(digest, 'what batches were judged with')})"
            for digest in gone[:_SHOWN]
        ]
        if gone:
            steps.append("restore these files from a backup")
        else:
            recipe = recipe_of(release)
    size = 0
    if source == LANDING:
        lost, size = _lost(judged)
        if lost:
            problems.append(
                f"landed bytes of {len(lost)} of {len(judged)} batches are gone, their retention ended: "
                f"{', '.join(lost[:_SHOWN])}{' …' if len(lost) > _SHOWN else ''}"
            )
            steps.append("--from validated takes the rows as they were judged then")
        secrets = _other_secrets(judged, kept)
        problems += secrets
        if secrets:
            steps.append("set the secrets of that time, or --from validated")
    else:
        anew = [batch for batch in judged if not _is_as_judged(batch)]
        if anew:
            problems.append(
                f"{len(anew)} of {len(judged)} batches were judged again since or are gone: "
                f"{', '.join(' '.join(key(batch)[::2]) for batch in anew[:_SHOWN])}"
            )
            steps.append("--from landing judges them as they were judged then")
    used = [release.manifest.get("code") or {}]
    used += [said["code"] for said in kept.values()] if source == LANDING else []
    return Plan(
        release.release_id,
        source,
        len(batches),
        len(batches) - len(judged),
        size,
        sum(
            any(recipe.inputs.get(name) != digest for name, digest in files.items())
            for files in recipe.judging.values()
        ),
        tuple(problems),
        "; ".join(steps),
        tuple(other_code(used)),
    )


def other_code(used: Iterable[Mapping[str, Any]]) -> list[str]:
    """How code and libraries that made something differ from those that run, a sentence each."""
    here = inputs.code()
    found = set()
    for code in used:
        if code.get("digest") != here["digest"]:
            found.add(
                f"it, or a batch in it, was made by code {code.get('digest', 'unknown')[:12]} of urbanbrain "
                f"{code.get('version', '?')}; here runs {here['digest'][:12]} of {here['version']}"
            )
        for name, version in code.get("libraries", {}).items():
            if here["libraries"].get(name) != version:
                found.add(f"it was made with {name} {version}; here is {here['libraries'].get(name)}")
    return sorted(found)


def _lost(judged: Iterable[Batch]) -> tuple[list[str], int]:
    """Batches whose landed bytes are not all there, and the size on disk of those that are."""
    lost, size = [], 0
    for batch in judged:
        folder = folder_of(batch, "landing")
        try:
            size += sum((folder / part.name).stat().st_size for part in Receipt.read(folder).parts)
        except OSError:
            lost.append(f"{batch['feed_id']} {batch['batch_id']}")
    return lost, size


def _other_secrets(judged: Iterable[Batch], kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Feeds whose landed bytes today's secrets do not open, or whose tokens they would not make again."""
    problems: dict[str, str] = {}
    for batch in judged:
        feed_id = batch["feed_id"]
        said = kept.get(batch.get(inputs.JUDGED_WITH, ""), {})
        if feed_id in problems:
            continue
        try:
            feed = contracts.load(feed_id)
            folder = folder_of(batch, "landing")
            if feed.landing_secret and (landed := Receipt.read(folder).parts):
                parts.read_part(folder, landed[0], parts.landing_key(feed))
            token = said.get("caller_secret")
            if (
                token
                and feed.caller_secret
                and token != inputs.fingerprint(settings.secret(feed.caller_secret))
            ):
                problems[feed_id] = (
                    f"{feed_id}: the secret {feed.caller_secret!r} is another than at that time"
                )
        except SettingError as error:
            problems[feed_id] = f"{feed_id}: {error.message}"
        except (OSError, UrbanBrainError):
            continue  # told of as lost
    return list(problems.values())


def _is_as_judged(batch: Batch) -> bool:
    try:
        receipts = [Receipt.read(folder_of(batch, stage)) for stage in _JUDGED]
    except (OSError, DataError):
        return False
    return all(
        receipt.contract_sha256 == batch["contract_sha256"]
        and receipt.details.get(inputs.JUDGED_WITH, "") == batch.get(inputs.JUDGED_WITH, "")
        for receipt in receipts
    )


def _unusable(into: str) -> list[str]:
    folder, home = Path(into).resolve(), settings.home().resolve()
    if folder == home or home in folder.parents:
        return [f"{folder} lies in this home; a release is made again in a home of its own"]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return [f"{folder} is not an empty folder"]
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        return [f"{folder} cannot be written: {above} is no folder of ours to write in"]
    return []


def _differences(release: Release, made: Path, skipped: Sequence[str]) -> list[str]:
    """How the files of a release differ from what its manifest says of them, a line a file."""
    again = releases.Release(made.name, made, releases.read_manifest(made))
    promised = {str(each["path"]): each for each in release.manifest["files"]}
    found = {str(each["path"]): each for each in again.manifest["files"]}
    lines = []
    for name in sorted((promised.keys() | found.keys()) - set(skipped)):
        if name not in found:
            lines.append(f"{name}: not made again")
        elif name not in promised:
            lines.append(f"{name}: was not in the release")
        elif promised[name]["sha256"] != found[name]["sha256"]:
            rows = promised[name]["rows"], found[name]["rows"]
            lines.append(f"{name}: other bytes, {rows[0]} rows then, {rows[1]} now")
    if releases.MANIFEST not in skipped and release.manifest != again.manifest:
        keys = sorted(
            name
            for name in release.manifest.keys() | again.manifest.keys()
            if release.manifest.get(name) != again.manifest.get(name) and name not in ("files", "sha256")
        )
        lines.append(f"{releases.MANIFEST}: differs in {', '.join(keys) or 'files'}")
    return lines
