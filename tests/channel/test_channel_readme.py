"""The README is true: its commands exist, its questions have answers, its snippets run, its figures are a demo's."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest
from channel_days import Channel
from desk_sheets import Sheet
from typer.testing import CliRunner

from pipelines import asking, cli, run

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        line.strip()
        for block in re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith("urbanbrain ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_question_of_the_readme_has_an_answer(at_channel: Channel, command: str) -> None:
    _, verb, *words = shlex.split(command)
    result = CliRunner().invoke(cli.app, [verb, *words])

    assert 0 == result.exit_code, result.output
    assert result.output.strip()
    if verb == "sql":
        office = words[words.index("--office") + 1] if "--office" in words else None
        question = next(word for word in words if word.startswith("select"))
        assert asking.ask(question, office, "csv", io.StringIO()) > 0


@pytest.mark.parametrize(
    "verb",
    [
        "quarantine", "held", "contract", "release", "drift", "notify", "feeds", "check", "land", "gate", "run", "load", "build", "publish", "sql", "tables", "status", "trace",
        "upkeep", "backfill", "repull", "sample-city serve", "sample-city write", "demo", "up", "page",
    ],
)  # fmt: skip
def test_every_command_is_in_the_readme_and_teaches(verb: str) -> None:
    result = CliRunner().invoke(cli.app, [*verb.split(), "--help"])

    assert 0 == result.exit_code
    assert len(result.output.splitlines()) > 5
    assert re.search(rf"\b{verb}\b", README)


def test_no_command_is_missing_from_the_readme() -> None:
    known = {command.name or command.callback.__name__ for command in cli.app.registered_commands}

    assert set() == {name for name in known if f"{name}" not in README}


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(
        re.findall(r"^([a-z0-9]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert set(re.findall(r"`make ([a-z0-9]+)`", README)) <= targets


def test_every_place_of_the_readme_exists() -> None:
    places = re.findall(r"^(contracts|pipelines|dags|warehouse|tests|bench)/ ", README, re.MULTILINE)

    assert 6 == len(places)
    for name in ("connectors", "readers", "stages", "samplecity", "embedded", "contract"):
        assert f"{name}/" in README
        assert (PROJECT / "pipelines" / name).is_dir()


def test_the_snippet_reads_the_export(at_channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = re.search(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert snippet
    lines = [line for line in snippet[1].splitlines() if line and not line.startswith(("import", "from"))]
    steps, reads = lines[:3], lines[3:]
    monkeypatch.chdir(at_channel.home.parent)
    (at_channel.home.parent / "var").symlink_to(at_channel.home)
    names: dict[str, object] = {}
    exec(
        "\n".join([line for line in snippet[1].splitlines() if line.startswith(("import", "from"))] + steps),
        names,
    )

    rows = {line.partition(".")[0]: len(eval(line, names)) for line in reads}

    assert 4 == len(rows)
    assert 1 == len(set(rows.values())), rows
    assert rows["pandas"] > 0


def test_the_figures_of_the_demo_are_what_the_channel_does(at_channel: Channel) -> None:
    told = {
        words[1]: [int(word.replace(",", "")) for word in words[2:]]
        for line in README.splitlines()
        if (words := line.split()) and len(words) == 9 and words[0] in ("city", "district", "street")
    }
    found = {
        feed["feed_id"]: [feed["batches"], *(feed[name] for name in run.ROW_EQUATION), feed["difference"]]
        for feed in run.summary()["feeds"]
    }

    assert set(found) == set(told)
    assert found == told


@pytest.mark.long
def test_a_sheet_goes_round_as_the_readme_tells(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = README.partition("**A street corrects its rows.**")[2].partition("**A batch waits.**")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", told, re.MULTILINE | re.DOTALL)
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in told.splitlines() if line[:1] == "|"
    ][2:]
    monkeypatch.chdir(tmp_path)

    said = []
    for line in "".join(blocks).splitlines():
        if not line.startswith("$ urbanbrain "):
            continue
        words = shlex.split(line)[2:]
        result = CliRunner().invoke(cli.app, words, env={"COLUMNS": "200"})
        assert (4 if "resubmit" in words else 0) == result.exit_code, result.output
        said.append(result.output)
        if "export" in words:
            sheet = Sheet(tmp_path / "sheet.xlsx")
            for feed, key, column, written in cells:
                sheet.write(key, column, written, feed)
            sheet.save()

    assert 4 == len(cells)
    found = _lines("".join(said))
    assert [] == [line for line in _lines(blocks[1]) if line not in found and not line.startswith("$")]


def _lines(text: str) -> list[str]:
    """Lines with one blank between words, whatever the width of the screen."""
    return [" ".join(line.split()) for line in text.splitlines()]
