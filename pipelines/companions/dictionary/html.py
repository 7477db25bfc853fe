"""The data dictionary as one page: no script, no request, readable on a phone, in print and by a screen reader."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from pipelines.companions.dictionary.entries import CLASSES, Both, Entries, Entry, Field
from pipelines.companions.publication import Publication

SUFFIX = ".html"
_CHINESE = "zh-CN"
_HEADS: tuple[Both, ...] = (
    ("Column", "列"), ("Type", "类型"), ("Meaning", "含义"), ("Allowed values", "取值"), ("Class", "分级"),
)  # fmt: skip
_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: #1a1a1a; background: #fff;
  font: 1rem/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
a { color: #0b4a8f; overflow-wrap: anywhere; } a:focus-visible, .scroll:focus-visible { outline: 3px solid #b34700; outline-offset: 2px; }
nav ul { columns: 20rem; padding-left: 1.2rem; } h2 { border-bottom: 2px solid #1a1a1a; margin-top: 2.5rem; }
h3 { margin-bottom: 0; } section > p, dl { margin: .3rem 0; max-width: 60rem; }
dt { font-weight: 600; } dd { margin: 0 0 .3rem 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0 1rem; min-width: 40rem; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #eef2f6; } tbody th { font-weight: 400; }
code { font-size: .95em; overflow-wrap: anywhere; } small { color: #4a4a4a; } .values { margin: 0; padding-left: 1rem; }
@media print { body { max-width: none; font-size: 9pt; } nav { display: none; } .scroll { overflow: visible; }
  table { min-width: 0; } tr, caption { break-inside: avoid; } thead { display: table-header-group; } a { color: inherit; } }
"""


def text(publication: Publication, found: Entries) -> str:
    """The whole page."""
    title = f"Data dictionary 数据字典 · {publication.release_id}"
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f'<header><h1>Data dictionary <span lang="{_CHINESE}">数据字典</span></h1>',
            f"<p>{_both(('Release', '发布'))} <code>{_escaped(publication.release_id)}</code>, "
            f"{_both(('as of', '数据截至'))} {_escaped(publication.as_of.isoformat())}</p>",
            f"<p>{_both(('Classes of columns', '列的分级'))}: "
            + "; ".join(f"<b>{name}</b> {_both(said)}" for name, said in CLASSES)
            + "</p></header>",
            *_contents(found),
            "<main>",
            *_part("questions", ("Questions of a street office", "街镇问题"), found.questions),
            *_part("tables", ("Tables", "数据表"), found.tables),
            "</main>\n</body>\n</html>\n",
        )
    )


def _contents(found: Entries) -> Iterator[str]:
    yield '<nav aria-label="Contents 目录">'
    for heading, entries in ((("Questions", "问题"), found.questions), (("Tables", "数据表"), found.tables)):
        yield f"<h2>{_both(heading)}</h2>\n<ul>"
        for entry in entries:
            chinese = f' <span lang="{_CHINESE}">{_escaped(entry.title[1])}</span>' if entry.grain else ""
            yield f'<li><a href="#{_escaped(entry.name)}">{_escaped(entry.name)}</a>{chinese}</li>'
        yield "</ul>"
    yield "</nav>"


def _part(anchor: str, heading: Both, entries: Sequence[Entry]) -> Iterator[str]:
    yield f'<h2 id="{anchor}">{_both(heading)}</h2>'
    for entry in entries:
        yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    name = _escaped(entry.name)
    yield f'<section id="{name}" aria-labelledby="{name}-name">\n<h3 id="{name}-name"><code>{name}</code></h3>'
    yield f"<p>{_both(entry.title)}</p>" if any(entry.title) else ""
    yield f"<p>{_escaped(entry.meaning)}{f' One row per {_escaped(entry.grain)}.' if entry.grain else ''}</p>"
    yield f"<dl><dt>{_both(('Who gets it', '提供对象'))}</dt>"
    yield from (f"<dd>{_both(who)}</dd>" for who in entry.who)
    if entry.contract:
        yield f"<dt>{_both(('Contract', '合同'))}</dt><dd><code>{_escaped(entry.contract)}</code></dd>"
        yield f"<dt>{_both(('Owner', '责任单位'))}</dt><dd>{_escaped(entry.owner or '–')}</dd>"
    yield "</dl>"
    if entry.fields:
        yield f'<div class="scroll" role="region" tabindex="0" aria-label="Columns of {name}">\n<table>'
        yield f"<caption>{_both(('Columns of', '各列：'))} <code>{name}</code></caption>\n<thead><tr>"
        yield "".join(f'<th scope="col">{_both(head)}</th>' for head in _HEADS)
        yield "</tr></thead>\n<tbody>"
        yield from map(_row, entry.fields)
        yield "</tbody>\n</table>\n</div>"
    yield "</section>"


def _row(field: Field) -> str:
    marks = [
        _both(word)
        for word, holds in ((("key", "主键"), field.is_key), (("required", "必填"), field.is_required))
        if holds
    ]
    name = f"<code>{_escaped(field.name)}</code>" + (
        f"<br><small>{', '.join(marks)}</small>" if marks else ""
    )
    kind = _escaped(field.type) + (f"<br>{_escaped(field.unit)}" if field.unit else "")
    meaning = _escaped(field.meaning)
    if field.name_zh:
        meaning += f'{"<br>" if meaning else ""}<span lang="{_CHINESE}">{_escaped(field.name_zh)}</span>'
    sharing = " ".join(filter(None, (_escaped(field.privacy_class), _both(field.stays))))
    return f'<tr><th scope="row">{name}</th><td>{kind}</td><td>{meaning}</td><td>{_values(field)}</td><td>{sharing}</td></tr>'


def _values(field: Field) -> str:
    said = ""
    if field.values:
        items = (
            f"<li><code>{_escaped(value)}</code>"
            + (f' <span lang="{_CHINESE}">{_escaped(label)}</span>' if label else "")
            + "</li>"
            for value, label in field.values
        )
        said = f'<ul class="values">{"".join(items)}</ul>'
    said += f"<code>{_escaped(field.limits)}</code>" if field.limits else ""
    for reference in field.refers_to:
        table = reference.rpartition(".")[0]
        said += f'<br>→ <a href="#{_escaped(table)}">{_escaped(reference)}</a>'
    return said.removeprefix("<br>")


def _both(said: Both) -> str:
    english, chinese = map(_escaped, said)
    return " ".join(filter(None, (english, f'<span lang="{_CHINESE}">{chinese}</span>' if chinese else "")))


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
