"""A home made for one release, or for something between two: from landed bytes and kept inputs.

    FOLDER/                       a home like any other
    FOLDER/project/               contracts, reference files and models of that time
    FOLDER/judging/<digest>/      the same for batches that were judged with other contracts or areas than the release's

Only batches, decisions and editions that the recipe names are in it. The home they come from is only read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines import decisions, lake, settings
from pipelines.errors import UrbanBrainError, WarehouseError
from pipelines.lake import Stage, Window
from pipelines.provenance import inputs
from pipelines.provenance.causes import Batch, key
from pipelines.receipt import Receipt
from pipelines.releases import Release
from pipelines.run.batches import gate
from pipelines.run.warehouse import load

JUDGED: tuple[Stage, ...] = ("validated", "quarantine")
_TAKEN: tuple[Stage, ...] = ("landing", "refused", *JUDGED)


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
            for stage in JUDGED:
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
