"""The page of the three demo days: every number on it equals SQL over the same release, and anybody can read it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import Channel
from page_by_hand import CHINESE, LANGUAGES, XML_LANG, Page, publication_of, said, texts

from pipelines import releases
from pipelines.companions import page

_CLOSED_IN_ITSELF = {"meta", "link", "input", "line", "rect", "circle", "path", "polyline", "polygon"}
SHOWN = "(select max(period) from (select period from governance.street_scorecard where is_latest group by period having 2 * count_if(coalesce(is_small_base, true)) <= count(*)))"
IN_SCOPE = "(select area_code from ref.areas where is_in_scope and area_level = 'street' and valid_to > date '2026-11-20')"
TABLES = {
    "map-data-map": f"select street_name, composite_score, received_count, population, demands_per_10k from governance.street_scorecard where is_latest and period = {SHOWN} order by street_code",
    "rates-data-rates": "select street_name, period, response_rate, resolution_rate, satisfaction_rate, assessed_count, callback_count, '*' from governance.street_scorecard where is_latest order by street_code, period",
    "need-data-need": f"select '*', street_name, case_count, project_weight, need_index, effort_index, gap_index from governance.need_vs_project where period = {SHOWN} order by package_code, street_code",
    "projects-data-stages": "select '*', count_if(stage = 'preparing'), count_if(stage = 'to_start'), count_if(stage = 'building'), count_if(stage = 'finished'), count_if(stage = 'in_use'), count_if(stage = 'paused'), count_if(stage = 'withdrawn'), count(*) from governance.project_progress where is_latest group by grouping sets ((package_code), ()) order by package_code nulls last",
    "supply-data-supply": f"select '*', street_name, supply, '*', per_1000, district_per_1000, target_per_1000, '*', as_of from governance.service_supply where is_latest and street_code in {IN_SCOPE} order by service_kind, street_code",
    "channel-data-feeds": "select '*', '*', business_date, '*', delay_minutes, open_count, completeness_score, content_score, timeliness_score, stability_score, total_score, '*' from governance.channel_health qualify row_number() over (partition by feed_id order by business_date desc) = 1 order by feed_id",
    "channel-data-reasons": "select '*', '*', '*', quarantined_count, open_count from governance.quarantine_reasons order by quarantined_count desc, source_feed, broken_rule",
}  # fmt: skip


@cache
def _page(text: str) -> Page:
    return Page(text)


@pytest.fixture
def read(at_channel: Channel) -> Page:
    """The page of the channel's release."""
    return _page((releases.current().path / releases.PAGE).read_text(encoding="utf-8"))


def asked(question: str) -> list[tuple[Any, ...]]:
    """What the release's open tables answer."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'Asia/Shanghai'")
        for name, files in releases.current().tables.items():
            connection.execute(f"create schema if not exists {name.partition('.')[0]}")
            connection.execute(f"create view {name} as from {files.sql}")
        return connection.execute(question).fetchall()


def numbers(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """Rows as a table of the page tells them: `*` for words that are not compared."""
    return [tuple("" if value is None else str(value) for value in row) for row in rows]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", TABLES)
def test_a_table_of_the_page_says_what_sql_says(read: Page, key: str, language: str) -> None:
    expected = numbers(asked(TABLES[key]))
    found = read.table(f"{language}-{key}")

    assert len(expected) == len(found) > 0
    for wanted, row in zip(expected, found, strict=True):
        told = ["" if text.startswith(("–", "•")) else text for text in row]
        assert list(wanted) == ["*" if mask == "*" else text for mask, text in zip(wanted, told, strict=True)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_cases_by_street_and_combination_add_up_as_in_sql(read: Page, language: str) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for street, levels, count in asked(
        "select street_name, level_combination, case_count from governance.case_overlaps"
    ):
        counts[street, levels] += count or 0
        counts["", levels] += count or 0
    order = sorted({levels for _, levels in counts}, key=lambda levels: (-counts["", levels], levels))
    rows = read.table(f"{language}-cases-data-cases")

    for row in rows:
        street = row[0] if row is not rows[-1] else ""
        cells = [counts[street, levels] for levels in order]
        assert [*map(str, cells), str(sum(cells))] == [text if text[0].isdigit() else "0" for text in row[1:]]
    drawn = read.drawn(f"{language}-cases-combinations")
    assert [f"{counts['', levels]:,}" for levels in order] == [
        text.removeprefix("≥ ") for text in drawn[-len(order) :]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_show_the_numbers_of_the_tables(read: Page, language: str) -> None:
    """Of each street the value that stands beside it, and what stands on its tile."""

    def beside(figure: str) -> list[str]:
        return [text for text in read.drawn(f"{language}-{figure}") if text not in names]

    names = {row[0] for row in asked("select distinct street_name from governance.street_scorecard")}
    for rate in ("response_rate", "resolution_rate", "satisfaction_rate"):
        expected = asked(
            f"select {_or_sign(rate)} from governance.street_scorecard "
            f"where is_latest and period = {SHOWN} order by street_code"
        )
        assert [_percent(value) for (value,) in expected] == beside(f"rates-{rate}")[: len(expected)]
    for (package,) in asked("select distinct package_code from governance.need_vs_project"):
        gaps = asked(
            f"select {_or_sign('gap_index')} from governance.need_vs_project "
            f"where period = {SHOWN} and package_code = '{package}' order by street_code"
        )
        assert [_signed(gap) for (gap,) in gaps] == beside(f"need-{package}")[3:]
    for kind, per_1000 in asked(
        "select service_kind, list(per_1000 order by street_code) from governance.service_supply "
        f"where is_latest and street_code in {IN_SCOPE} and per_1000 is not null group by all having max(per_1000) < 10000"
    ):
        places = 0 if max(per_1000) >= 100 else 2
        assert [f"{float(value):,.{places}f}" for value in per_1000] == beside(f"supply-{kind}")
    tiles = read.drawn(f"{language}-map-map")
    for (value,) in asked(
        f"select {_or_sign('composite_score')} from governance.street_scorecard where is_latest and period = {SHOWN}"
    ):
        assert (value if value in "•–" else f"{float(value) + 1e-9:.1f}") in tiles
    for stage, count in asked(
        "select stage, count(*) from governance.project_progress where is_latest group by all"
    ):
        assert str(count) in read.drawn(f"{language}-projects-stages"), stage


def _or_sign(column: str) -> str:
    """SQL for a figure as text, or for the sign that stands where it is kept back or not known."""
    return f"case when list_contains(suppressed_columns, '{column}') then '•' else coalesce({column}::varchar, '–') end"


def _percent(figure: str) -> str:
    return figure if figure in "•–" else f"{round(float(figure) * 100 + 1e-9, 1):.1f}%"


def _signed(figure: str) -> str:
    if figure in "•–":
        return figure
    rounded = round(abs(float(figure)) + 1e-9, 2)
    return f"{'' if not rounded else '−' if figure.startswith('-') else '+'}{rounded:.2f}"


def test_it_is_well_formed_and_every_name_in_it_leads_somewhere(read: Page) -> None:
    ids = Counter(each.get("id") for each in read.tree.iter() if each.get("id"))

    assert [] == [key for key, count in ids.items() if count > 1]
    for each in read.tree.iter():
        for name in ("for", "aria-labelledby"):
            assert each.get(name, "zh") in ids
        if (target := each.get("href", "")).startswith("#"):
            assert target[1:] in ids
    assert _CLOSED_IN_ITSELF >= set(re.findall(r"<(\w+)(?: [^<>]*)?/>", read.text))
    assert "zh-Hans" == read.tree.get("lang") == read.tree.get(XML_LANG)
    assert said(read.tree.find("./head/title"))


def test_nothing_leaves_the_page_and_nothing_runs_in_it(read: Page) -> None:
    folder = releases.current().path
    policy = read.tree.find("./head/meta[@http-equiv='Content-Security-Policy']")

    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" == policy.get("content")
    assert not {"script", "iframe", "object", "embed", "img", "form", "base"} & {
        e.tag for e in read.tree.iter()
    }
    assert not re.search(r"url\(|@import|https?:|javascript:", read.text)
    for each in read.tree.iter():
        assert not [name for name in each.attrib if name.startswith("on")]
        for name in ("href", "src"):
            target = each.get(name, "#")
            assert target.startswith(("#", "data:")) or (folder / target).is_file(), target


def test_who_does_not_see_is_told_what_pictures_show(read: Page) -> None:
    pictures = list(read.tree.iter("svg"))
    labels = [each.get("aria-label") for each in pictures if each.get("role") == "img"]

    assert len(pictures) == len(labels) + sum(each.get("aria-hidden") == "true" for each in pictures)
    assert len(labels) > 30
    for label in labels:
        assert re.search(r"\d|没有可比|nothing to compare", label), label
    assert "霍营街道" in read.label("zh-need-P1") + read.label("zh-rates-resolution_rate") + read.label(
        "zh-map-map"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_and_tables_are_in_order(read: Page, language: str) -> None:
    body = read.in_language(language)
    levels = [int(each.tag[1]) for each in body.iter() if re.fullmatch(r"h\d", each.tag)]

    assert 1 == levels[0]
    assert 1 == levels.count(1)
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for table in body.iter("table"):
        assert said(table.find("caption"))
        assert {"col"} == {cell.get("scope") for cell in table.iterfind("./thead/tr/th")}
        assert {"row"} == {cell.get("scope") for cell in table.iterfind("./tbody/tr/th")}


def test_both_languages_say_the_same_and_each_in_its_own(read: Page) -> None:
    zh, en = read.in_language("zh"), read.in_language("en")

    assert ["zh-Hans", "en"] == [zh.get("lang"), en.get("lang")]
    assert [each.tag for each in zh.iter() if each.tag != "span"] == [
        each.tag for each in en.iter() if each.tag != "span"
    ]
    assert [each.get("value") for each in zh.iter("data")] == [each.get("value") for each in en.iter("data")]
    assert [] == [text for language, text in texts(en) if language == "en" and CHINESE.search(text)]
    for part in ("h2", "h3", "summary", "dt", "dd", "figcaption", "caption", "p", "label"):
        assert [] == [said(each) for each in zh.iter(part) if not CHINESE.search(said(each)) and "-" not in said(each)
                      and "." not in said(each)]  # fmt: skip
    heads = [said(each) for each in zh.iterfind(".//thead/tr/th")]
    assert [] == [head for head in heads if head and not CHINESE.search(head)]


def test_what_a_figure_means_is_told_in_the_words_of_its_contract(read: Page) -> None:
    meanings = {said(each) for each in read.in_language("zh").iter("dd")}

    assert "有效回访中表示满意的比例，按计分规则折算；没有回访时为空。" in meanings
    for language in LANGUAGES:
        for section in read.in_language(language).iter("section"):
            names = [said(each) for each in section.iter("dt")]
            assert len(names) == len(list(section.iter("dd"))) == len(set(names))
            assert names or section.get("id", "").endswith("-tables")


def test_another_process_writes_the_same_bytes(read: Page, tmp_path: Path) -> None:
    """The release was written by a process of its own, with another seed for hashes."""
    publication = publication_of(releases.current().path, tmp_path)
    page.write(publication)

    assert read.text == (tmp_path / releases.PAGE).read_text(encoding="utf-8")
