"""Misbehaviour on demand: what a source does wrong, where, and how often. Only tests and curious people ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.samplecity.wire import Wire, empty_objects

ANSWERS = ("500", "429", "timeout", "truncated", "login_page")
COUNTS = ("wrong_total",)
PAGES = ("page_drift", "repeat_page")
SHAPES = ("new_column", "missing_column", "forbidden_column", "forbidden_value")
KINDS = (*ANSWERS, *COUNTS, *PAGES, *SHAPES)
LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>统一认证登录</title></head><body><form>请登录</form></body></html>"
)


@dataclass
class Fault:
    """One kind of misbehaviour at one path, for the next `times` requests it can apply to.

    `column` is the wire column that the shape faults add, drop or spoil; empty chooses one.
    """

    path: str
    kind: str
    times: int
    column: str = ""


class Faults:
    """The faults that are waiting to happen."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, path: str, kinds: tuple[str, ...]) -> Fault | None:
        """The next fault of those kinds at that path, counted down."""
        for fault in self.waiting:
            if fault.path == path and fault.kind in kinds and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def bend(wire: Wire, fault: Fault | None) -> Wire:
    """The rows in another shape: a column more, a column less, a column or value that nobody may take."""
    if fault is None or not len(wire):
        return wire
    bent = wire.take(np.arange(len(wire)))
    nested = any(name.endswith(".value") for name in wire.columns)
    if fault.kind == "new_column":
        bent.columns[fault.column or ("batchNote.value" if nested else "新增说明")] = empty_objects(
            len(wire), "无"
        )
    elif fault.kind == "missing_column":
        del bent.columns[fault.column or list(wire.columns)[2]]
    elif fault.kind == "forbidden_column":
        name = fault.column or ("faceImage.value" if nested else "人脸")
        bent.columns[name] = empty_objects(len(wire), "iVBORw0KGgo=")
    elif fault.kind == "forbidden_value":
        bent.columns[fault.column or list(wire.columns)[1]][0] = "京OX0001"
    return bent
