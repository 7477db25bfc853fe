"""Polluted files of other people: each is read right or refused with its reason; none is silently misread.

Pollock (Vitagliano et al., PVLDB 16, 2023) has a clean twin and the dialect of each file; csv-spectrum has JSON
twins; the files of CKAN's xloader have none, so their outcome is written down here.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from reader_feeds import column, feed, rows_of, server

from pipelines.contract.model import Server
from pipelines.errors import DataError

Rows = list[tuple[str | None, ...]]

# Of 34 files. A dialect no contract can name (three files: two characters as delimiter, no header) counts as refused.
POLLOCK_SCORE = {
    "as every feed is read": {"right": 8, "refused": 26, "wrong": 0},
    "in the dialect the file names": {"right": 12, "refused": 22, "wrong": 0},
    "in either": {"right": 13, "refused": 21, "wrong": 0},
}


def outcome(names: list[str], source: Server, content: bytes, expected: Rows | None) -> str:
    """`right`, `refused` or `wrong`; no twin to compare with means that only a refusal is right."""
    columns = [column(f"c{number}", name) for number, name in enumerate(names, 1)]
    try:
        actual = rows_of(feed(*columns), source, content)
    except DataError as error:
        assert error.next_step
        assert "28/01/2018" not in str(error)
        return "refused"
    return "right" if actual == expected else "wrong"


def clean_twin(path: Path) -> tuple[list[str], Rows]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file) if path.stat().st_size else [[]]
    return header, [tuple(cell or None for cell in row) for row in rows]


def pollock_dialect(parameters: dict[str, Any]) -> Server | None:
    """The dialect as a contract can say it; None when it cannot."""
    lines, above = parameters["header_lines"], parameters["preamble_lines"]
    if len(parameters["delimiter"]) != 1 or not lines:
        return None
    quote = parameters["quotechar"]
    return server(
        format="csv",
        delimiter=parameters["delimiter"],
        quote=quote,
        escape=parameters["escapechar"] or quote,
        header_rows=tuple(range(above + 1, above + lines + 1)),
    )


def test_no_file_of_pollock_is_misread(shared_data: Path) -> None:
    folder = shared_data / "dirty" / "pollock"
    score: dict[str, Counter[str]] = {name: Counter(right=0, refused=0, wrong=0) for name in POLLOCK_SCORE}
    wrong = []
    plain_names, _ = clean_twin(folder / "clean" / "source.csv")
    files = sorted((folder / "csv").glob("*.csv"))
    for path in files:
        parameters = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text())
        header, expected = clean_twin(folder / "clean" / path.name)
        content = path.read_bytes()
        plain = outcome(plain_names, server(format="csv"), content, expected)
        dialect = pollock_dialect(parameters)
        # Pollock joins the names of a header of several lines by a blank, this project by a stroke.
        names = [name.replace(" ", "/") for name in header]
        own = outcome(names, dialect, content, expected) if dialect else "refused"
        wrong += [path.name for found in (plain, own) if found == "wrong"]
        best = "right" if "right" in (plain, own) else plain
        for name, found in zip(score, (plain, own, best), strict=True):
            score[name][found] += 1

    assert [] == wrong
    assert 34 == len(files)
    assert POLLOCK_SCORE == {name: dict(counts) for name, counts in score.items()}


def test_no_file_of_csv_spectrum_is_misread(shared_data: Path) -> None:
    folder = shared_data / "dirty" / "csv_spectrum"
    found = {}
    for path in sorted((folder / "csvs").glob("*.csv")):
        content = path.read_bytes()
        twin = (folder / "json" / f"{path.stem}.json").read_text(encoding="utf-8")
        if b"\r" not in content:  # git took the carriage returns out of the copies that are here
            twin = twin.replace("\\r\\n", "\\n")
        records = json.loads(twin)
        records = records if isinstance(records, list) else [records]
        expected: Rows = [tuple(value or None for value in record.values()) for record in records]
        found[path.stem] = outcome(list(records[0]), server(format="csv"), content, expected)

    # Its quotes stand inside fields that do not start with one.
    assert {"location_coordinates"} == {name for name, how in found.items() if how == "refused"}
    assert {"right": 11, "refused": 1} == Counter(found.values())


XLOADER_REFUSED = {
    "extra_fields": "line 2: the record has 4 field(s), the header has 3",
    "non_utf8_sample": "line 267: byte 28364 is valid neither as UTF-8 nor as gb18030",
    "sample_with_empty_lines": "line 6: the line is blank; nobody can know whether a record is missing",
    "umlaut_and_extra_comma": "line 4: the record has 3 field(s), the header has 2",
}


def test_files_of_xloader_are_read_like_pythons_own_reader_or_refused(shared_data: Path) -> None:
    refused = {}
    files = sorted((shared_data / "dirty" / "xloader").glob("*.csv"))
    for path in files:
        delimiter = ";" if path.stem == "german_sample" else ","
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header, *rows = csv.reader(file, delimiter=delimiter)
        named = {name: place for place, name in enumerate(header) if name}
        columns = [column(f"c{place}", name) for name, place in named.items()]
        try:
            actual = rows_of(feed(*columns), server(format="csv", delimiter=delimiter), path.read_bytes())
        except DataError as error:
            refused[path.stem] = error.message.split(", ", 2)[-1]
            continue

        assert [tuple(row[place] or None for place in named.values()) for row in rows] == actual, path.stem

    assert XLOADER_REFUSED == refused
    assert 20 == len(files)
