"""What stands beside the tables of a release describes exactly them, for people, for tools and for portals."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
import rdflib
from two_streets import LANDED_AT, published_in

from pipelines.companions import markup
from pipelines.releases import Release

# rdflib's own reader of JSON-LD makes a graph of a kind that rdflib will drop.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
_PREFIXES = (
    "prefix dcat: <http://www.w3.org/ns/dcat#> prefix dct: <http://purl.org/dc/terms/> "
    "prefix spdx: <http://spdx.org/rdf/terms#> prefix skos: <http://www.w3.org/2004/02/skos/core#> "
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return published_in(tmp_path_factory.mktemp("described"))


def graph(release: Release, folder: str = "") -> rdflib.Graph:
    path = release.path / folder / "dcat.jsonld"
    return rdflib.Graph().parse(path, format="json-ld", publicID=f"{path.parent.as_uri()}/")


def asked(found: rdflib.Graph, query: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(str(value) for value in row) for row in found.query(_PREFIXES + query))  # type: ignore[union-attr]


@pytest.mark.parametrize("folder", ["", "district"])
def test_a_catalogue_lists_every_table_with_the_bytes_the_manifest_names(
    release: Release, folder: str
) -> None:
    found = asked(
        graph(release, folder),
        "select ?url ?size ?sum where { ?set a dcat:Dataset; dcat:distribution ?file. "
        "?file dcat:downloadURL ?url; dcat:byteSize ?size; spdx:checksum [ spdx:checksumValue ?sum ] }",
    )

    below = folder or "tables"
    assert (
        sorted(
            ((release.path / file["path"]).as_uri(), str(file["bytes"]), file["sha256"])
            for file in release.manifest["files"]
            if file["path"].startswith(f"{below}/") and file["path"].endswith(".parquet")
        )
        == found
    )


def test_a_catalogue_says_what_when_where_and_for_whom_in_both_languages(release: Release) -> None:
    found = graph(release)
    said = asked(
        found,
        'select ?text where { ?set a dcat:Dataset; dct:identifier "governance.channel_health"; dct:title ?text }',
    )
    languages = {text.language for text in found.objects(None, rdflib.DCTERMS.title)}

    assert [("channel_health",), ("表 channel_health",)] == said
    assert {"en", "zh", None} == languages
    assert [("2026-11-17", "2026-11-17")] == asked(
        found,
        'select ?first ?last where { ?set dct:identifier "governance.channel_health"; '
        "dct:temporal [ dcat:startDate ?first; dcat:endDate ?last ] }",
    )
    assert [("900001", "区"), ("900001001", "东河街道"), ("900001002", "西街道")] == asked(
        found,
        "select ?code ?name where { ?catalogue a dcat:Catalog; dct:spatial [ dct:identifier ?code; skos:prefLabel ?name ] }",
    )
    assert [(LANDED_AT.isoformat(),)] == asked(
        found, "select ?at where { ?catalogue a dcat:Catalog; dct:issued ?at }"
    )
    assert [("governance_scorecard 1.0.0",)] == asked(
        found,
        'select ?title where { ?set dct:identifier "governance.scorecard"; dct:conformsTo [ dct:title ?title ] }',
    )
    for folder, rights in (("", "PUBLIC"), ("district", "RESTRICTED")):
        assert [rights] == [
            row[0].rpartition("/")[2]
            for row in asked(
                graph(release, folder), "select distinct ?to where { ?any dct:accessRights ?to }"
            )
        ]


def test_what_is_open_names_nothing_of_the_district(release: Release) -> None:
    restricted = set(release.detail) - set(release.tables)

    assert restricted
    for name in ("dcat.jsonld", "datapackage.json", "changes.json"):
        content = (release.path / name).read_text("utf-8")
        assert [] == [table for table in restricted if table in content], name


def test_a_data_package_says_who_may_have_it_what_it_covers_and_where_it_is_from(release: Release) -> None:
    package, detail = release.data_package(), release.detail_package()

    assert ("open", "restricted") == (package["access"], detail["access"])
    assert {"start": "2026-11-17", "end": "2026-11-17"} == package["temporal"]
    assert ["900001", "900001001", "900001002"] == [area["code"] for area in package["spatial"]]
    assert ["orders 表 orders", "air 表 air"] == [source["title"] for source in package["sources"]]
    assert {"区", "scorecard", "表 scorecard"} <= set(package["keywords"])
    fields = {
        field["name"]: field
        for resource in detail["resources"]
        if resource["name"] == "governance.cases"
        for field in resource["schema"]["fields"]
    }
    assert ("any", "string") == (fields["levels_seen"]["type"], fields["levels_seen"]["itemType"])
    assert not any("bytes" in resource for resource in detail["resources"])


class _Page(HTMLParser):
    """What a page has of ids, links, scopes, languages, and whatever would make a request."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scopes: list[str | None] = []
        self.languages: set[str | None] = set()
        self.asked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.links += [str(given["href"])] if tag == "a" else []
        self.scopes += [given.get("scope")] if tag == "th" else []
        self.languages |= {given["lang"]} if "lang" in given else set()
        if tag in ("script", "img", "iframe") or "src" in given:
            self.asked.append(tag)
        if tag == "link" and not str(given["href"]).startswith("data:"):
            self.asked.append(tag)


def test_the_dictionary_page_is_whole_accessible_and_asks_for_nothing(release: Release) -> None:
    text = (release.path / "dictionary.html").read_text("utf-8")
    page = _Page(text)

    assert [] == page.asked
    assert not re.search(r"url\(|@import|https?://", text)
    assert len(page.ids) == len(set(page.ids))
    assert [] == [link for link in page.links if link.removeprefix("#") not in page.ids]
    assert {"col", "row"} == set(page.scopes)
    assert {markup.ENGLISH, markup.CHINESE} == page.languages


def test_both_html_files_have_the_same_head_and_are_well_formed(release: Release) -> None:
    heads = []
    for name in ("index.html", "dictionary.html"):
        tree = ElementTree.parse(release.path / name)  # noqa: S314  our own file
        heads.append([(each.tag, each.attrib) for each in tree.findall("./head/*")])

    assert heads[0] == heads[1]
    assert {"http-equiv": "Content-Security-Policy", "content": markup.POLICY} in [it for _, it in heads[0]]
    assert "default-src 'none'" in markup.POLICY


def test_the_dictionary_tells_of_everything_that_leaves_and_who_gets_it(release: Release) -> None:
    text = (release.path / "dictionary.md").read_text("utf-8")
    entries = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", text, re.M | re.S))

    assert {*release.detail, *release.tables, "city.orders", "street.devices", "ops.quarantine"} == set(
        entries
    ) - {"all_orders", "b_open_orders"}
    assert "anybody, small counts suppressed 公开" in entries["governance.scorecard"]
    assert "anybody" not in entries["governance.cases"]
    assert "the district centre, in full 区级中心" in entries["governance.cases"]
    assert "each street office, its own rows" in entries["city.orders"]
    assert (
        "| `caller_ref` | 列 caller_ref | VARCHAR |  | The caller_ref of it. |  |  | L3 stays inside 不发布 |"
        in (entries["city.orders"])
    )
    assert "yes 解决; no 未解决" in entries["city.orders"]
    assert "key 主键 required 必填" in entries["governance.cases"]
    assert "Orders that nobody called back about." in entries["b_open_orders"]
    assert "| `order_id` |  | VARCHAR |" in entries["b_open_orders"]


def test_both_dictionaries_have_the_same_columns(release: Release) -> None:
    columns = {
        name: sorted(re.findall(pattern, (release.path / f"dictionary{name}").read_text("utf-8"), re.M))
        for name, pattern in ((".md", r"^\| `(\w+)`"), (".html", r'<th scope="row"><code>(\w+)'))
    }

    assert columns[".md"] == columns[".html"]
    assert "scorecard" not in columns[".md"]
