"""docs/street-office.md is true: each of its questions, asked of the demo's release, has the answer printed there.

`URBANBRAIN_WRITE_DOCS=1 .venv/bin/pytest tests/channel/test_channel_street_office.py` writes the answers anew.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import duckdb
import pytest
from channel_days import Channel

from pipelines import asking, releases

PAGE = Path(__file__).resolve().parents[2] / "docs" / "street-office.md"
OFFICE = "110114010"
_EXAMPLE = re.compile(r"^```sql\n(?P<question>.*?)^```\n+```\n(?P<answer>.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = list(_EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))


def answer(question: str) -> str:
    """What a street office reads on its screen."""
    out = io.StringIO()
    asking.ask(question, OFFICE, "table", out)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines()) + "\n"


def test_every_example_has_the_answer_printed_there(at_channel: Channel) -> None:
    if os.environ.get("URBANBRAIN_WRITE_DOCS"):
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            _EXAMPLE.sub(lambda found: found[0].replace(found["answer"], answer(found["question"])), text),
            encoding="utf-8",
        )
        return
    for example in EXAMPLES:
        assert example["answer"] == answer(example["question"]), example["question"]


@pytest.mark.parametrize("number", range(1, 11))
def test_each_of_the_ten_questions_has_a_view_an_example_and_an_answer(
    at_channel: Channel, number: int
) -> None:
    with duckdb.connect(str(releases.current().office_file(OFFICE)), read_only=True) as office:
        views = office.execute(
            "select view_name, comment from duckdb_views() where view_name like ?", [f"q{number:02d}_%"]
        ).fetchall()
        assert 1 == len(views)
        [(view, comment)] = views
        assert comment
        assert any(view in example["question"] for example in EXAMPLES)
        rows = office.execute(f"select count(*) from {view}").fetchone()
        columns = office.execute(
            "select column_name from duckdb_columns() where table_name = ? and comment is null", [view]
        ).fetchall()

    assert (0,) < (rows or ())
    assert [] == columns
