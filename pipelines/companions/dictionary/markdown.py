"""The data dictionary as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

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
    yield f"### {entry.name}"
    yield ""
    yield from (line for line in (_said(entry.title), entry.meaning) if line)
    if entry.grain:
        yield f"One row per {entry.grain}."
    yield ""
    yield f"- Who gets it 提供对象: {'; '.join(map(_said, entry.who)) or '–'}"
    if entry.contract:
        yield f"- Contract 合同: `{entry.contract}`; owner 责任单位: {entry.owner or '–'}"
    if entry.fields:
        yield ""
        yield f"| {' | '.join(_HEADS)} |"
        yield f"|{'---|' * len(_HEADS)}"
        yield from (f"| {' | '.join(map(_cell, _cells(field)))} |" for field in entry.fields)


def _cells(field: Field) -> tuple[str, ...]:
    return (
        f"`{field.name}`",
        field.name_zh,
        field.type,
        field.unit,
        field.meaning,
        " ".join(
            word
            for word, holds in (("key 主键", field.is_key), ("required 必填", field.is_required))
            if holds
        ),
        values(field),
        " ".join(filter(None, (field.privacy_class, _said(field.stays)))),
    )


def values(field: Field) -> str:
    """What may be in a column, in one line."""
    said = [f"{value} {label}".strip() for value, label in field.values]
    said += [field.limits] if field.limits else []
    said += [f"→ {reference}" for reference in field.refers_to]
    return "; ".join(said)


def _said(both: Both) -> str:
    return " ".join(filter(None, both))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
