"""Which failures are worth another try: only those that waiting can cure, as each error class says itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from pipelines.errors import UrbanBrainError


def _curable(kind: type[UrbanBrainError]) -> Iterator[type[UrbanBrainError]]:
    if kind.retry:
        yield kind
    for narrower in kind.__subclasses__():
        yield from _curable(narrower)


RETRY_WHAT_WAITING_CURES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=30),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=kind, action=RetryAction.RETRY, reason=f"waiting can cure {kind.__name__}")
            for kind in _curable(UrbanBrainError)
        ],
        default=RetryAction.FAIL,
    ),
}
"""For `default_args`. A worker that is killed raises nothing, so it is retried as well."""
