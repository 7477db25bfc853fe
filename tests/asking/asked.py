"""Sessions that are kept: starting the process that answers takes longer than the questions of most tests."""

from __future__ import annotations

from pipelines import asking

_KEPT: dict[str | None, asking.Session] = {}


def session(office: str | None, seconds: float = asking.Bounds.seconds) -> asking.Session:
    """One that asks an office, or the release; a question to it may take so long."""
    if office not in _KEPT:
        _KEPT[office] = asking.Session(office)
    _KEPT[office].bounds = asking.Bounds(seconds)
    return _KEPT[office]


def stop() -> None:
    """End every process that answers."""
    while _KEPT:
        _KEPT.popitem()[1].stop()
