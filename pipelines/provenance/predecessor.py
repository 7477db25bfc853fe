"""What the release before was, as far as a release tells of it: its tables, and what it was made from.

That is an input of a release, kept like the others, and no part of its id: the same warehouse published again is the
same release. Which release it followed is noted when it is first published, so that it has the same bytes when it is
written again, also where its predecessor is gone by then.

    {"release_id": …, "as_of": …,
     "tables": {"tables": {name: {"version": …, "rows": …, "columns": {name: type}}}, "district": {…}},
     "batches": [[feed, window start, batch, is refused, judged with, contract], …],
     "inputs": {name: sha256}, "code": {…}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines import releases
from pipelines.errors import WarehouseError
from pipelines.provenance import inputs
from pipelines.provenance.causes import Made, key
from pipelines.releases import Release, marks

Account = Mapping[str, Any]
_OF_BATCH = ("feed_id", "window_start", "batch_id", "is_refused", inputs.JUDGED_WITH, "contract_sha256")


def of(release_id: str, given: bytes | None = None) -> tuple[Account | None, dict[str, str]]:
    """The account of the release that the one of this id follows, None for the first, and the input it is kept as.

    The first time that is what CURRENT names, or the account `given`; afterwards what was noted then.
    """
    noted = marks.followed(release_id)
    if noted is not None and not inputs.absent([noted] if noted else []):
        digest, content = noted, inputs.read(noted) if noted else b""
    else:
        content = given if given is not None else _encoded(_current(release_id))
        digest = inputs.keep_content(content, is_closed=True) if content else ""  # it counts what few may see
        marks.note_followed(release_id, digest)
    if not content:
        return None, {}
    return json.loads(content), {inputs.PREDECESSOR: digest}


def made(account: Account) -> Made:
    """What it was made from."""
    batches = [dict(zip(_OF_BATCH, batch, strict=True)) for batch in account.get("batches", ())]
    return Made({key(batch): batch for batch in batches}, account.get("inputs"), account.get("code", {}))


def tables(
    package: Mapping[str, Any], rows: Mapping[str, int], manifest: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The tables a data package describes, by name, for an account; `rows` are those of each."""
    versions = {each["id"].replace("_", ".", 1): each["version"] for each in manifest["contracts"]}
    return {
        str(each["name"]): {
            "version": versions.get(each["name"], ""),
            "rows": rows.get(each["name"], 0),
            "columns": {
                field["name"]: "array" if "itemType" in field else field["type"]
                for field in each["schema"]["fields"]
            },
        }
        for each in package["resources"]
    }


def _current(release_id: str) -> Account | None:
    """The account of what readers have now; only its id when it cannot be read."""
    name = releases.pointer()
    if not name or name == release_id:
        return None
    try:
        release = releases.read(name)
        if release.manifest.get("sha256") != releases.manifest_sha256(release.manifest):
            return {"release_id": name}
        return _account(release)
    except (WarehouseError, KeyError):
        return {"release_id": name}


def _account(release: Release) -> Account:
    batches = ([batch.get(name) for name in _OF_BATCH] for batch in release.manifest["batches"])
    return {
        "release_id": release.release_id,
        "as_of": release.as_of,
        "tables": {
            releases.TABLES: tables(
                release.data_package(), release.rows_of(releases.TABLES), release.manifest
            ),
            releases.DISTRICT: tables(
                release.detail_package(), release.rows_of(releases.DISTRICT), release.manifest
            ),
        },
        "batches": sorted(batches, key=json.dumps),
        "inputs": release.inputs,
        "code": release.manifest.get("code") or {},
    }


def _encoded(account: Account | None) -> bytes:
    return json.dumps(account, ensure_ascii=False, sort_keys=True).encode() if account else b""
