"""The page as people meet it: on a desk, on a phone, on paper, with a keyboard, in both languages.

Screenshots of every combination are left in pytest's folder for a person to look at.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest
from browsing import VIEWS, Published, Seen

pytestmark = pytest.mark.browser

LANGUAGES = {"zh": "zh-Hans", "en": "en"}
SECTIONS = ("map", "rates", "cases", "need", "projects", "supply", "channel", "tables")
SERIOUS = ("serious", "critical")
LEAST_PIXELS = 9.0
"""No letter in a picture is smaller than that, on the narrowest phone either."""
everywhere = pytest.mark.parametrize(
    ("view", "language"), [(view, language) for view in VIEWS for language in LANGUAGES]
)
both_languages = pytest.mark.parametrize("language", LANGUAGES)

TEXTS = """figure => [...figure.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).map(svg => {
  const box = svg.getBoundingClientRect();
  return {
    figure: figure.id, width: box.width, height: box.height, label: svg.getAttribute('aria-label') || '',
    texts: [...svg.querySelectorAll('text')].filter(text => text.textContent.trim()).map(text => {
      const one = text.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      return {said: text.textContent, size: parseFloat(getComputedStyle(text).fontSize) * scale,
              left: one.left - box.left, right: box.right - one.right,
              top: one.top - box.top, bottom: box.bottom - one.bottom,
              x: one.left, y: one.top, w: one.width, h: one.height};
    }),
  };
})"""


def opened(published: Published, shown: Seen, language: str, name: str = "index.html") -> None:
    """The page in one language."""
    shown.page.goto(f"{published.address}/{name}")
    shown.page.check(f"#in-{language}")


def open_all(shown: Seen) -> None:
    """All tables and definitions unfolded."""
    shown.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")


@everywhere
def test_the_page_asks_nobody_and_complains_of_nothing(
    published: Published, shown: Seen, view: str, language: str, tmp_path: Path
) -> None:
    opened(published, shown, language)
    open_all(shown)
    shown.page.screenshot(path=tmp_path / f"{view}-{language}.png", full_page=True)

    assert [f"{published.address}/index.html"] == shown.requests
    assert [] == shown.complaints


@everywhere
def test_axe_finds_nothing_serious(published: Published, shown: Seen, view: str, language: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened(published, shown, language)
    open_all(shown)
    found = Axe().run(shown.page).response

    assert [] == [
        (rule["id"], rule["help"], [node["target"] for node in rule["nodes"]][:3])
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
    ]
    assert len(found["passes"]) > 20


@everywhere
def test_nothing_is_wider_than_the_screen_and_nothing_in_a_picture_is_cut_small_or_overlapping(
    published: Published, shown: Seen, view: str, language: str
) -> None:
    opened(published, shown, language)
    width = VIEWS[view][0]
    figures = [
        picture
        for figure in shown.page.locator(f"#{language} figure").all()
        for picture in figure.evaluate(TEXTS)
    ]
    texts = [(picture["figure"], text) for picture in figures for text in picture["texts"]]
    folded = shown.page.evaluate("document.documentElement.scrollWidth")
    open_all(shown)

    assert (width, width) == (folded, shown.page.evaluate("document.documentElement.scrollWidth"))
    assert len(figures) > 15
    assert [] == [each["figure"] for each in figures if each["width"] < 100 or each["height"] < 50]
    assert [] == [each["figure"] for each in figures if not each["label"]]
    assert [] == [
        (figure, text["said"])
        for figure, text in texts
        if min(text["left"], text["right"]) < -1 or min(text["top"], text["bottom"]) < -text["h"] / 4
    ]
    assert [] == [
        (figure, text["said"], round(text["size"], 1))
        for figure, text in texts
        if text["size"] < LEAST_PIXELS
    ]
    assert [] == [pair for picture in figures for pair in overlapping(picture["figure"], picture["texts"])]


def overlapping(figure: str, texts: list[dict[str, float]]) -> list[tuple[object, ...]]:
    """Texts of one picture that stand on each other; lines of one label may touch."""
    return [
        (figure, one["said"], other["said"])
        for place, one in enumerate(texts)
        for other in texts[place + 1 :]
        if min(one["x"] + one["w"], other["x"] + other["w"]) - max(one["x"], other["x"]) > 1
        and min(one["y"] + one["h"], other["y"] + other["h"]) - max(one["y"], other["y"])
        > min(one["h"], other["h"]) * 0.45
    ]


@both_languages
@pytest.mark.parametrize("width", [1280, 360])
def test_on_a_desk_and_on_a_phone_the_table_beside_the_map_is_seen_whole(
    published: Published, shown: Seen, width: int, language: str
) -> None:
    shown.page.set_viewport_size({"width": width, "height": 800})
    opened(published, shown, language)
    wide, there = shown.page.locator(f"#{language}-map .scroll").first.evaluate(
        "it => [it.scrollWidth, it.clientWidth]"
    )

    assert wide == there


@both_languages
def test_the_page_is_used_with_the_keyboard_alone(published: Published, shown: Seen, language: str) -> None:
    page = shown.page
    page.goto(f"{published.address}/index.html")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    is_seen = page.locator(".skip").evaluate("it => it.getBoundingClientRect().left >= 0")
    page.keyboard.press("Tab")
    switch = page.evaluate("document.activeElement.id")
    page.keyboard.press("ArrowRight" if language == "en" else "Home")
    visible = [each for each in LANGUAGES if page.locator(f"#{each}").is_visible()]
    reached: list[str] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        now = page.evaluate(
            "(() => { const it = document.activeElement; return it === document.body ? '' :"
            " it.tagName + ' ' + (it.getAttribute('href') || it.textContent.trim()) })()"
        )
        if not now:
            break
        reached.append(now)
        if now.startswith("SUMMARY"):
            page.keyboard.press("Enter")
    wanted = page.locator(f"#{language} summary")
    summaries = [f"SUMMARY {text.strip()}" for text in wanted.all_text_contents()]

    assert ("#content", True) == (first, is_seen)
    assert switch == "in-zh"
    assert [language] == visible
    assert [f"A #{language}-{section}" for section in SECTIONS] == reached[: len(SECTIONS)]
    assert [] == [each for each in summaries if each not in reached]
    assert len(summaries) == page.locator(f"#{language} details[open]").count()
    assert [] == shown.complaints


@both_languages
def test_every_number_shown_is_the_one_it_stands_for(
    published: Published, shown: Seen, language: str
) -> None:
    """What a reader sees is the exact value at the decimals that are shown."""
    opened(published, shown, language)
    open_all(shown)
    pairs = shown.page.locator(f"#{language} td data").evaluate_all(
        "all => all.map(it => [it.innerText, it.getAttribute('value')])"
    )

    assert len(pairs) > 300
    assert [] == [(said, exact) for said, exact in pairs if not says(said, exact)]


def says(said: str, exact: str) -> bool:
    """Whether a number as it is written is this one, rounded; “≥” stands before a sum over figures kept back."""
    plain = said.removeprefix("≥ ").replace(",", "").replace("−", "-").replace("+", "")
    value = Decimal(exact)
    if plain.endswith("%"):
        plain, value = plain[:-1], value * 100
    if not re.fullmatch(r"-?\d+(\.\d+)?", plain):
        return False
    place = Decimal(1).scaleb(-len(plain.partition(".")[2]))
    return Decimal(plain) in {value.quantize(place, how) for how in (ROUND_HALF_UP, ROUND_HALF_EVEN)}


def table(shown: Seen, key: str) -> list[tuple[str | None, ...]]:
    """Rows of a table as they are rendered: exact numbers, other texts; None for what is kept back or not known."""
    rows: list[list[str | None]] = shown.page.locator(f"#{key} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => {"
        " const number = cell.querySelector('data');"
        " return number ? number.getAttribute('value') : cell.querySelector('.gone') ? null : cell.textContent.trim() }))"
    )
    return [tuple(row) for row in rows]


def asked(published: Published, query: str, period: str = "") -> list[tuple[str | None, ...]]:
    """The same from the release: `{governance.cases}` stands for the open files of that table, `$period` for a month."""
    tables = published.release.tables
    with duckdb.connect() as connection:
        filled = re.sub(r"\{([\w.]+)\}", lambda match: tables[match[1]].sql, query)
        rows = connection.execute(filled, {"period": period} if "$period" in filled else None).fetchall()
    return [tuple(None if value is None else str(value) for value in row) for row in rows]


def period(shown: Seen, language: str, section: str) -> str:
    """The period a section's sentence speaks of."""
    said = re.search(r"\d{4}-\d\d", shown.page.locator(f"#{language}-{section} .finding").inner_text())
    assert said
    return said[0]


@both_languages
@pytest.mark.parametrize(
    ("section", "columns", "query"),
    [
        (
            "map",
            5,
            "select street_name, composite_score, received_count, population, demands_per_10k from {governance.street_scorecard} "
            "where is_latest and period = $period order by street_code",
        ),
        (
            "rates",
            7,
            "select street_name, period, response_rate, resolution_rate, satisfaction_rate, assessed_count, "
            "callback_count from {governance.street_scorecard} where is_latest and $period <= period",
        ),
    ],
    ids=["map", "rates"],
)
def test_a_table_shows_what_sql_finds_in_the_release(
    published: Published, shown: Seen, language: str, section: str, columns: int, query: str
) -> None:
    opened(published, shown, language)
    found = asked(published, query, period(shown, language, section))
    rendered = table(shown, f"{language}-{section}-data-{section}")

    assert len(found) >= 7
    assert sorted(found, key=str) == sorted((row[:columns] for row in rendered), key=str)


@both_languages
def test_words_and_pictures_say_what_sql_does(published: Published, shown: Seen, language: str) -> None:
    opened(published, shown, language)
    projects = asked(
        published,
        "select count(*), count(*) filter (rag = 'red') from {governance.project_progress} where is_latest",
    )
    said = re.findall(r"\d+", shown.page.locator(f"#{language}-projects .finding").inner_text())
    rates = asked(
        published,
        "select street_name, satisfaction_rate from {governance.street_scorecard} "
        "where is_latest and period = $period order by street_code",
        period(shown, language, "rates"),
    )
    texts = shown.page.locator(f"#{language}-rates-satisfaction_rate svg text").all_text_contents()
    drawn = [(street, texts[texts.index(street or "") + 1]) for street, _ in rates]

    assert projects == [(said[0], said[-1])]
    assert len(drawn) >= 7
    assert [] == [
        (drew, exact)
        for drew, (_, exact) in zip(drawn, rates, strict=True)
        if not (says(drew[1], exact) if exact else drew[1] in "–•")
    ]


@both_languages
def test_on_paper_every_picture_is_there_and_the_switch_is_not(
    published: Published, shown: Seen, language: str, tmp_path: Path
) -> None:
    opened(published, shown, language)
    shown.page.emulate_media(media="print")
    figures = shown.page.locator(f"#{language} figure svg")
    hidden = [place for place in range(figures.count()) if not figures.nth(place).is_visible()]
    pdf = shown.page.pdf(path=tmp_path / f"{language}.pdf", format="A4")

    assert figures.count() > 15
    assert [] == hidden
    assert not shown.page.locator("label[for=in-en]").is_visible()
    assert 3 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 40


@both_languages
def test_the_file_opens_without_a_server_too(published: Published, shown: Seen, language: str) -> None:
    address = (published.release.path / "index.html").as_uri()
    shown.page.goto(address)
    shown.page.check(f"#in-{language}")

    assert shown.page.locator(f"#{language} h1").is_visible()
    assert [address] == shown.requests
    assert [] == shown.complaints


@pytest.mark.parametrize("view", VIEWS)
def test_the_dictionary_fits_every_screen_and_asks_nobody(
    published: Published, shown: Seen, view: str, tmp_path: Path
) -> None:
    address = f"{published.address}/dictionary.html"
    shown.page.goto(address)
    shown.page.screenshot(path=tmp_path / f"dictionary-{view}.png")

    assert VIEWS[view][0] == shown.page.evaluate("document.documentElement.scrollWidth")
    assert [address] == shown.requests
    assert [] == shown.complaints


def test_axe_finds_nothing_serious_in_the_dictionary(published: Published, shown: Seen) -> None:
    from axe_playwright_python.sync_playwright import Axe

    shown.page.goto(f"{published.address}/dictionary.html")
    found = Axe().run(shown.page, options={"resultTypes": ["violations"]}).response["violations"]

    assert [] == [(rule["id"], rule["help"]) for rule in found if rule["impact"] in SERIOUS]
