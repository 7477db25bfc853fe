"""A release attacked: whether anybody can reckon what is hidden in it, or in those before it now that it is out."""

from __future__ import annotations

from pipelines import auditing, releases
from pipelines import contract as contracts
from pipelines.auditing import Audit
from pipelines.errors import WarehouseError
from pipelines.run.published import CURRENT, find_release


def audit_release(name: str = CURRENT) -> Audit:
    """Attack a release with all at hand that are not of a later instant, as anybody and as each office.

    Raises WarehouseError when it was published before small counts were hidden.
    """
    target = find_release(name)
    if not target.disclosed:
        raise WarehouseError(
            f"release {target.release_id} was published before small counts were hidden",
            next_step="audit a later one",
        )
    earlier = [each for each in releases.list_releases() if each.disclosed and each.as_of <= target.as_of]
    return auditing.audit(target, earlier, contracts.load_governance())
