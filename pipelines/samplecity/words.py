"""What people say, and the personal values they say it with.

Every personal value lies in a range no real person has, so that a leak can be searched for:
mobiles in the unassigned segment 163, identity numbers in the division 110199 that does not exist,
land lines 010-0163xxxx, plates 京OXnnnn, given names from a short list that no other text uses.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import mul

import numpy as np

from pipelines.samplecity.wire import numbered
from pipelines.samplecity.world import Ints, Objects

MOBILE_PREFIX = "163"
IDENTITY_PREFIX = "110199"
LANDLINE_PREFIX = "0100163"
PLATE_PREFIX = "京OX"
SURNAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴")
GIVEN_NAMES = ("霁鸢", "砚秋", "漱玉", "缃荷", "聿珩", "琬琰", "翙翙", "芷蘅", "骁骐", "旻昱")

_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def mobile(number: int) -> str:
    """A mobile number of nobody, for `number` of 0…99,999,999."""
    return f"{MOBILE_PREFIX}{number % 100_000_000:08d}"


def landline(number: int) -> str:
    """A Beijing land line of nobody; no local number there begins with 0."""
    return f"{LANDLINE_PREFIX}{number % 10_000:04d}"


def identity(number: int) -> str:
    """An identity number of nobody, with a valid check digit (GB 11643)."""
    year, month, day = 1950 + number % 55, 1 + number // 55 % 12, 1 + number // 660 % 28
    body = f"{IDENTITY_PREFIX}{year}{month:02d}{day:02d}{number % 999:03d}"
    check = "10X98765432"[sum(map(mul, map(int, body), _WEIGHTS)) % 11]
    return body + check


def plate(number: int) -> str:
    """A number plate of nobody."""
    return f"{PLATE_PREFIX}{number % 10_000:04d}"


def person(number: int) -> str:
    """A name of nobody."""
    return SURNAMES[number % 10] + GIVEN_NAMES[number // 10 % 10]


def wide(text: str) -> str:
    """Letters and digits as wide as Chinese ones."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def phone_as_written(phone: str, style: int) -> str:
    """A telephone number in one of the shapes of a hotline's account field."""
    if style == 1:
        return f"+86 {phone}"
    if style == 2:
        return f"{phone[:3]} {phone[3:7]} {phone[7:]}"
    if style == 3:
        return phone.translate(_WIDE)
    if style == 4:
        return f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"
    return phone


# Sentences with personal values, in the shapes that slip through simple masks: from telephone number,
# another number and the day's text.
_MENTIONS: tuple[Callable[[str, int, str], str], ...] = (
    lambda phone, number, day: f"联系电话{phone}。",
    lambda phone, number, day: f"请回电{phone_as_written(phone, 2)}。",
    lambda phone, number, day: f"电话：{phone_as_written(phone, 4)}，",
    lambda phone, number, day: f"手机{phone_as_written(phone, 3)}，",
    lambda phone, number, day: f"手机{phone_as_written(phone, 2).replace(' ', '－')}，".translate(_WIDE),
    lambda phone, number, day: f"手机{phone[:3]} {phone[3:7]}-{phone[7:]}，".translate(_WIDE),
    lambda phone, number, day: f"来电时间{day} {phone_as_written(phone, 2)}，",
    lambda phone, number, day: f"tel{phone}wx同号，",
    lambda phone, number, day: f"+86{phone}可联系，",
    lambda phone, number, day: f"座机{landline(number)[:3]}-{landline(number)[3:]}，",
    lambda phone, number, day: f"身份证{identity(number)}，",
    lambda phone, number, day: f"证件号{identity(number)[:6]} {identity(number)[6:14]} {identity(number)[14:]}，",
    lambda phone, number, day: f"车牌{plate(number)}，",
    lambda phone, number, day: f"来电人{person(number)}反映，",
    lambda phone, number, day: f"来电人：{person(number)}，电话{phone_as_written(phone, 2)}，身份证号{identity(number)}。",
    lambda phone, number, day: f"{day} {phone}，",
    lambda phone, number, day: f"三次拨打{phone}、{mobile(number + 17)}均无人接听。",
)  # fmt: skip


def mention(kind: int, phone: str, number: int, day: str) -> str:
    """A sentence with personal values; every `kind` (counted round) is another shape."""
    return _MENTIONS[kind % len(_MENTIONS)](phone, number, day)


def phones_as_written(phones: Objects, styles: Ints) -> Objects:
    """`phone_as_written` for a column; most are plain digits, so only the others cost time."""
    written = phones.copy()
    for row in np.flatnonzero(styles > 0):
        written[row] = phone_as_written(phones[row], int(styles[row]))
    return written


def mobiles(numbers: Ints) -> Objects:
    """`mobile` for a column."""
    return numbered(MOBILE_PREFIX, numbers % 100_000_000, 8)
