"""What is mended in a text before it is typed, and in a time after; and the flags that say so.

SQL only, for the statements of staging. The flags and what they mean: pipelines/flags.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pipelines import values
from pipelines.contract.model import Column
from pipelines.database import literal, quoted
from pipelines.flags import FILE

NO_FLAGS = "null::varchar[]"
_DASHES = "[‐‑‒–—―−－]"
_DASH_FOR_ONE = r"(\p{Han})[-‐‑‒–—―−－](区|里|期|号|街|巷|条|院|组|村|社区|小区)"
_DOTS = "[•‧∙・]"
_LETTERS_FOR_DIGITS, _DIGITS = "OoIl", "0011"
_GB18030_2022 = "[︐-︙ḿ龴-龻]"
"""What a part with characters of the 2022 edition holds once they were mended (see readers/decoding.py)."""


def narrow(column: Column) -> str:
    """Half-width letters and digits, in codes, numbers and dates; never in free text, whose meaning it changes."""
    name = quoted(column.name)
    match column.normalise:
        case "code":
            return f"trim(regexp_replace(half_width({name}), {literal(_DASHES)}, '-', 'g'))"
        case "digits":
            plain = f"trim(regexp_replace(half_width({name}), {literal(_DASHES)}, '-', 'g'))"
            return f"translate({plain}, {literal(_LETTERS_FOR_DIGITS)}, {literal(_DIGITS)})"
        case "name":
            one = f"regexp_replace({name}, {literal(_DASH_FOR_ONE)}, {literal(chr(92) + '1一' + chr(92) + '2')}, 'g')"
            return f"regexp_replace({one}, {literal(_DOTS)}, '·', 'g')"
    if column.logical_type not in ("string", "array"):
        return f"trim(half_width({name}))"
    return ""


def filled_flags(columns: Sequence[Column]) -> str:
    return _flagged(
        (
            f"{quoted(column.name)} in ({', '.join(map(literal, column.fill_down))})",
            f"{column.name}:filled_down",
        )
        for column in columns
        if column.fill_down
    )


def narrow_flags(columns: Sequence[Column]) -> str:
    """What narrowing is about to change, told by the texts before; a look at their length spares most rows."""
    flags, suspects = [], []
    for column in columns:
        name, after = quoted(column.name), narrow(column)
        if not after:
            continue
        if column.normalise != "name":
            means_nothing = ", ".join(map(literal, column.missing_values))
            given = f" and {after} not in ({means_nothing})" if means_nothing else ""
            flags.append((f"half_width({name}) <> {name}{given}", f"{column.name}:half_width"))
        if column.normalise:
            before = name if column.normalise == "name" else f"trim(half_width({name}))"
            flags.append((f"{after} <> {before}", f"{column.name}:look_alike"))
        suspects.append(f"strlen({name}) <> length({name})")
        if column.normalise == "digits":
            suspects.append(f"regexp_matches({name}, '[{_LETTERS_FOR_DIGITS}]')")
    return _flagged(flags, suspects)


def set_right(columns: Sequence[Column], landed_at: datetime) -> str:
    """Times that are a little before what they follow, or a little after the pull, because clocks differ."""
    changed, flags = [], []
    for column in columns:
        name = value = quoted(column.name)
        for skew in column.clock_skew:
            within = f"interval {literal(f'{skew.within.total_seconds():g} seconds')}"
            if skew.not_before:
                bound = quoted(skew.not_before)
                is_off = f"({name} < {bound} and {name} >= {bound} - {within})"
            else:
                bound = f"timestamptz {literal(landed_at.isoformat())}"
                is_off = f"({name} > {bound} and {name} <= {bound} + {within})"
            value = f"case when {is_off} then {bound} else {value} end"
            flags.append((is_off, f"{column.name}:{'clamped' if skew.not_before else 'clock_skew'}"))
        if column.clock_skew:
            changed.append(f"{value} as {name}")
    if not changed:
        return ""
    return f"{', '.join(changed)}, list_concat(_dq_flags, coalesce({_flagged(flags)}, [])) as _dq_flags"


def flags(columns: Sequence[Column], mended: frozenset[str]) -> str:
    """What was mended on a row, as `<column>:<defect>`; see pipelines/flags.py."""
    dates: list[tuple[str, str]] = []
    numbers: list[tuple[str, str]] = []
    letters: list[tuple[str, str]] = []
    suspects = []
    for column in columns:
        name = quoted(column.name)
        if column.logical_type in ("date", "timestamp"):
            dates.append((values.is_no_date(name), f"{column.name}:no_date"))
            if column.formats:
                dates.append((values.is_epoch(name, column), f"{column.name}:epoch"))
            else:
                dates.append((values.is_midnight_24(name), f"{column.name}:24_hours"))
                dates.append((values.is_excel_serial(name), f"{column.name}:excel_serial"))
        elif column.is_numeric:
            suspects.append(f"strlen({name}) <> length({name}) or contains({name}, ',')")
            numbers += [
                (condition, f"{column.name}:{flag}")
                for condition, flag in (
                    (f"thousands({name})", "thousands"),
                    (f"about({name})", "approximate"),
                    (f"numeral({name})", "chinese_numeral"),
                )
            ]
        elif "gb18030-2022" in mended:
            letters.append(
                (f"regexp_matches({name}, {literal(_GB18030_2022)})", f"{column.name}:gb18030_2022")
            )
    whole = [
        literal(f"{FILE}:{flag}")
        for flag, found in (("re_decoded", "re-decoded"), ("byte_order_mark", "byte-order-mark"))
        if found in mended
    ]
    lists = [_flagged(dates), _flagged(numbers, suspects), _flagged(letters), "_narrowed", "_filled"]
    lists = [each for each in lists if each != NO_FLAGS]
    if whole:
        lists.append(f"[{', '.join(whole)}]")
    if not lists:
        return "[]::varchar[]"
    return f"coalesce(flatten([{', '.join(lists)}]), [])"


def _flagged(flags: Iterable[tuple[str, str]], suspects: Iterable[str] = ()) -> str:
    """SQL for the flags whose condition holds, NULL where none does; a row that is not suspect costs next to nothing."""
    listed = list(flags)
    if not listed:
        return NO_FLAGS
    anything = " or ".join(suspects) or " or ".join(condition for condition, _ in listed)
    cases = ", ".join(f"case when {condition} then {literal(flag)} end" for condition, flag in listed)
    return f"case when {anything} then nullif(list_filter([{cases}], lambda flag: flag is not null), []) end"
