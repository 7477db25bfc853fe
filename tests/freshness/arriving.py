"""Feeds made of the project's own contracts, and batches of them put into the lake by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import freshness
from pipelines.contract.model import Contract
from pipelines.freshness import Standing
from pipelines.lake import Stage, Window
from pipelines.receipt import Receipt

HERE = ZoneInfo("Asia/Shanghai")


def here(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HERE)


def daily(**changes: Any) -> Contract:
    """A feed of every day, due six hours after midnight, whose pulls bring what changed."""
    usual = {
        "schedule": "0 0 * * *",
        "latency": timedelta(hours=6),
        "delivery": "incremental",
        "look_back": timedelta(),
    }
    return replace(contracts.load("street_incidents"), **{**usual, "may_be_empty": "always", **changes})


def hourly(**changes: Any) -> Contract:
    """A feed of every hour, at ten past, due two hours later."""
    return daily(**{"schedule": "10 * * * *", "latency": timedelta(hours=2), **changes})


def arrive(
    feed: Contract,
    start: str,
    end: str,
    landed_at: str,
    rows: int = 10,
    stage: Stage = "validated",
    **more: Any,
) -> None:
    """One batch in a stage of the lake."""
    window = Window(here(start), here(end))
    name = sha256(f"{start}{end}{landed_at}{rows}".encode()).hexdigest()[:16]
    judged = (
        {"received": rows, "validated": rows} if stage == "validated" else {"received": rows, "refused": rows}
    )
    receipt = Receipt(
        stage, feed.feed_id, window, name, here(landed_at), feed.version, feed.sha256, **{**judged, **more}
    )
    receipt.write(receipt.batch.folder(stage))


def arrive_daily(feed: Contract, *days: str, rows: int = 10) -> None:
    """Whole days, each landed forty minutes after it was over."""
    for day in days:
        end = here(day) + timedelta(days=1)
        landed = end + timedelta(minutes=40)
        arrive(feed, day, f"{end:%Y-%m-%d}", f"{landed:%Y-%m-%dT%H:%M}", rows)


def standing(feed: Contract, at: str) -> Standing:
    return freshness.standings([feed], here(at))[0]


def state(feed: Contract, at: str) -> str:
    return standing(feed, at).state
