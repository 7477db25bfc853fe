"""How a text becomes a value: SQL expressions for DuckDB, one per logical type.

Every function takes the SQL of a trimmed, half-width text and returns the SQL of a typed value that is NULL
where the text cannot be read. DuckDB's casts are generous ('1.5' becomes the integer 2, 'nan' a number,
'1.10114E+11' an area code), so each cast stands behind the shape it may read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contract.model import Column
from pipelines.database import literal

if TYPE_CHECKING:
    import duckdb

_INTEGER = r"[+-]?[0-9]+(\.0+)?"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?"
_ABOUT = "^(大约|大概|约|近)|(余|多|左右|上下)$"
_NUMERAL_LETTERS = "[零〇一二两三四五六七八九十百千万亿]+"
_DIGITS = "零一二三四五六七八九"
# 一百二 is 120 to some and 102 to nobody: a place left out must be said with 零.
_ONE, _TENS = "[一二两三四五六七八九]", "(?:[一二三四五六七八九]?十[一二三四五六七八九]?)"
_HUNDREDS = f"(?:{_ONE}百(?:零{_ONE}|[一二三四五六七八九]十{_ONE}?)?)"
_THOUSAND = f"(?:{_ONE}千(?:零{_ONE}|零[一二三四五六七八九]十{_ONE}?|{_HUNDREDS})?)"
_SECTION = f"(?:{_THOUSAND}|{_HUNDREDS}|{_TENS}|{_ONE})"
_NUMERAL = f"[零〇]|(?:{_SECTION}亿)?零?(?:{_SECTION}万)?零?{_SECTION}?"
_ISO = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?"
_ISO_WITH_ZONE = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_EXCEL_SERIAL = r"[2-5][0-9]{4}(\.[0-9]+)?"
_MIDNIGHT_24 = r"[ T]24:00(:00)?$"
_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日%H:%M",
    "%Y年%m月%d日",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%Y%m%d",
)
_NO_DATES = (
    r"^(0000([-/.年]?00?){2}|0001([-/.年]?0?1){2}|1900([-/.年]?0?1){2}|9999[-/.年]?12[-/.月]?31)日?($|[ T])"
)
_NO_YEARS = ("0000", "0001", "1900", "9999")
_DIGIT_LENGTHS = (8, 12, 14)
"""How many digits a date or time written without separators has; 13 are milliseconds, and no year 1711."""
_EPOCHS = {"epoch_s": ("[0-9]{9,10}", 1), "epoch_ms": ("[0-9]{12,13}", 1000)}
_TRUE = ("true", "1", "是", "有", "y", "yes", "t")
_FALSE = ("false", "0", "否", "无", "n", "no", "f")


def bad(column: str) -> str:
    """Name of the staged column that holds a text which could not be read as its column's type or area."""
    return f"{column}__bad"


def given(column: str) -> str:
    """Name of the judged column that is NULL exactly where nothing was given."""
    return f"{column}__given"


def typed(text: str, column: Column, timezone: str) -> str:
    """The value of `text` as the column's type; naive times are local times of `timezone`, stored in UTC."""
    match column.logical_type:
        case "integer" | "number":
            return (
                f"case when {text} is null then null when {_is_number(text, column)} then try_cast({text} as {column.type}) "
                f"else try_cast(odd_number({text}, {literal(_shape(column))}) as {column.type}) end"
            )
        case "boolean":
            return f"case when lower({text}) in ({_texts(_TRUE)}) then true when lower({text}) in ({_texts(_FALSE)}) then false end"
        case "timestamp":
            return _instant(text, column.formats, timezone)
        case "date":
            return f"timezone({literal(timezone)}, {_instant(text, column.formats, timezone)})::date"
        case "array":
            separators = "|".join(_regex_escaped(separator) for separator in column.separators or (",",))
            return (
                f"case when {text} is not null then list_filter(list_transform(string_split_regex({text}, "
                f"{literal(separators)}), lambda piece: trim(piece)), lambda piece: piece <> '') end"
            )
    return text


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the macros that read numbers nobody would write for a machine.

    `odd_number(text, shape)` is the number, as text, behind thousands, Chinese numerals and words for "about";
    NULL where there is none. `thousands(text)`, `about(text)` and `numeral(text)` say which of these it was.
    """
    section = (
        "(1000 * place_of(section, '千') + 100 * place_of(section, '百') + "
        "10 * case when regexp_matches(section, '(^|零)十') then 1 else place_of(section, '十') end + "
        f"greatest(strpos({literal(_DIGITS)}, translate(section[-1], '两', '二')) - 1, 0))"
    )
    for macro in (
        f"about(text) as regexp_matches(text, {literal(_ABOUT)})",
        f"plain_number(text) as trim(regexp_replace(text, {literal(_ABOUT)}, '', 'g'))",
        f"thousands(text) as regexp_full_match(plain_number(text), {literal(_THOUSANDS)})",
        f"numeral(text) as regexp_full_match(plain_number(text), {literal(_NUMERAL_LETTERS)}) "
        f"and regexp_full_match(plain_number(text), {literal(_NUMERAL)})",
        f"place_of(section, unit) as greatest(strpos({literal(_DIGITS)}, translate(nullif(regexp_extract(section, "
        "'(.)' || unit, 1), ''), '两', '二')) - 1, 0)",
        f"section_value(section) as coalesce({section}, 0)",
        # A macro is its text: what it names three times is planned three times. A lambda's argument is one value.
        "numeral_value(text) as list_sum(list_transform([regexp_extract(text, '^(.*)亿', 1), "
        "regexp_extract(text, '([^亿]*)万', 1), regexp_extract(text, '([^亿万]*)$', 1)], "
        "lambda section, place: [100000000, 10000, 1][place] * section_value(nullif(section, ''))))::bigint",
        "odd_number(text, shape) as list_transform([text], lambda odd: case "
        "when thousands(odd) then replace(plain_number(odd), ',', '') "
        "when about(odd) and regexp_full_match(plain_number(odd), shape) then plain_number(odd) "
        "when numeral(odd) then numeral_value(plain_number(odd))::varchar end)[1]",
    ):
        connection.execute(f"create or replace temp macro {macro}")


def _is_number(text: str, column: Column) -> str:
    plain = f"regexp_full_match({text}, {literal(_shape(column))})"
    return (
        plain if column.logical_type == "integer" else f"({plain} and isfinite(try_cast({text} as double)))"
    )


def _shape(column: Column) -> str:
    return _INTEGER if column.logical_type == "integer" else _NUMBER


def is_no_date(text: str) -> str:
    """True where a text is one of the dates that mean "no date"."""
    return f"(left({text}, 4) in ({_texts(_NO_YEARS)}) and regexp_matches({text}, {literal(_NO_DATES)}))"


def is_epoch(text: str, column: Column) -> str:
    """True where a column that may count from 1970 holds such a count."""
    shapes = "|".join(_EPOCHS[form][0] for form in column.formats if form in _EPOCHS)
    return f"regexp_full_match({text}, {literal(shapes)})" if shapes else "false"


def is_excel_serial(text: str) -> str:
    """True where a text is a spreadsheet's count of days since 1899-12-30."""
    return f"(strlen({text}) < 12 and regexp_full_match({text}, {literal(_EXCEL_SERIAL)}))"


def is_midnight_24(text: str) -> str:
    """True where a time says 24:00, which is 00:00 of the next day."""
    return f"(contains({text}, '24:00') and regexp_matches({text}, {literal(_MIDNIGHT_24)}))"


def split_part(text: str, index: int, separators: tuple[str, ...]) -> str:
    """The n-th piece (from 1) of a text split at any of the separators, trimmed; NULL when there is none."""
    pattern = "|".join(_regex_escaped(separator) for separator in sorted(separators, key=len, reverse=True))
    return f"nullif(trim(string_split_regex({text}, {literal(pattern)})[{index}]), '')"


def _instant(text: str, formats: tuple[str, ...], timezone: str) -> str:
    zone = literal(timezone)
    if formats:
        ways = [
            _epoch(text, *_EPOCHS[form])
            if form in _EPOCHS
            else f"timezone({zone}, try_strptime({text}, {literal(form)}))"
            for form in formats
        ]
        if not _EPOCHS.keys() & set(formats):
            ways = [f"timezone({zone}, try_strptime({text}, [{_texts(formats)}]))"]
        return f"case when {is_no_date(text)} then null else coalesce({', '.join(ways)}) end"
    lengths = ", ".join(map(str, _DIGIT_LENGTHS))
    day_start = f"regexp_replace({text}, {literal(_MIDNIGHT_24)}, ' 00:00:00')"
    return (
        f"case when {is_no_date(text)} then null "
        f"when {is_midnight_24(text)} then timezone({zone}, coalesce(try_cast({day_start} as timestamp), "
        f"try_strptime({day_start}, [{_texts(_FORMATS)}]))) + interval 1 day "
        f"when regexp_full_match({text}, {literal(_ISO)}) then timezone({zone}, try_cast({text} as timestamp)) "
        f"when regexp_full_match({text}, {literal(_ISO_WITH_ZONE)}) then try_cast({text} as timestamptz) "
        f"when {is_excel_serial(text)} then timezone({zone}, timestamp '1899-12-30 00:00:00' "
        f"+ to_seconds(round(try_cast({text} as double) * 86400))) "
        f"when strlen({text}) not in ({lengths}) and regexp_full_match({text}, '[0-9]+') then null "
        f"else timezone({zone}, try_strptime({text}, [{_texts(_FORMATS)}])) end"
    )


def _epoch(text: str, shape: str, per_second: int) -> str:
    count = f"try_cast({text} as bigint)"
    return f"case when regexp_full_match({text}, {literal(shape)}) then epoch_ms({count} * {1000 // per_second})::timestamptz end"


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values)


def _regex_escaped(text: str) -> str:
    return "".join("\\" + letter if letter in r"\.^$|?*+()[]{}" else letter for letter in text)
