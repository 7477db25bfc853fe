"""`changes.json` and `changes.md`: what is different for readers from the release before, and why.

Told from what the two releases say of themselves, never from their rows: tables and columns that came and went, versions
of contracts, numbers of rows, causes. Anybody reads of the tables anybody gets; of the others, and how many rows a batch
brought, only the district does. How many rows changed, and which, `urbanbrain release diff` tells while both are there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines import markdown, releases
from pipelines.companions import coverage
from pipelines.companions.publication import Part, Publication
from pipelines.contract import dictionary
from pipelines.provenance import causes, predecessor
from pipelines.provenance.causes import Cause

CHANGES = "changes"
TOLD = f"{CHANGES}.md"
_SHOWN = 20
_Table = Mapping[str, Any]


def write(publication: Publication) -> None:
    """Both files for anybody, and both for the district beside its tables."""
    for part in publication.parts:
        found = describe(publication, part)
        base = part.folder / CHANGES
        base.with_suffix(".json").write_text(
            json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        base.with_suffix(".md").write_text("\n".join(_lines(found)) + "\n", encoding="utf-8")


def describe(publication: Publication, part: Part) -> dict[str, Any]:
    """What changed of the tables in one part of a release."""
    before = publication.followed
    said: dict[str, Any] = {
        "release_id": publication.release_id,
        "as_of": publication.as_of.isoformat(),
        "previous": None,
        "causes": [],
        "tables": [],
    }
    if before is None:
        return said
    said["previous"] = {"release_id": before["release_id"], "as_of": before.get("as_of")}
    if "tables" not in before:  # it was damaged: nobody knows what was in it
        return said
    found = causes.between(predecessor.made(before), causes.made(publication.manifest))
    said["causes"] = [
        {
            "name": each.name,
            "name_zh": causes.CAUSES[each.name],
            "what": list(_in_the_open(each) if part.access == coverage.OPEN else each.what),
        }
        for each in found
    ]
    package = json.loads((part.folder / releases.DATA_PACKAGE).read_text(encoding="utf-8"))
    now = predecessor.tables(
        package, {table.table: table.rows for table in part.tables}, publication.manifest
    )
    was = before["tables"][part.below]
    titles = {table.table: dictionary.table_title(table.contract) for table in part.tables if table.contract}
    said["tables"] = [
        {"table": name, "title_zh": titles.get(name, ""), **change}
        for name in sorted(now.keys() | was.keys())
        if (change := _change(was.get(name), now.get(name)))
    ]
    return said


def _in_the_open(cause: Cause) -> Iterator[str]:
    """A cause without what tells of single batches or decisions: the feeds, and what changed of rules and areas."""
    yield from sorted(cause.feeds)
    if cause.name in (causes.AREA, causes.RULE):
        yield from cause.what


def _change(before: _Table | None, now: _Table | None) -> dict[str, Any]:
    """How a table differs; nothing where it does not."""
    if before is None or now is None:
        rows = {"before": before["rows"] if before else None, "after": now["rows"] if now else None}
        return {"change": "came" if before is None else "went", "rows": rows, "version": None, "columns": []}
    was, is_ = before["columns"], now["columns"]
    columns = [f"+ {name} {kind}" for name, kind in is_.items() if name not in was]
    columns += [f"- {name}" for name in was if name not in is_]
    columns += [f"{name} {was[name]} → {kind}" for name, kind in is_.items() if was.get(name, kind) != kind]
    versions = before["version"], now["version"]
    if before["rows"] == now["rows"] and versions[0] == versions[1] and not columns:
        return {}
    return {
        "change": "changed",
        "rows": {"before": before["rows"], "after": now["rows"]},
        "version": {"before": versions[0], "after": versions[1]} if versions[0] != versions[1] else None,
        "columns": columns,
    }


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    yield f"# What changed in release {said['release_id']} 本次发布的变化"
    yield ""
    previous = said["previous"]
    if previous is None:
        yield "This is the first release. 这是首次发布。"
        return
    yield f"As of 数据截至 {said['as_of']}; the release before 上次发布: {previous['release_id']}."
    yield ""
    if previous["as_of"] is None:
        yield "The release before cannot be read, so nothing is told. 上次发布无法读取，无从比较。"
        return
    yield "## Why 原因"
    yield ""
    for cause in said["causes"]:
        shown, more = cause["what"][:_SHOWN], len(cause["what"]) - _SHOWN
        yield (
            f"- **{cause['name']} {cause['name_zh']}**{': ' if shown else ''}{'; '.join(map(markdown.code, shown))}"
            + (f" … {more:,} more 另有 {more:,} 项" if more > 0 else "")
        )
    if not said["causes"]:
        yield "Nothing was different about what it was made from. 来源没有变化。"
    yield ""
    yield "## Tables 表"
    yield ""
    if not said["tables"]:
        yield "No table has other columns or another number of rows. 各表的列与行数均未变化。"
        return
    yield "| table 表 | change 变化 | rows before 原行数 | rows after 现行数 | contract 合同 | columns 列 |"
    yield "|---|---|--:|--:|---|---|"
    for each in said["tables"]:
        yield markdown.row(
            markdown.cell(f"{each['table']} {each['title_zh']}"),
            f"{each['change']} {_IN_CHINESE[each['change']]}",
            _number(each["rows"]["before"]),
            _number(each["rows"]["after"]),
            markdown.cell(" → ".join(each["version"].values()) if each["version"] else ""),
            ", ".join(map(markdown.code_cell, each["columns"])),
        )
    yield ""
    yield (
        "Values may differ in tables that are not listed. Which rows changed: `urbanbrain release diff`. "
        "未列出的表，其数值也可能有变化；逐行差异请用 `urbanbrain release diff`。"
    )


_IN_CHINESE = {"came": "新增", "went": "移除", "changed": "变化"}


def _number(rows: int | None) -> str:
    return "–" if rows is None else f"{rows:,}"
