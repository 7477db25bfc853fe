"""Servers on this machine that speak each connector's dialect, honestly unless told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pipelines.contract.model import Server

Rows = list[dict[str, Any]]


def page(rows: Rows, asked: Any, limit: str, position: str, cap: int, by_page: bool) -> Rows:
    size = min(int(asked.query[limit]), cap)
    at = int(asked.query[position])
    start = (at - 1) * size if by_page else at
    return rows[start : start + size]


def ckan(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    records = page(rows, asked, "limit", "offset", cap, by_page=False)
    return reply.of({"success": True, "result": {"records": records, "total": total}})


def socrata(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    return reply.of(page(rows, asked, "$limit", "$offset", cap, by_page=False))


def paged_json(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    records = page(rows, asked, "pageSize", "page", cap, by_page=True)
    return reply.of({"code": 0, "message": "ok", "data": {"total": total, "page": 1, "list": records}})


def open311(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    return reply.of(page(rows, asked, "page_size", "page", cap, by_page=True))


def ngsi_ld(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    records = page(rows, asked, "limit", "offset", cap, by_page=False)
    return reply.of(records, **{"NGSILD-Results-Count": str(total)})


def keyset(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    after = asked.query.get("after", "")
    later = sorted((row for row in rows if row["no"] > after), key=lambda row: row["no"])
    return reply.of(later[: min(int(asked.query["limit"]), cap)])


def next_link(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    at = int(asked.query.get("$skip", 0))
    size = min(3, cap)
    answer: dict[str, Any] = {"value": rows[at : at + size], "@iot.count": total}
    if at + size < len(rows):
        answer["@iot.nextLink"] = f"{asked.path}?$skip={at + size}"
    return reply.of(answer)


def sensor_things(reply: Any, rows: Rows, asked: Any, cap: int, total: int) -> Any:
    """A server that gives at most what $top asked for, and keeps $top in its link."""
    at, size = int(asked.query.get("$skip", 0)), min(int(asked.query["$top"]), cap)
    things = [
        {"@iot.id": row["no"], "result": "离线", "resultTime": None, **row} for row in rows[at : at + size]
    ]
    answer: dict[str, Any] = {"@iot.count": total, "value": things}
    if at + size < len(rows):
        answer["@iot.nextLink"] = f"{asked.path}?$top={size}&$skip={at + size}"
    return reply.of(answer)


SOURCES = [ckan, socrata, paged_json, open311, ngsi_ld, keyset, next_link, sensor_things]
WITH_TOTALS = [ckan, paged_json, ngsi_ld, next_link, sensor_things]
BY_POSITION = [ckan, socrata, paged_json, open311, ngsi_ld]


def things(count: int) -> Rows:
    return [
        {"no": f"T{number:04d}", "名称": f"东西 {number}", "at": {"x": number}} for number in range(count)
    ]


class City:
    """One connector against one source that holds `rows`, never sends more than `cap` and may lie on its total."""

    def __init__(self, source: Any, dialect: Callable[..., Any], rows: Rows, fetch: Any) -> None:
        self.source = source
        self.fetch = fetch
        self.rows = rows
        self.cap = 1000
        self.lie = 0
        self.before_each: Callable[[Any], None] = lambda asked: None
        self.contents: list[bytes] = []
        query = {"after": "{last:no}"} if dialect is keyset else {}
        self.server = Server(
            "sample", f"{source.url}/things", dialect.__name__, query=query, page_size=3, max_bytes=100_000
        )

        def answer(asked: Any) -> Any:
            self.before_each(asked)
            return dialect(source.reply, self.rows, asked, self.cap, len(self.rows) + self.lie)

        source.answer = answer

    def pull(self, **values: Any) -> Any:
        self.contents, pulled = self.fetch(self.server, **values)
        return pulled

    @property
    def received(self) -> Rows:
        rows: Rows = []
        for content in self.contents:
            answer = json.loads(content)
            if isinstance(answer, dict):
                answer = answer.get("value") or answer.get("result") or answer.get("data") or []
            if isinstance(answer, dict):
                answer = answer.get("records") or answer.get("list") or []
            rows += [{name: row[name] for name in row if name in ("no", "名称", "at")} for row in answer]
        return rows
