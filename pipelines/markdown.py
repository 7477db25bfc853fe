"""Texts that others wrote, put into Markdown: read as they were written, they become no markup, no link and no HTML.

Every text is one line afterwards. What Markdown leaves as it is has no backslash: `street_day` and `2026-11-17` are read
by people who look at the bare file, too.
"""

from __future__ import annotations

import re

_SIGNS = re.compile(r"[\\`<>\[\]|]|(?<=\S)[*~]|[*~](?=\S)|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^([-+*#=:])|^(\d+)(?=[.)])")


def cell(said: str) -> str:
    """A text for a cell of a table, or for a place where a line has begun already."""
    return _SIGNS.sub(r"\\\g<0>", " ".join(said.split()))


def line(said: str) -> str:
    """A text that begins a line: it is no heading, no item of a list and no rule."""
    return _START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", cell(said))


def code(said: str) -> str:
    """A text as code, outside of tables; empty for none."""
    told = " ".join(said.split())
    if not told:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", told)), default=0))
    apart = " " if "`" in (told[0], told[-1]) else ""
    return f"{fence}{apart}{told}{apart}{fence}"


def code_cell(said: str) -> str:
    """The same in a cell of a table."""
    return code(said).replace("|", "\\|")


def row(*cells: str) -> str:
    """One line of a table, of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"
