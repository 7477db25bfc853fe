"""CSV after RFC 4180 is read exactly; anything else is refused with its line, never guessed at."""

from __future__ import annotations

import csv
import io
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reader_feeds import column, feed, read, read_csv, rows_of, server

from pipelines.contract.model import DriftModes, Unpivot
from pipelines.errors import ContractError, DataError
from pipelines.readers import csv_cells

NAMES = ("a", "b", "c")
CELL = st.text(
    st.sampled_from("a中é ,;\"'\\\n\r#=\t𠮷")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff\ufffd"),
    max_size=20,
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that records lie across their edges."""
    monkeypatch.setattr(csv_cells, "_BLOCK", 11)
    monkeypatch.setattr(csv_cells, "_HEAD", 5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(CELL, CELL, CELL), max_size=6).filter(lambda rows: NAMES not in rows),
    st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
    st.sampled_from([",", ";", "\t"]),
)
def test_what_is_written_as_csv_reads_back_equal(
    rows: list[tuple[str, ...]], style: tuple[str, int], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=style[0], quoting=style[1], delimiter=delimiter)
    writer.writerows([NAMES, *rows])

    expected = [tuple(cell or None for cell in row) for row in rows]
    assert expected == read_csv(NAMES, text.getvalue(), delimiter=delimiter)


def strictly(text: str, delimiter: str, quote: str, escape: str) -> list[list[str]] | None:
    """RFC 4180 one character after another; None for text that breaks it. Slow and plain on purpose."""
    text = text.rstrip("\r\n")
    ends = ("\r\n", "\n") if "\n" in text else ("\r",)
    rows: list[list[str]] = []
    row: list[str] = []
    place = 0
    while text:
        field, first = "", place
        if text[place : place + 1] == quote:
            place += 1
            while True:
                here, pair = text[place : place + 1], text[place : place + 2]
                if not here:
                    return None
                if pair in (escape + quote, escape + escape):
                    field, place = field + pair[1], place + 2
                elif here == quote:
                    place += 1
                    break
                elif here == escape:
                    return None
                else:
                    field, place = field + here, place + 1
        else:
            while place < len(text) and not text.startswith((delimiter, *ends), place):
                if text[place] in (quote, escape, "\r"):
                    return None
                field, place = field + text[place], place + 1
        row.append(field)
        if place < len(text) and text.startswith(delimiter, place):
            place += len(delimiter)
            continue
        end = next((end for end in ends if text.startswith(end, place)), None)
        if place < len(text) and end is None:
            return None
        if row == [""] and first == place:
            return None
        rows.append(row)
        if end is None:
            return rows
        row, place = [], place + len(end)
    return None


@st.composite
def nearly_csv(draw: st.DrawFn) -> tuple[str, int, str, str, str]:
    """CSV text of some dialect with one to three columns, whole or with a character changed."""
    delimiter, quote, escape = draw(st.sampled_from([(",", '"', '"'), (";", "'", "\\"), ("，", '"', '"')]))
    width = draw(st.integers(1, 3))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    pieces = st.lists(
        st.sampled_from(["a", "中", " ", "more than twelve bytes", delimiter, quote, escape, "\n", "\r"]),
        max_size=3,
    ).map("".join)
    lines = [delimiter.join(NAMES[:width])]
    for _ in range(draw(st.integers(0, 4))):
        cells = []
        for cell in draw(st.lists(pieces, min_size=width, max_size=width)):
            if draw(st.booleans()) or set(cell) & {delimiter, quote, escape, "\n", "\r"}:
                whole = cell.replace(escape, escape * 2) if escape != quote else cell
                cells.append(quote + whole.replace(quote, escape + quote) + quote)
            else:
                cells.append(cell)
        lines.append(delimiter.join(cells))
    text = line_end.join(lines) + draw(st.sampled_from(["", line_end, line_end * 2]))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(len(lines[0]), len(text)))
        mark = draw(st.sampled_from(["", "\n", "\r", quote, delimiter, escape, "a", quote * 2]))
        text = text[:place] + mark + text[place + draw(st.integers(0, 1)) :]
    return text, width, delimiter, quote, escape


@settings(deadline=None, max_examples=120)
@given(nearly_csv(), st.integers(1, 40))
@example(("a,中\n\n", 1, ",", '"', '"'), 1)
def test_text_is_read_as_rfc_4180_says_or_refused(case: tuple[str, int, str, str, str], block: int) -> None:
    text, width, delimiter, quote, escape = case
    csv_cells._BLOCK = block
    rows = strictly(text, delimiter, quote, escape)
    header = list(NAMES[:width])
    expected = None
    if rows and rows[0] not in rows[1:] and all(len(row) == len(rows[0]) for row in rows):
        places = [place for place, name in enumerate(rows[0]) if name in header]
        if [
            rows[0][place] for place in places
        ] == header:  # a column of another name, or of none, is nobody's
            expected = [tuple(row[place] or None for place in places) for row in rows[1:]]
    try:
        actual = read_csv(header, text, delimiter=delimiter, quote=quote, escape=escape)
    except DataError:
        actual = None

    assert expected == actual


def refusal(*parts: str | bytes, **more: object) -> str:
    with pytest.raises(DataError) as caught:
        read_csv(NAMES, *parts, **more)
    return str(caught.value)


def test_an_empty_cell_is_null_whether_quoted_or_not() -> None:
    assert [(None, None, " ")] == read_csv(NAMES, 'a,b,c\n,"", \n')


def test_columns_are_found_by_name_in_any_order_and_spelling() -> None:
    text = "Ｃ , \ufeffB,其他,a\n3,2,x,1\n"

    assert [("1", "2", "3")] == read_csv(NAMES, text)


def test_parts_may_order_their_columns_differently() -> None:
    assert [("1", "2", "3"), ("4", "5", "6")] == read_csv(NAMES, "a,b,c\n1,2,3\n", "c,a,b\n6,4,5\n")


def test_line_breaks_and_quotes_inside_quotes_are_content() -> None:
    text = 'a,b,c\r\n"第一行\n第二行","说""好""",x\r\n1,2,3\n'

    assert [("第一行\n第二行", '说"好"', "x"), ("1", "2", "3")] == read_csv(NAMES, text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b,c\n1,2,3\n1,2\n", "line 3: the record has 2 field(s), the header has 3"),
        ("a,b,c\n1,2,3,4\n", "line 2: the record has 4 field(s), the header has 3"),
        ("a,b,c\n1,2,3,\n", "line 2: the record has 4 field(s), the header has 3"),
        ("a,b,c\n\n1,2,3\n", "line 2: the line is blank"),
        ('a,b,c\n"1\n",2,3\n1,"2,3\n', "line 4: a quote is opened and never closed"),
        ('a,b,c\n1,"2"x,3\n', "line 2: something follows a closing quote"),
        ('a,b,c\n1,"2" ,3\n', "line 2: something follows a closing quote"),
        ('a,b,c\n1,2"x,3\n', "line 2: a quote stands inside a field"),
        ('a,b,c\n1, "2",3\n', "line 2: a quote stands inside a field"),
        ("a,b,c\n1,2\r3,4\n", "line 2: a carriage return stands alone"),
        ("a,b,c\n1,2,3\na,b,c\n4,5,6\n", "line 3: the header stands here again"),
        ("\na,b,c\n1,2,3\n", "line 1: the line is blank"),
        ("a,b,c,x,x\n1,2,3,4,5\n", "1 column name(s) stand in the header more than once\n"),
        ("a,b,c,B\n1,2,3,4\n", "1 column name(s) stand in the header more than once: 'B'"),
        (",,\n1,2,3\n", "the header has no names"),
        ("\n\n", "the file ends before line 1"),
    ],
)
def test_a_part_that_breaks_the_rules_is_refused_with_its_line(text: str, fault: str) -> None:
    assert fault in refusal(text)


def test_a_refusal_names_the_part_and_shows_no_content() -> None:
    message = refusal("a,b,c\n1,2,3\n", "a,b,c\n13800138000,霍营街道\n")

    assert message.startswith("city_sample, part-00002, line 2:")
    assert "138" not in message and "霍营" not in message


def test_missing_columns_are_all_listed_with_the_nearest_names() -> None:
    columns = [column("case_no", "案卷号"), column("street_code", "所属街道"), column("lat", "纬度")]
    with pytest.raises(DataError) as caught:
        rows_of(feed(*columns), server(format="csv"), "案卷号,所属街道名,经度\n1,2,3\n")

    assert "2 columns are missing among 3 found" in str(caught.value)
    assert "street_code: expected '所属街道'; nearest found: '所属街道名'" in str(caught.value)
    assert "lat: expected '纬度'" in str(caught.value)


def test_a_file_without_a_header_shows_none_of_its_values() -> None:
    with pytest.raises(DataError) as caught:
        read_csv(("案卷号", "电话13800138001"), "案卷1,13800138000\n")

    assert "13800138000" not in str(caught.value)


def test_unknown_columns_warn_or_are_dropped_as_the_contract_says() -> None:
    text = "a,新列,13800138000\n1,2,3\n"
    warned, _ = read(feed("a"), server(format="csv"), text)
    dropped, _ = read(feed("a", drift=DriftModes(new_columns="accept")), server(format="csv"), text)

    assert ("(11 characters that look like a value)", "新列") == warned.unknown
    assert warned.warnings[0].startswith("additive: 2 unknown column(s) left out:")
    assert (warned.unknown, ()) == (dropped.unknown, dropped.warnings)


def test_values_below_no_name_are_told() -> None:
    found, _ = read(feed("a"), server(format="csv"), "a,,\n1,2,\n")

    assert ("(no name)",) == found.unknown


def test_a_quote_that_is_never_closed_does_not_swallow_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cells, "_LONGEST_RECORD", 1000)

    assert "line 3: the record is longer than" in refusal('a,b,c\n1,2,3\n"4,5,6\n' + "7,8,9\n" * 1000)


def test_the_trailer_is_taken_off_and_checked_against_the_count() -> None:
    text = "a,b,c\n1,2,3\n4,5,6\n#rows={}\n"
    source = server(format="csv", trailer="#rows=")
    found, rows = read(feed(*NAMES), source, text.format(2))

    assert (2, [("1", "2", "3"), ("4", "5", "6")]) == (found.trailer_rows, rows)
    assert "promises 3 row(s), the file holds 2" in refusal(text.format(3), trailer="#rows=")
    assert "should begin with '#rows='" in refusal("a,b,c\n1,2,3\n", trailer="#rows=")
    assert [] == read_csv(NAMES, "a,b,c\n#rows=0", trailer="#rows=")


def test_a_header_further_down_or_of_two_lines_is_read_where_the_contract_says() -> None:
    assert [("1", "2", "3")] == read_csv(
        NAMES, "区级导出,2026\n\na,b,c\n1,2,3\n".replace("\n\n", "\nx\n"), header_rows=(3,)
    )
    assert [("1", "2", "3")] == read_csv(
        ("序号", "计划/开工", "计划/完工"), "序号,计划,\n,开工,完工\n1,2,3\n", header_rows=(1, 2)
    )


def test_dialects_are_read_as_the_contract_says_and_never_detected() -> None:
    assert [("1", "x;y", 'a"b\\')] == read_csv(
        NAMES, "a;b;c\n1;'x;y';'a\"b\\\\'\n", delimiter=";", quote="'", escape="\\"
    )
    assert [("1", '2"', "3")] == read_csv(NAMES, 'a|b|c\n1|2"|3\n', delimiter="|", quote="")
    assert "missing" in refusal("a;b;c\n1;2;3\n")
    with pytest.raises(ContractError, match="do not tell fields apart"):
        read_csv(NAMES, "a,b,c\n", delimiter='"')


def test_a_wide_table_becomes_long_row_by_row_and_empty_cells_are_no_rows() -> None:
    contract = feed(
        column("station_name", "station"),
        column("observed_at", join=("date", "hour")),
        column("indicator", "type"),
        column("reading", "value"),
    )
    source = server(format="csv", unpivot=Unpivot(("date", "hour", "type"), "station", "value"))
    text = "date,hour,type,东四,昌平镇\n20261117,0,AQI,12,\n20261117,1,AQI,3.50,7\n"
    found, rows = read(contract, source, text, text.replace("20261117", "20261118"))

    first_day = [
        ("东四", "20261117 0", "AQI", "12"),
        ("东四", "20261117 1", "AQI", "3.50"),
        ("昌平镇", "20261117 1", "AQI", "7"),
    ]
    assert [*first_day, *((a, b.replace("17 ", "18 "), c, d) for a, b, c, d in first_day)] == rows
    assert () == found.unknown
    with pytest.raises(DataError, match="1 column\\(s\\) to keep are missing: 'hour'"):
        read(contract, source, "date,type,东四\n20261117,AQI,12\n")


def test_a_wide_table_is_read_even_when_it_is_large() -> None:
    stations = [f"s{number}" for number in range(30)]
    lines = [",".join(["h", *stations])]
    lines += [
        ",".join([str(hour), *(str(hour * 100 + number) for number in range(30))]) for hour in range(400)
    ]
    source = server(format="csv", unpivot=Unpivot(("h",), "station", "value"))
    rows = rows_of(feed("h", "station", "value"), source, "\n".join(lines))

    expected = [
        (str(hour), f"s{n}", str(hour * 100 + n)) for hour, n in itertools.product(range(400), range(30))
    ]
    assert expected == rows
