"""How a text becomes a value: SQL expressions for DuckDB, one per logical type.

Every function takes the SQL of a trimmed, half-width text and returns the SQL of a typed value that is NULL
where the text cannot be read. DuckDB's casts are generous ('1.5' becomes the integer 2, 'nan' a number,
'1.10114E+11' an area code), so each cast stands behind the shape it may read.
"""

from __future__ import annotations

from pipelines.contract.model import Column
from pipelines.database import literal

_INTEGER = r"[+-]?[0-9]+(\.0+)?"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?"
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
_NO_DATES = ("0000-00-00", "1900-01-01", "9999-12-31", "0001-01-01")
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
        case "integer":
            plain = _without_thousands(text)
            return f"case when regexp_full_match({plain}, {literal(_INTEGER)}) then try_cast({plain} as {column.type}) end"
        case "number":
            plain = _without_thousands(text)
            return (
                f"case when regexp_full_match({plain}, {literal(_NUMBER)}) and isfinite(try_cast({plain} as double)) "
                f"then try_cast({plain} as {column.type}) end"
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


def is_no_date(text: str) -> str:
    """True where a text is one of the dates that mean "no date"."""
    return f"left({text}, 10) in ({_texts(_NO_DATES)})"


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
        return f"timezone({zone}, try_strptime({text}, [{_texts(formats)}]))"
    day_start = f"regexp_replace({text}, {literal(_MIDNIGHT_24)}, ' 00:00:00')"
    return (
        f"case when {is_no_date(text)} then null "
        f"when {is_midnight_24(text)} then timezone({zone}, coalesce(try_cast({day_start} as timestamp), "
        f"try_strptime({day_start}, [{_texts(_FORMATS)}]))) + interval 1 day "
        f"when regexp_full_match({text}, {literal(_ISO)}) then timezone({zone}, try_cast({text} as timestamp)) "
        f"when regexp_full_match({text}, {literal(_ISO_WITH_ZONE)}) then try_cast({text} as timestamptz) "
        f"when {is_excel_serial(text)} then timezone({zone}, timestamp '1899-12-30 00:00:00' "
        f"+ to_seconds(round(try_cast({text} as double) * 86400))) "
        f"else timezone({zone}, try_strptime({text}, [{_texts(_FORMATS)}])) end"
    )


def _without_thousands(text: str) -> str:
    return f"case when regexp_full_match({text}, {literal(_THOUSANDS)}) then replace({text}, ',', '') else {text} end"


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values)


def _regex_escaped(text: str) -> str:
    return "".join("\\" + letter if letter in r"\.^$|?*+()[]{}" else letter for letter in text)
