"""Why two releases differ, as far as what they were made from says: batches, inputs, code.

new data      rows the source had not sent before
correction    newer versions of known rows from the source, and rows an office sent back
decision      what people decided: links, held batches, discarded rows
area change   areas, their names and editions, boundaries
rule change   contracts, models, other reference files, code
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines import releases
from pipelines.errors import WarehouseError
from pipelines.provenance import inputs
from pipelines.receipt import CORRECTION as SENT_BACK
from pipelines.receipt import SOURCE

DATA, CORRECTION, DECISION, AREA, RULE = "new data", "correction", "decision", "area change", "rule change"
CAUSES = {
    DATA: "新数据",
    CORRECTION: "更正",
    DECISION: "人工决定",
    AREA: "区划变更",
    RULE: "规则变更",
}
"""Every cause in their order, and how it is called in Chinese."""
Batch = Mapping[str, Any]
"""A batch as a manifest lists it."""
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Made:
    """What a release was made from. `inputs` are None when it was published before they were kept."""

    batches: Mapping[Key, Batch]
    inputs: Mapping[str, str] | None
    code: Mapping[str, Any]


@dataclass(frozen=True)
class Cause:
    """One cause of differences: what it consists of, a line each, and where it begins to work."""

    name: str
    what: tuple[str, ...]
    feeds: frozenset[str] = frozenset()
    """Feeds whose rows it changed."""
    inputs: tuple[str, ...] = ()
    """Names of the inputs it changed."""


def key(batch: Batch) -> Key:
    """What tells a batch from every other."""
    return str(batch["feed_id"]), str(batch.get("window_start", "")), str(batch["batch_id"])


def made(manifest: Mapping[str, Any]) -> Made:
    """What a manifest says its release was made from."""
    batches = {key(batch): batch for batch in manifest["batches"]}
    return Made(batches, releases.inputs_of(manifest), manifest.get("code") or {})


def between(before: Made, after: Made) -> list[Cause]:
    """What was different about the second, in the order of CAUSES."""
    changed = changed_inputs(before, after)
    is_decided = decided(after, changed)
    lines: dict[str, list[str]] = {cause: [] for cause in CAUSES}
    touched: dict[str, set[str]] = {cause: set() for cause in CAUSES}
    for each in sorted(after.batches.keys() - before.batches.keys()):
        batch = after.batches[each]
        cause = of_batch(batch, is_decided)
        rows = f"{batch.get('validated', 0):,} rows"
        lines[cause].append(f"+ {each[0]} {each[1][:10]} {each[2]}: {rows}")
        touched[cause].add(batch["feed_id"])
        if cause == DATA and batch.get("updated"):
            lines[CORRECTION].append(
                f"{batch['feed_id']} {batch['batch_id']}: {batch['updated']:,} newer versions of loaded rows"
            )
            touched[CORRECTION].add(batch["feed_id"])
    for each in sorted(before.batches.keys() | after.batches.keys()):
        if each not in after.batches:
            lines[DECISION if each[2] in is_decided else DATA].append(
                f"- {each[0]} {each[2]}: no longer loaded"
            )
            touched[DATA].add(each[0])
        elif each in before.batches and _is_refused(before, each) != _is_refused(after, each):
            lines[DECISION].append(
                f"{each[0]} {each[2]}: {'rejected' if _is_refused(after, each) else 'let in'}"
            )
            touched[DECISION].add(each[0])
    for name, sign in sorted(changed.items()):
        lines[of_input(name)].append(f"{sign} {name}")
    if again := judged_again(before, after):
        lines[RULE].append(f"{len(again)} batches were judged again")
        touched[RULE] |= {each[0] for each in again}
    if None in (before.inputs, after.inputs):
        lines[RULE].append("inputs were not kept yet when one of the two was published")
    lines[RULE] += _code_changes(before.code, after.code)
    return [
        Cause(
            cause,
            tuple(lines[cause]),
            frozenset(touched[cause]),
            tuple(name for name in sorted(changed) if of_input(name) == cause),
        )
        for cause in CAUSES
        if lines[cause]
    ]


def changed_inputs(before: Made, after: Made) -> dict[str, str]:
    """Inputs that came (+), went (-) or changed (~)."""
    if before.inputs is None or after.inputs is None:
        return {}
    return {
        name: "+" if name not in before.inputs else "-" if name not in after.inputs else "~"
        for name in before.inputs.keys() | after.inputs.keys()
        if before.inputs.get(name) != after.inputs.get(name) and name != inputs.PREDECESSOR
    }


def decided(after: Made, changed: Mapping[str, str]) -> frozenset[str]:
    """Ids of the batches that decisions made in between are about."""
    names, found = after.inputs or {}, set()
    for name in changed:
        if name.startswith(f"{inputs.DECISIONS}/batches/") and name in names:
            try:
                found.add(str(json.loads(inputs.read(names[name])).get("batch_id")))
            except (WarehouseError, ValueError):
                continue
    return frozenset(found)


def judged_again(before: Made, after: Made) -> list[Key]:
    """Batches that are in both and were judged with something else."""
    return [
        each
        for each in sorted(after.batches.keys() & before.batches.keys())
        if _judging(before.batches[each]) != _judging(after.batches[each])
    ]


def of_batch(batch: Batch, is_decided: frozenset[str]) -> str:
    """Why a batch is in the newer release and was not in the older one."""
    if batch["batch_id"] in is_decided:
        return DECISION
    return CORRECTION if batch.get("origin", SOURCE) == SENT_BACK else DATA


def of_input(name: str) -> str:
    """The cause that an input stands for."""
    if name.startswith(f"{inputs.DECISIONS}/"):
        return DECISION
    return AREA if inputs.is_about_areas(name) else RULE


def _is_refused(made: Made, batch: Key) -> bool:
    return bool(made.batches[batch].get("is_refused"))


def _judging(batch: Batch) -> tuple[str, str]:
    return str(batch.get(inputs.JUDGED_WITH) or ""), str(batch.get("contract_sha256") or "")


def _code_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    lines = []
    if before.get("digest") != after.get("digest"):
        lines.append(f"code {str(before.get('digest'))[:12]} → {str(after.get('digest'))[:12]}")
    libraries = before.get("libraries", {}), after.get("libraries", {})
    return lines + [
        f"{name} {libraries[0].get(name)} → {version}"
        for name, version in libraries[1].items()
        if libraries[0].get(name) != version
    ]
