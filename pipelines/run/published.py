"""What is published: every release, one of them in words, and whether its bytes are still those."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipelines import releases
from pipelines.errors import WarehouseError
from pipelines.provenance import causes, inputs
from pipelines.releases import Release, marks

CURRENT, PREVIOUS = "current", "previous"


def find_release(name: str = CURRENT) -> Release:
    """The release of that id, of an id that starts so, or the `current` or the `previous` one.

    Raises WarehouseError when there is none, or more than one id starts so.
    """
    if name == CURRENT:
        return releases.current()
    known = releases.in_order()
    if name == PREVIOUS:
        ids = [each.release_id for each in known]
        place = ids.index(releases.current().release_id)
        if not place:
            raise WarehouseError(
                "there is no release before the current one",
                next_step="`urbanbrain release list` names those there are",
            )
        return known[place - 1]
    found = [each for each in known if name and each.release_id.startswith(name)]
    if len(found) > 1:
        raise WarehouseError(
            f"several releases start so: {name!r}",
            next_step=f"write more of the id: {', '.join(each.release_id for each in found[-3:])}",
        )
    return found[0] if found else releases.read(name)


def release_list() -> list[dict[str, Any]]:
    """Every release, oldest first: when, how large, and by cause what was different from the one before.

    Those whose manifest cannot be read come first, with `damage`, why, the `next_step`, and nothing else but whether CURRENT
    names them and somebody pinned them.
    """
    current = releases.pointer()
    pins = marks.pins()
    rows: list[dict[str, Any]] = [
        {
            "release_id": release_id,
            "damage": why.message,
            "next_step": why.next_step,
            "is_current": release_id == current,
            "pin": pins.get(release_id),
        }
        for release_id, why in releases.unreadable().items()
    ]
    before: causes.Made | None = None
    for release in releases.in_order():
        made = causes.made(release.manifest)
        changed = causes.between(before, made) if before else []
        rows.append(
            {
                "release_id": release.release_id,
                "damage": "",
                "as_of": release.as_of,
                "batches": len(release.manifest["batches"]),
                "bytes": sum(int(file["bytes"]) for file in release.manifest["files"]),
                "is_current": release.release_id == current,
                "pin": pins.get(release.release_id),
                "changed": {cause.name: len(cause.what) for cause in changed},
            }
        )
        before = made
    return rows


def release_summary(name: str = CURRENT) -> dict[str, Any]:
    """What one release was made from and holds."""
    release = find_release(name)
    manifest = release.manifest
    listed = release.inputs or {}
    kinds = Counter(name.split("/")[0] for name in listed)
    origins = Counter(str(batch.get("origin", "source")) for batch in manifest["batches"])
    return {
        "release_id": release.release_id,
        "as_of": release.as_of,
        "area_edition": manifest.get("area_edition", ""),
        "code": manifest.get("code") or {"version": manifest.get("code_version", "")},
        "inputs": dict(kinds),
        "inputs_gone": len(inputs.absent(listed.values())),
        "batches": {
            **origins,
            "refused": sum(bool(batch.get("is_refused")) for batch in manifest["batches"]),
        },
        "held": len(manifest.get("held", ())),
        "tables": release.rows,
        "offices": list(release.offices),
        "bytes": sum(int(file["bytes"]) for file in manifest["files"]),
        "sha256": manifest.get("sha256", ""),
    }


def verify_releases(name: str = "") -> dict[str, list[str]]:
    """Every way a release, or each of them, differs from what was published; nothing where it is whole.

    Without a name CURRENT is among them when it leads readers nowhere.
    """
    if name:
        found = find_release(name)
        return {found.release_id: found.verify()}
    told = {release.release_id: release.verify() for release in releases.list_releases()}
    told |= {release_id: [why.message] for release_id, why in releases.unreadable().items()}
    if why := releases.damage_of_current():
        told[releases.CURRENT] = [why]
    return told
