"""A release's page read as any parser reads it, and a publication made of a folder that is already there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb

from pipelines import contract, settings
from pipelines.companions import Publication, PublishedFile, PublishedTable
from pipelines.contract.model import Contract
from pipelines.releases.table_files import table_of

Element = ElementTree.Element
LANGUAGES = ("zh", "en")
CHINESE = re.compile(r"[\u3400-\u9fff]")
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class Page:
    """The page as a tree. Parsing is XML's, so that anything that is not closed or not escaped is an error."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))  # noqa: S314  our own file

    def by_id(self, key: str) -> Element:
        [found] = [each for each in self.tree.iter() if each.get("id") == key]
        return found

    def in_language(self, language: str) -> Element:
        return self.by_id(language)

    def table(self, key: str) -> list[tuple[str, ...]]:
        """The body of a table: of a number its exact value, of anything else its words."""
        return [
            tuple(
                cell.find("data").get("value") if cell.find("data") is not None else said(cell)
                for cell in row
                if cell.tag in ("th", "td")
            )
            for row in self.by_id(key).iterfind("./tbody/tr")
        ]

    def heads(self, key: str) -> list[str]:
        return [said(cell) for cell in self.by_id(key).iterfind("./thead/tr/th")]

    def drawn(self, key: str) -> list[str]:
        """Every text in the picture of a figure."""
        return [said(text) for text in self.by_id(key).iter("text")]

    def label(self, key: str) -> str:
        """What the picture of a figure says to those who do not see it."""
        [picture] = self.by_id(key).iterfind("svg")
        return str(picture.get("aria-label"))


def said(element: Element) -> str:
    return "".join(element.itertext()).strip()


def texts(element: Element, language: str = "") -> Iterator[tuple[str, str]]:
    """Each piece of text with the language it says it is in; inside a picture nobody reads texts one by one."""
    if element.tag == "svg":
        return
    language = element.get("lang") or language
    if element.text:
        yield language, element.text
    for child in element:
        yield from texts(child, language)
        if child.tail:
            yield language, child.tail


def publication_of(folder: Path, target: Path) -> Publication:
    """The publication a release was made from, for its companions to be written once more into another folder."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (target / "tables").symlink_to(folder / "tables")
    files: dict[str, list[PublishedFile]] = {}
    for file in manifest["files"]:
        if file["path"].startswith("tables/"):
            found = PublishedFile(file["path"], file["rows"], file["bytes"], file["sha256"])
            files.setdefault(table_of(file["path"]), []).append(found)
    promises = (*contract.load_governance(), *contract.load_reference(), *contract.load_operations())
    contracts = (*contract.load_all(), *promises)
    return Publication(
        manifest["release_id"],
        datetime.fromisoformat(manifest["as_of"]),
        manifest["timezone"],
        manifest["code_version"],
        target,
        settings.project(),
        contracts,
        tuple(_table(folder, name, tuple(parts), contracts) for name, parts in sorted(files.items())),
        (),
    )


def publication_with(target: Path, tables: dict[str, str], contracts: Sequence[Contract]) -> Publication:
    """A publication of tables given as SQL, written into the folder."""
    (target / "tables").mkdir(parents=True)
    published = []
    for name, query in sorted(tables.items()):
        path = f"tables/{name}.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"copy ({query}) to '{target / path}' (format parquet)")
            [(rows,)] = connection.execute(f"select count(*) from '{target / path}'").fetchall()
        file = PublishedFile(path, rows, (target / path).stat().st_size, "")
        published.append(_table(target, name, (file,), contracts))
    at = datetime.fromisoformat("2026-11-19T00:40:00+08:00")
    return Publication(
        "20261118T164000Z-0123456789", at, "Asia/Shanghai", "0.1.0", target, settings.project(),
        tuple(contracts), tuple(published), (),
    )  # fmt: skip


def _table(
    folder: Path, name: str, files: tuple[PublishedFile, ...], contracts: Sequence[Contract]
) -> PublishedTable:
    with duckdb.connect() as connection:
        described: list[Any] = connection.execute(
            f"describe from read_parquet('{folder / files[0].path}', hive_partitioning = false)"
        ).fetchall()
    columns = tuple((row[0], row[1]) for row in described)
    promise = next((each for each in contracts if each.table == name), None)
    return PublishedTable(name, files, columns, promise)
