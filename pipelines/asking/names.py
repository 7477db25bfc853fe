"""What a shell offers while a name is typed: tables and views, their columns, keywords, the shell's own commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from pipelines.asking.describing import Described

_KEYWORDS = (
    "select from where group by all order by limit having join left join inner join full join cross join using on and or "
    "not in is null like ilike between case when then else end as distinct with recursive union all union except "
    "intersect exists desc asc nulls last nulls first count sum avg min max coalesce cast filter over partition by "
    "qualify describe summarize show all tables explain pivot unpivot unnest date_trunc date_diff interval true false "
    "values offset any_value list string_agg round greatest least current_date try_cast exclude replace rename sample"
)
KEYWORDS = tuple(dict.fromkeys(_KEYWORDS.split()))
_NAME = re.compile(r"(?:[\w\"]+\.)*[\w\"]*$")
_USED = re.compile(r"\b(?:from|join|describe|summarize)\s+([\w.\"]+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)
_MEANING_LENGTH = 60


class NameCompleter(Completer):
    """Offers names by what is typed already: columns of the tables that the question names go first."""

    def __init__(self, found: Sequence[Described], commands: Sequence[str], formats: Sequence[str]) -> None:
        self._tables = {each.name.lower(): each for each in found}
        self._commands = tuple(commands)
        self._formats = tuple(formats)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if text.lstrip().startswith("."):
            yield from self._of_command(text.lstrip())
            return
        typed = _NAME.search(text)
        name = typed[0] if typed else ""
        if not name and not complete_event.completion_requested:
            return
        owner, dot, start = name.rpartition(".")
        seen: set[str] = set()
        for offered, meaning in self._of_owner(owner, document.text) if dot else self._any(document.text):
            short = offered.rpartition(".")[2]
            matches = offered.lower().startswith(start.lower()) or short.lower().startswith(start.lower())
            if matches and offered != start and offered.lower() not in seen:
                seen.add(offered.lower())
                yield Completion(offered, -len(start), display_meta=meaning[:_MEANING_LENGTH])

    def _of_command(self, text: str) -> Iterator[Completion]:
        command, blank, start = text.partition(" ")
        offered = self._commands
        if blank:
            offered = (
                self._formats
                if command == ".format"
                else tuple(each.name for each in self._tables.values())
                if command in (".tables", ".describe", ".explain")
                else ()
            )
        else:
            start = command
        for each in offered:
            if each.startswith(start) and each != start:
                yield Completion(each, -len(start))

    def _of_owner(self, owner: str, text: str) -> Iterator[tuple[str, str]]:
        """Tables of a schema, columns of a table or of what the question calls one."""
        owner = owner.replace('"', "").lower()
        for name, each in self._tables.items():
            if name.startswith(f"{owner}."):
                yield each.short_name, each.comment
        table = self._tables.get(owner) or self._used(text).get(owner)
        if table:
            yield from _columns(table)

    def _any(self, text: str) -> Iterator[tuple[str, str]]:
        for table in self._used(text).values():
            yield from _columns(table)
        for each in self._tables.values():
            yield each.name, each.comment
        for schema in sorted({name.partition(".")[0] for name in self._tables if "." in name}):
            yield schema, "schema 模式"
        for keyword in KEYWORDS:
            yield keyword, ""

    def _used(self, text: str) -> dict[str, Described]:
        """Tables the question names, by their names and by what it calls them."""
        used = {}
        for name, alias in _USED.findall(text):
            if table := self._tables.get(name.replace('"', "").lower()):
                for called in (alias, table.short_name):
                    if called:
                        used[called.lower()] = table
        return used


def _columns(table: Described) -> Iterator[tuple[str, str]]:
    for name, kind, comment in table.columns:
        yield name, f"{kind.lower()} {comment}"
