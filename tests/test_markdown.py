"""Whatever a text is made of, Markdown shows it and nothing else: held against a reader of Markdown that is not ours."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines import markdown

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "# a|b\n<script>x</script> [c](d) `e\\| ``f` **g** ~~h~~ &lt; _i_ 1. j\\"
TEXTS = st.text(st.sampled_from("ab1 _*`|\\<>[]()#-+=~&;:.!\n\t中"), max_size=14)


def read(told: str) -> list[str]:
    """What is read of each paragraph and cell. Nothing but text and code may be in one."""
    found = [token.children or [] for token in READER.parse(told) if token.type == "inline"]
    assert {"text", "code_inline"} >= {token.type for line in found for token in line}, told
    return ["".join(token.content for token in line) for line in found]


def blocks(told: str) -> list[str]:
    return [token.type for token in READER.parse(told)]


@given(TEXTS)
@example(HOSTILE)
def test_a_cell_of_a_table_shows_the_text_and_stays_one_cell(text: str) -> None:
    row = markdown.row(markdown.cell(text), markdown.code_cell(text))

    assert ["a", "b", *[" ".join(text.split())] * 2] == read(f"| a | b |\n|---|---|\n{row}")


@given(TEXTS)
@example(HOSTILE)
def test_a_line_is_a_paragraph_that_shows_the_text(text: str) -> None:
    plain = " ".join(text.split())

    assert ([plain] if plain else []) == read(markdown.line(text))
    assert ["paragraph_open", "inline", "paragraph_close"] * bool(plain) == blocks(markdown.line(text))
    assert [f"of {plain}".strip()] == read(f"of {markdown.cell(text)}")
    assert [f"of {plain}".strip()] == read(f"of {markdown.code(text)}")


@pytest.mark.parametrize(
    "plain", ["street_day", "2026-11-17", "a - b", "一、二", "q02_due_next", "50%", "-5", "~ x * y"]
)
def test_what_is_no_markup_is_left_as_it_is(plain: str) -> None:
    assert plain == markdown.cell(plain)
