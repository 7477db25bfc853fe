"""What describes the three days' release is right about all of it, by the judgement of tools that are not ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from channel_days import Channel

from pipelines import releases


@pytest.mark.long
@pytest.mark.parametrize("folder", ["", "district"])
def test_frictionless_finds_no_error_in_a_release(at_channel: Channel, folder: str) -> None:
    package = releases.current().path / folder / releases.DATA_PACKAGE
    done = subprocess.run(
        [Path(sys.executable).with_name("frictionless"), "validate", package.name],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    assert "INVALID" not in done.stdout


def test_the_dictionary_has_every_table_and_the_ten_questions_with_columns(at_channel: Channel) -> None:
    release = releases.current()
    text = (release.path / "dictionary.md").read_text("utf-8")
    entries = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", text, re.M | re.S))

    assert release.detail.keys() | release.tables.keys() <= entries.keys()
    questions = {name: entry for name, entry in entries.items() if re.match(r"q\d\d_", name)}
    assert 10 == len(questions)
    for name, entry in questions.items():
        columns = re.findall(r"^\| `\w+` \| (.*?) \| \S.*? \|  \| (.*?) \|", entry, re.M)
        assert len(columns) > 2, name
        assert all(any(said) for said in columns), name
    for column in ("caller_ref", "content_text"):
        assert f"| `{column}` |" in entries["city.hotline_orders"]
        assert re.search(rf"^\| `{column}` .*stays inside 不发布 \|$", entries["city.hotline_orders"], re.M)


def test_the_first_release_of_a_city_says_that_it_is(at_channel: Channel) -> None:
    for folder in ("", "district"):
        text = (releases.current().path / folder / "changes.md").read_text("utf-8")
        assert "This is the first release. 这是首次发布。" in text
