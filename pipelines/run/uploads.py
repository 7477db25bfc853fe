"""Releases at another place: object storage, or a folder that others mount."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipelines import settings
from pipelines.errors import SettingError
from pipelines.outlets import uploading
from pipelines.outlets.uploading import Uploaded
from pipelines.releases import retention
from pipelines.run.published import CURRENT, find_release


def upload(
    name: str = CURRENT,
    url: str = "",
    *,
    only: Sequence[str] = (),
    prune: bool | None = None,
    verify: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Uploaded:
    """Upload a release, by default to where the settings say and what they say; then old ones there go, where asked for.

    Raises SettingError when no place is named, else as `uploading.upload`.
    """
    target = url or settings.upload_to()
    if not target:
        raise SettingError(
            "nobody said where to upload to",
            next_step="give an address, or export URBANBRAIN_UPLOAD=s3://bucket/folder",
        )
    done = uploading.upload(
        find_release(name), target, only or settings.upload_only(), verify=verify, progress=progress
    )
    if settings.prunes_uploads() if prune is None else prune:
        gone = uploading.prune(target, retention.policy(), settings.now())
        return replace(done, pruned=tuple(gone))
    return done
