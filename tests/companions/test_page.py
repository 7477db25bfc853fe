"""The page where figures are kept back, unknown or not there at all; how it looks to those who see colours otherwise."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from page_by_hand import CHINESE, LANGUAGES, Page, publication_with, said

from pipelines import contract
from pipelines.companions import Publication, markup, page, palette
from pipelines.companions.page import style
from pipelines.companions.page.drawing import extent, shortened
from pipelines.companions.page.words import WORDS

AREAS = (
    "select * from (values ('C', 'city', '甲市', null), ('D', 'district', '乙区', 'C'), ('110114010', 'street', '霍营街道', 'D'), "
    "('110114011', 'street', 'Cais Velho', 'D')) as t (area_code, area_level, area_name, parent_area_code), "
    "(select true as is_in_scope, date '1900-01-01' as valid_from, date '9999-12-31' as valid_to)"
)
_ONLY_IN_CODES = {"Parquet"}


def scores(*rows: str) -> str:
    """A scorecard: street, period, small base, callbacks, resolution rate, demands per 10,000, columns kept back."""
    return (
        "select street_code, case street_code when '110114010' then '霍营街道' else 'Cais Velho' end as street_name, period, "
        "true as is_latest, is_small_base, null::timestamptz as frozen_at, false as is_example_rule, 0.9 as response_rate, rate as resolution_rate, 0.8 as "
        "satisfaction_rate, callbacks as assessed_count, callbacks as callback_count, callbacks as received_count, demands as composite_score, 90000 as "
        "population, demands as demands_per_10k, hidden as suppressed_columns from (values "
        f"{', '.join(rows)}) as t (street_code, period, is_small_base, callbacks, rate, demands, hidden)"
    )


def overlaps(*rows: str) -> str:
    return (
        "select street_code, '霍营街道' as street_name, levels as level_combination, 1 as level_count, cases as case_count, "
        "cases as open_count, cases as member_count, hidden as suppressed_columns from (values "
        f"{', '.join(rows)}) as t (street_code, levels, cases, hidden)"
    )


def published(folder: Path, tables: dict[str, str]) -> Publication:
    return publication_with(folder, {"ref.areas": AREAS, **tables}, promises())


@cache
def promises() -> tuple[contract.Contract, ...]:
    return (*contract.load_governance(), *contract.load_reference(), *contract.load_all())


def written(publication: Publication) -> Page:
    page.write(publication)
    return Page((publication.folder / "index.html").read_text(encoding="utf-8"))


def sections(read: Page, language: str = "zh") -> Sequence[str]:
    return [str(each.get("id")) for each in read.in_language(language).iter("section")]


def test_what_is_kept_back_is_told_from_what_nobody_knows(tmp_path: Path) -> None:
    read = written(
        published(
            tmp_path,
            {
                "governance.street_scorecard": scores(
                    "('110114010', '2026-11', false, 40, 0.75, 12.34, []::varchar[])",
                    "('110114011', '2026-11', false, 40, null, null, ['composite_score'])",
                )
            },
        )
    )

    assert ["霍营街道", "12.34", "40", "90000", "12.34"] == list(read.table("zh-map-data-map")[0])
    assert ["Cais Velho", "• 保密", "40", "90000", "–不详"] == list(read.table("zh-map-data-map")[1])
    assert "• suppressed" == read.table("en-map-data-map")[1][1]
    assert "•" in read.drawn("zh-map-map")
    assert "–不详" == read.table("zh-rates-data-rates")[1][3]
    assert "–" in read.drawn("zh-rates-resolution_rate")
    assert "75.0%" in read.drawn("zh-rates-resolution_rate")


def test_a_sum_over_what_is_kept_back_is_the_least_there_can_be(tmp_path: Path) -> None:
    read = written(
        published(
            tmp_path,
            {
                "governance.case_overlaps": overlaps(
                    "('110114010', 'city', 1200, []::varchar[])",
                    "('110114010', 'city+district', null, ['case_count'])",
                    "('110114010', 'city+street', 30, []::varchar[])",
                )
            },
        )
    )
    rows = read.table("en-cases-data-cases")

    assert ["city only", "city + street", "city + district"] == read.heads("en-cases-data-cases")[1:4]
    assert ["1200", "30", "• suppressed", "1230"] == list(rows[0][1:])
    assert "≥ 1,230 cases" in said(read.by_id("en-cases").find("p"))
    assert "1 small cells" in said(read.by_id("en-cases"))
    assert {"1,200", "30", "≥ 0"} <= set(read.drawn("en-cases-combinations"))


def test_a_superlative_is_told_of_published_figures_only(tmp_path: Path) -> None:
    rows = (
        "('110114010', '2026-11', false, 40, 0.75, 12.34, []::varchar[])",
        "('110114011', '2026-11', false, 40, 0.65, null, ['composite_score', 'resolution_rate'])",
    )
    cells = (
        "('110114010', 'city+street', 30, []::varchar[])",
        "('110114010', 'city+district', null, ['case_count'])",
    )
    tables = {"governance.street_scorecard": scores(*rows), "governance.case_overlaps": overlaps(*cells)}
    read = written(published(tmp_path, tables))
    limited = "(Of the 1 of 2 figures that are published)"

    assert said(read.by_id("en-map").find("p")).startswith(limited)
    assert read.label("en-map-map").startswith(limited)
    assert read.label("en-rates-resolution_rate").startswith(limited)
    assert not read.label("en-rates-response_rate").startswith("(")
    assert "%" not in said(read.by_id("en-cases").find("p"))
    assert "most often" not in said(read.by_id("en-cases").find("p"))


def test_a_period_that_began_yesterday_is_not_what_the_page_speaks_of(tmp_path: Path) -> None:
    rows = [
        f"('{street}', '{period}', {small}, {calls}, {rate}, 1.0, []::varchar[])"
        for period, small, calls, rate in (
            ("2026-10", False, 50, 0.70),
            ("2026-11", False, 50, 0.75),
            ("2026-12", True, 1, 0.0),
        )
        for street in ("110114010", "110114011")
    ]
    read = written(published(tmp_path, {"governance.street_scorecard": scores(*rows)}))

    assert "2026-11" in said(read.by_id("en-rates").find("p"))
    assert ["75.0%", "+5.0"] == [text for text in read.drawn("en-rates-resolution_rate") if text[0] in "7+"][
        :2
    ]
    assert "2026-12 has too few callbacks" in said(read.by_id("en-rates"))
    assert 6 == len(read.table("en-rates-data-rates"))
    assert "2 streets rose" in read.label("en-rates-resolution_rate")


def test_without_its_table_a_section_is_left_out_and_the_page_still_is_one(tmp_path: Path) -> None:
    read = written(published(tmp_path, {"governance.street_day": "select 1 as noise_db_max"}))

    for language in LANGUAGES:
        assert [f"{language}-tables"] == sections(read, language)
        assert "甲市乙区" in said(read.in_language(language).find(".//h1"))
    assert [["governance.street_day", "1"], ["ref.areas", "4"]] == [
        [name, rows] for name, _, rows, _ in read.table("zh-tables-data")
    ]


def test_a_table_that_is_made_otherwise_draws_nothing(tmp_path: Path) -> None:
    read = written(
        published(tmp_path, {"governance.street_scorecard": "select '7' as street_code, 1 as pontos"})
    )

    assert ["zh-tables"] == sections(read)


def test_empty_tables_draw_nothing(tmp_path: Path) -> None:
    tables = {
        "governance.street_scorecard": f"from ({scores('(null, null, null, null, null, null, null)')}) limit 0",
        "governance.case_overlaps": f"from ({overlaps('(null, null, null, null)')}) limit 0",
    }

    assert ["zh-tables"] == sections(written(published(tmp_path, tables)))


def test_what_stands_in_the_data_is_never_markup(tmp_path: Path) -> None:
    areas = AREAS.replace("Cais Velho", '<b>&"x"</b>')
    scorecard = scores("('110114011', '2026-11', false, 40, 0.5, 2.0, []::varchar[])")
    publication = published(
        tmp_path, {"ref.areas": areas, "governance.street_scorecard": scorecard.replace("Cais Velho", "<i>&")}
    )
    read = written(publication)

    assert '<b>&"x"</b>' == read.table("zh-map-data-map")[1][0]
    assert "<i>&" in read.drawn("zh-rates-resolution_rate")
    assert '<b>&"x"</b>' in read.label("zh-map-map")


def test_outlines_are_drawn_where_they_are_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def square(code: str, west: float) -> dict[str, object]:
        ring = [[west, 40.0], [west + 0.1, 40.0], [west + 0.1, 40.1], [west, 40.1], [west, 40.0]]
        return {
            "type": "Feature",
            "properties": {"code": code},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }

    file = tmp_path / "outlines.geojson"
    shapes = [square("110114010", 116.3), square("110114011", 116.4)]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    tables = {
        "governance.street_scorecard": scores(
            "('110114010', '2026-11', false, 40, 0.75, 1.0, []::varchar[])",
            "('110114011', '2026-11', false, 40, 0.75, 9.0, []::varchar[])",
        )
    }
    tiles = written(published(tmp_path / "tiles", tables))
    monkeypatch.setenv("URBANBRAIN_BOUNDARIES", str(file))
    outlines = written(published(tmp_path / "outlines", tables))

    assert [] == list(tiles.by_id("zh-map-map").iter("path"))
    paths = list(outlines.by_id("zh-map-map").iter("path"))
    assert [palette.STEPS[0], palette.STEPS[-1]] == [path.get("fill") for path in paths]
    assert {"1.0", "9.0", "霍营街道", "Cais Velho"} <= set(outlines.drawn("zh-map-map"))
    assert "边界来自" in said(outlines.by_id("zh-map"))


def test_every_word_is_there_in_both_languages_and_in_its_own() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, *_ in string.Formatter().parse(text) if name}

    for word, (zh, en) in WORDS.items():
        english = set(re.findall(r"[A-Za-z.]{3,}", re.sub(r"\{\w+\}", "", zh)))

        assert places(zh) == places(en), word
        assert not CHINESE.search(en), word
        assert english <= _ONLY_IN_CODES, word


def test_text_reads_on_its_ground_and_marks_stand_out() -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for what a picture needs to be understood."""
    text = [
        (palette.INK, palette.WHITE), (palette.INK, palette.PAPER), (palette.MUTED, palette.WHITE), (palette.MUTED, palette.PAPER),
        (palette.ACCENT, palette.WHITE), (palette.ACCENT, palette.PAPER),
        *((palette.ink_on(fill), fill) for fill in (*palette.STEPS, palette.EMPTY)),
    ]  # fmt: skip
    marks = [palette.NEED, palette.EFFORT, palette.BAR, palette.RAG["red"], palette.RAG["green"],
             *palette.STATUS.values()]  # fmt: skip

    assert [] == [pair for pair in text if palette.contrast(*pair) < 4.5]
    assert [] == [mark for mark in marks if palette.contrast(mark, palette.WHITE) < 3]
    assert palette.contrast(palette.RAG["red"], palette.RAG["amber"]) >= 3
    assert 21 == round(palette.contrast("#000000", "#ffffff"))
    colours = set(re.findall(r"#[0-9a-f]{6}", markup.STYLE + style.STYLE))
    assert colours <= {palette.INK, palette.MUTED, palette.WHITE, palette.PAPER, palette.ACCENT, palette.RULE}


def test_a_long_name_is_cut_to_what_fits() -> None:
    assert "霍营街道" == shortened("霍营街道", 48)
    assert "霍营…" == shortened("霍营街道办事处", 40)
    for width in (0, 10, 33, 80):
        cut = shortened("Alto do Moinho de Vento", width)
        assert extent(cut) <= width or cut == "…"
