"""The data dictionary as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines import markdown
from pipelines.companions.dictionary.entries import CLASSES, Both, Entries, Entry, Field
from pipelines.companions.publication import Publication

SUFFIX = ".md"
_HEADS = (
    "column 列", "名称", "type 类型", "unit 单位", "meaning", "key 主键", "values and limits 取值", "class 分级",
)  # fmt: skip


def text(publication: Publication, found: Entries) -> str:
    """The whole file."""
    return "\n".join(_lines(publication, found)) + "\n"


def _lines(publication: Publication, found: Entries) -> Iterator[str]:
    yield f"# Data dictionary 数据字典 · {publication.release_id}"
    yield ""
    yield f"Classes 分级: {'; '.join(f'{name} {_said(said)}' for name, said in CLASSES)}."
    for heading, entries in (
        ("Questions of a street office 街镇问题", found.questions),
        ("Tables 数据表", found.tables),
    ):
        yield ""
        yield f"## {heading}"
        for entry in entries:
            yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    yield ""
    yield f"### {markdown.cell(entry.name)}"
    yield ""
    yield from filter(None, map(markdown.line, (_said(entry.title), entry.meaning)))
    if entry.grain:
        yield f"One row per {markdown.cell(entry.grain)}."
    yield ""
    yield f"- Who gets it 提供对象: {'; '.join(map(_said, entry.who)) or '–'}"
    if entry.contract:
        yield f"- Contract 合同: {markdown.code(entry.contract)}; owner 责任单位: {markdown.cell(entry.owner) or '–'}"
    if entry.fields:
        yield ""
        yield markdown.row(*_HEADS)
        yield f"|{'---|' * len(_HEADS)}"
        yield from (markdown.row(*_cells(field)) for field in entry.fields)


def _cells(field: Field) -> tuple[str, ...]:
    return (
        markdown.code_cell(field.name),
        *map(markdown.cell, (field.name_zh, field.type, field.unit, field.meaning)),
        " ".join(
            word
            for word, holds in (("key 主键", field.is_key), ("required 必填", field.is_required))
            if holds
        ),
        _values(field),
        markdown.cell(" ".join(filter(None, (field.privacy_class, _said(field.stays))))),
    )


def _values(field: Field) -> str:
    """What may be in a column, in one line."""
    said = [markdown.cell(f"{value} {label}") for value, label in field.values]
    said += [markdown.code_cell(field.limits)] if field.limits else []
    said += [markdown.cell(f"→ {reference}") for reference in field.refers_to]
    return "; ".join(said)


def _said(both: Both) -> str:
    return " ".join(filter(None, both))
