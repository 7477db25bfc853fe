"""The data dictionary as one page, readable on a phone, in print and by a screen reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.companions import markup
from pipelines.companions.dictionary.entries import CLASSES, Both, Entries, Entry, Field
from pipelines.companions.markup import CHINESE, ENGLISH, attribute
from pipelines.companions.palette import INK, MUTED, PAPER, RULE, WHITE
from pipelines.companions.publication import Publication

SUFFIX = ".html"
_HEADS: tuple[Both, ...] = (
    ("Column", "列"), ("Type", "类型"), ("Meaning", "含义"), ("Allowed values", "取值"), ("Class", "分级"),
)  # fmt: skip
_STYLE = f"""\
body {{ margin: 0 auto; max-width: 72rem; padding: 1rem; background: {WHITE}; line-height: 1.5; }}
nav ul {{ columns: 20rem; padding-left: 1.2rem; }}
h2 {{ margin-top: 2.5rem; border-bottom: 2px solid {INK}; }}
h3 {{ margin-bottom: 0; }}
section > p, dl {{ margin: .3rem 0; max-width: 60rem; }}
dt {{ font-weight: 600; }}
dd {{ margin: 0 0 .3rem 1rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: .5rem 0 1rem; min-width: 40rem; width: 100%; }}
caption {{ text-align: left; font-weight: 600; padding: .3rem 0; }}
th, td {{ border: 1px solid {RULE}; padding: .25rem .5rem; text-align: left; vertical-align: top; }}
thead th {{ background: {PAPER}; }}
tbody th {{ font-weight: 400; }}
code {{ font-size: .9em; overflow-wrap: anywhere; }}
small {{ color: {MUTED}; }}
.values {{ margin: 0; padding-left: 1rem; }}
@media print {{
  body {{ max-width: none; padding: 0 1px; font-size: 9pt; }}
  nav {{ display: none; }}
  .scroll {{ overflow: visible; }}
  table {{ min-width: 0; }}
  tr, caption {{ break-inside: avoid; }}
  thead {{ display: table-header-group; }}
  a {{ color: inherit; }}
}}
"""


def text(publication: Publication, found: Entries) -> str:
    """The whole page."""
    title = f"Data dictionary 数据字典 · {publication.release_id}"
    return "\n".join(
        (
            f'{markup.head(title, _STYLE, ENGLISH)}<header><h1>Data dictionary <span lang="{CHINESE}">数据字典</span></h1>',
            f"<p>{_both(('Release', '发布'))} <code>{markup.text(publication.release_id)}</code>, "
            f"{_both(('as of', '数据截至'))} {markup.text(publication.as_of.isoformat())}</p>",
            f"<p>{_both(('Classes of columns', '列的分级'))}: "
            + "; ".join(f"<b>{name}</b> {_both(said)}" for name, said in CLASSES)
            + "</p></header>",
            *_contents(found),
            "<main>",
            *_part("questions", ("Questions of a street office", "街镇问题"), found.questions),
            *_part("tables", ("Tables", "数据表"), found.tables),
            f"</main>\n{markup.END}",
        )
    )


def _contents(found: Entries) -> Iterator[str]:
    yield '<nav aria-label="Contents 目录">'
    for heading, entries in ((("Questions", "问题"), found.questions), (("Tables", "数据表"), found.tables)):
        yield f"<h2>{_both(heading)}</h2>\n<ul>"
        for entry in entries:
            chinese = f' <span lang="{CHINESE}">{markup.text(entry.title[1])}</span>' if entry.grain else ""
            yield f"<li><a href={attribute(f'#{entry.name}')}>{markup.text(entry.name)}</a>{chinese}</li>"
        yield "</ul>"
    yield "</nav>"


def _part(anchor: str, heading: Both, entries: Sequence[Entry]) -> Iterator[str]:
    yield f'<h2 id="{anchor}">{_both(heading)}</h2>'
    for entry in entries:
        yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    name = markup.text(entry.name)
    title = attribute(f"{entry.name}-name")
    yield f"<section id={attribute(entry.name)} aria-labelledby={title}>\n<h3 id={title}><code>{name}</code></h3>"
    yield f"<p>{_both(entry.title)}</p>" if any(entry.title) else ""
    yield f"<p>{markup.text(entry.meaning)}{f' One row per {markup.text(entry.grain)}.' if entry.grain else ''}</p>"
    yield f"<dl><dt>{_both(('Who gets it', '提供对象'))}</dt>"
    yield from (f"<dd>{_both(who)}</dd>" for who in entry.who)
    if entry.contract:
        yield f"<dt>{_both(('Contract', '合同'))}</dt><dd><code>{markup.text(entry.contract)}</code></dd>"
        yield f"<dt>{_both(('Owner', '责任单位'))}</dt><dd>{markup.text(entry.owner or '–')}</dd>"
    yield "</dl>"
    if entry.fields:
        label = attribute(f"Columns of {entry.name}")
        yield f'<div class="scroll" role="region" tabindex="0" aria-label={label}>\n<table>'
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
    name = f"<code>{markup.text(field.name)}</code>" + (
        f"<br/><small>{', '.join(marks)}</small>" if marks else ""
    )
    kind = markup.text(field.type) + (f"<br/>{markup.text(field.unit)}" if field.unit else "")
    meaning = markup.text(field.meaning)
    if field.name_zh:
        meaning += f'{"<br/>" if meaning else ""}<span lang="{CHINESE}">{markup.text(field.name_zh)}</span>'
    sharing = " ".join(filter(None, (markup.text(field.privacy_class), _both(field.stays))))
    return f'<tr><th scope="row">{name}</th><td>{kind}</td><td>{meaning}</td><td>{_values(field)}</td><td>{sharing}</td></tr>'


def _values(field: Field) -> str:
    said = ""
    if field.values:
        items = (
            f"<li><code>{markup.text(value)}</code>"
            + (f' <span lang="{CHINESE}">{markup.text(label)}</span>' if label else "")
            + "</li>"
            for value, label in field.values
        )
        said = f'<ul class="values">{"".join(items)}</ul>'
    said += f"<code>{markup.text(field.limits)}</code>" if field.limits else ""
    for reference in field.refers_to:
        table = reference.rpartition(".")[0]
        said += f"<br/>→ <a href={attribute(f'#{table}')}>{markup.text(reference)}</a>"
    return said.removeprefix("<br/>")


def _both(said: Both) -> str:
    english, chinese = map(markup.text, said)
    return " ".join(filter(None, (english, f'<span lang="{CHINESE}">{chinese}</span>' if chinese else "")))
