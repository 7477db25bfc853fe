"""A release made again in another home: from landed bytes and what its manifest names, compared byte by byte.

How such a home is made is told in `recipes`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines import contract as contracts
from pipelines import parts, releases, settings
from pipelines.errors import DataError, SettingError, UrbanBrainError, WarehouseError
from pipelines.provenance import inputs
from pipelines.provenance.causes import Batch, key
from pipelines.receipt import Receipt
from pipelines.releases import Release
from pipelines.run.recipes import JUDGED, Recipe, at, folder_of, make, recipe_of
from pipelines.run.warehouse import build, check, publish

LANDING, VALIDATED = "landing", "validated"
SOURCES = (LANDING, VALIDATED)
_HOLDS_ROWS = (".parquet", ".duckdb", ".csv")
"""Files that hold rows; all others describe them and name the release, and so the code."""
_SHOWN = 5


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


def _predecessor(release: Release) -> bytes:
    """What was kept of the release it followed; empty for the first."""
    digest = (release.inputs or {}).get(inputs.PREDECESSOR)
    return inputs.read(digest) if digest else b""


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
        receipts = [Receipt.read(folder_of(batch, stage)) for stage in JUDGED]
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
