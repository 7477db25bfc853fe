"""Misbehaviour on demand: what a source does wrong, where, and how often. Only tests and curious people ask."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from pipelines.samplecity.wire import Wire, empty_objects

ANSWERS = ("500", "429", "timeout", "truncated", "login_page", "token_expired")
COUNTS = ("wrong_total",)
PAGES = ("page_drift", "repeat_page")
SHAPES = ("new_column", "missing_column", "forbidden_column", "forbidden_value", "emptied")
BODIES = ("wrong_encoding", "mojibake", "byte_order_marks", "cut_short", "no_rows")
KINDS = (*ANSWERS, *BODIES, *COUNTS, *PAGES, *SHAPES)
IDENTIFIERS = {
    "429": "R18", "500": "R18", "timeout": "R16", "truncated": "R16", "login_page": "R18", "wrong_total": "R1",
    "page_drift": "R1", "repeat_page": "R1", "new_column": "R15", "missing_column": "R15", "forbidden_column": "R15",
    "forbidden_value": "R14", "emptied": "R9", "wrong_encoding": "E1", "mojibake": "E2", "byte_order_marks": "E4", "cut_short": "R16",
    "no_rows": "R17", "token_expired": "R19",
}  # fmt: skip
"""Which defect of the domain reference (§7) each kind is."""
EMPTIED_SHARE = 0.4
"""How many of a batch's rows lose the column's value: more than any contract lets through unasked."""
_HAN = re.compile("[\u4e00-\u9fff]+")
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


def spoil(body: bytes, kind: str) -> bytes:
    """A file as its source damaged it before sending: nothing about the transfer is wrong.

    `byte_order_marks`, `cut_short` and `no_rows` are for files with a header line, the others for any text.
    """
    encoding = "utf-8" if _is_utf8(body) else "gb18030"
    lines = body.splitlines(keepends=True)
    match kind:
        case "wrong_encoding":
            return body.decode(encoding).encode("gb18030" if encoding == "utf-8" else "utf-8")
        case "mojibake":
            return _HAN.sub(
                lambda run: run[0].encode().decode("gb18030", "ignore"), body.decode(encoding)
            ).encode()
        case "byte_order_marks":
            return b"".join(b"\xef\xbb\xbf" + line for line in lines[:2]) + b"".join(lines[2:])
        case "cut_short":
            return b"".join(lines[: len(lines) // 2 + 1])
    return b"".join(lines[:1])


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


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
    elif fault.kind == "emptied":
        bent.columns[fault.column or wire.id_column][: math.ceil(EMPTIED_SHARE * len(wire))] = ""
    return bent
