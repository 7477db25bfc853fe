"""How DuckDB would go about a question, as an outline a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_WORDS = {
    "SEQ_SCAN": "read 读表",
    "TABLE_SCAN": "read 读表",
    "READ_PARQUET": "read 读表",
    "COLUMN_DATA_SCAN": "read values 读值",
    "DUMMY_SCAN": "one row 单行",
    "FILTER": "keep 筛选",
    "HASH_JOIN": "join 连接",
    "NESTED_LOOP_JOIN": "join, each row with each 逐行连接",
    "PIECEWISE_MERGE_JOIN": "join by range 范围连接",
    "IE_JOIN": "join by range 范围连接",
    "CROSS_PRODUCT": "every pair 笛卡尔积",
    "HASH_GROUP_BY": "group 分组",
    "PERFECT_HASH_GROUP_BY": "group 分组",
    "UNGROUPED_AGGREGATE": "sum up 汇总",
    "ORDER_BY": "sort 排序",
    "TOP_N": "sort, keep the first 取前若干",
    "LIMIT": "keep the first 取前若干",
    "STREAMING_LIMIT": "keep the first 取前若干",
    "WINDOW": "window 窗口",
    "STREAMING_WINDOW": "window 窗口",
    "UNION": "both 合并",
    "CTE": "once, used again 公共子查询",
}
_SAID = (
    "Table",
    "Function",
    "Join Type",
    "Conditions",
    "Filters",
    "Expression",
    "Groups",
    "Aggregates",
    "Order By",
    "Top",
)
_SILENT = ("PROJECTION", "EMPTY_RESULT")
_ROWS = "Estimated Cardinality"
_LONGEST = 120


def outline(plan: str) -> list[str]:
    """Lines of an outline, the last step first, from what `explain (format json)` answers.

    Steps that only pass columns on are left out; `~` is DuckDB's guess of how many rows come out.
    """
    return [line for node in json.loads(plan) for line in _lines(_shown(node))]


def _shown(node: dict[str, Any]) -> dict[str, Any]:
    while node["name"].strip() in _SILENT and len(node.get("children", ())) == 1:
        node = node["children"][0]
    return node


def _lines(node: dict[str, Any]) -> Iterator[str]:
    yield _line(node)
    children = [_shown(child) for child in node.get("children", ())]
    for number, child in enumerate(children, start=1):
        first, others = ("└─ ", "   ") if number == len(children) else ("├─ ", "│  ")
        for index, line in enumerate(_lines(child)):
            yield (others if index else first) + line


def _line(node: dict[str, Any]) -> str:
    name = node["name"].strip()
    extra = node.get("extra_info") or {}
    said = [_text(extra[key]) for key in _SAID if extra.get(key)]
    rows = f" (~{int(extra[_ROWS]):,})" if str(extra.get(_ROWS, "")).isdigit() else ""
    text = " · ".join([_WORDS.get(name, name.lower().replace("_", " ")), *said])
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…") + rows


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else " ".join(str(value).split())
