"""What Airflow calls our DAGs and our pool: said once, for the DAG files and for whoever talks to Airflow about them."""

from __future__ import annotations

WAREHOUSE_DAG = "warehouse"
INBOX_DAG = "inbox"
MONITOR_DAG = "monitor"
WRITER_POOL = "warehouse_writer"
"""A pool of one slot: the tasks in it are the only ones that write the warehouse."""

_FEED = "feed__"
AGAIN = {"re_pull": "re_pull__", "census": "census__"}
"""How the DAGs begin that ask a source once more."""


def feed_dag(feed_id: str) -> str:
    """The id of a feed's DAG."""
    return f"{_FEED}{feed_id}"


def again_dag(feed_id: str, kind: str) -> str:
    """The id of the DAG that asks a feed's source once more, for its last days or for all it holds."""
    return f"{AGAIN[kind]}{feed_id}"


def feed_of(dag_id: str) -> str:
    """The feed a DAG belongs to; empty when it is no feed's DAG."""
    return dag_id.removeprefix(_FEED) if dag_id.startswith(_FEED) else ""
