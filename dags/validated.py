"""What a feed's validated data is called in Airflow. The feed announces it, the warehouse waits for it."""

from __future__ import annotations

from airflow.sdk import Asset

from pipelines.contract import Contract


def validated(contract: Contract) -> Asset:
    """The asset of a feed; each event carries the counts of the batch in its `extra`."""
    return Asset(
        name=contract.feed_id, uri=f"urbanbrain://validated/{contract.feed_id}", group=contract.level
    )


corrected = Asset(name="corrections", uri="urbanbrain://validated/corrections", group="desk")
"""Rows of any feed that an office sent back and that were judged again."""
