"""What happened to each hotline order, step by step: the truth behind the flow log and the district's dispatch.

The instants that the orders' table shows are the table's own; between them lie the steps only a log knows:
signing, returning, sending again, replying, urging.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity.city import hotline
from pipelines.samplecity.defects import NONE
from pipelines.samplecity.world import (
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    NEVER,
    STREETS,
    Bools,
    City,
    Floats,
    Instants,
    Ints,
)

TYPES = (
    "受理", "派单", "退单", "再派", "签收", "首次联系", "办理", "延期", "督办", "升级", "吹哨", "回复", "办结", "回访未接通",
    "回访", "评价", "重办", "再办结", "再回访", "再评价", "剔除", "恢复",
)  # fmt: skip
"""Every step, by its label. What follows a reopening is written with the same labels as before it."""
STEP = {label: number for number, label in enumerate(TYPES)}


@dataclass(frozen=True)
class Log:
    """The steps of one day's orders: an instant per order and type, NaT for what never happens.

    `first_street` is the street the order was sent to at first; it differs from the order's when that street
    sent it back as not its own.
    """

    orders: hotline.Orders
    steps: Instants
    first_street: Ints

    @property
    def is_returned(self) -> Bools:
        return np.asarray(~np.isnat(self.steps[:, STEP["退单"]]))


@lru_cache(maxsize=64)
def log(city: City, day: date) -> Log:
    """The steps of every order reported on `day`. Orders whose rows are broken have none."""
    known = hotline.orders(city, day)
    dice = city.dice("hotline/log", day)
    events, count = known.events, len(known)
    steps = np.full((count, len(TYPES)), NEVER)
    for label, step in (
        ("受理", hotline.CREATED), ("派单", hotline.DISPATCHED), ("首次联系", hotline.CONTACTED), ("办结", hotline.CLOSED),
        ("回访", hotline.CALLBACK), ("重办", hotline.REOPENED), ("再办结", hotline.RECLOSED), ("再回访", hotline.RECALLED),
        ("剔除", hotline.EXCLUDED), ("恢复", hotline.REINSTATED),
    ):  # fmt: skip
        steps[:, STEP[label]] = events[:, step]
    sent, met, closed = (events[:, step] for step in (hotline.DISPATCHED, hotline.CONTACTED, hotline.CLOSED))
    returned = (dice.random(count) < 0.08) & (met - sent > np.timedelta64(20, "m"))
    steps[returned, STEP["退单"]] = _between(sent, met, 0.3)[returned]
    steps[returned, STEP["再派"]] = _between(sent, met, 0.6)[returned]
    steps[:, STEP["签收"]] = _between(sent, met, 0.8)
    steps[:, STEP["办理"]] = _between(met, closed, 0.1)
    for label, share, where in (
        ("延期", 0.04, 0.5),
        ("督办", 0.03, 0.6),
        ("升级", 0.02, 0.7),
        ("吹哨", 0.02, 0.4),
    ):
        rows = dice.random(count) < share
        steps[rows, STEP[label]] = _between(met, closed, where)[rows]
    steps[:, STEP["回复"]] = _between(met, closed, 0.95)
    missed = dice.random(count) < 0.1
    steps[missed, STEP["回访未接通"]] = _between(closed, events[:, hotline.CALLBACK], 0.5)[missed]
    for asked, answered in (("回访", "评价"), ("再回访", "再评价")):
        steps[:, STEP[answered]] = steps[:, STEP[asked]] + np.timedelta64(1, "m")
    steps[known.drawn != NONE] = NEVER
    street = COMMUNITY_STREET[known.community]
    elsewhere = returned & (known.salt % 2 == 0)
    return Log(known, steps, np.where(elsewhere, (street + 1) % len(STREETS), street))


def street_at(known: hotline.Orders, rows: Ints, when: Instants) -> Ints:
    """The street an order lies in at an instant: a correction moves some."""
    moved = (known.events[rows, hotline.CORRECTED] <= when) & hotline.is_moved(known.phone[rows])
    return np.asarray(COMMUNITY_STREET[(known.community[rows] + moved) % len(COMMUNITY_NAME)])


def _between(start: Instants, end: Instants, share: float) -> Instants:
    gap: Floats = (end - start).astype("m8[s]").astype(float)
    whole = np.where(np.isnan(gap) | (gap < 0), 0, gap * share).astype(np.int64).astype("m8[s]")
    return np.where(np.isnat(start) | np.isnat(end), NEVER, start + whole)
