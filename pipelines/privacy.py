"""What must not be kept, and how it is taken out: tokens, masks, forbidden values, encryption keys.

Everything that runs over rows is SQL for DuckDB, so that a million texts are masked in columns. RE2, DuckDB's
engine, has no look-around; a boundary is therefore matched and put back, and each such pattern runs twice, so
that neighbours that share a boundary are both caught.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.database import literal

if TYPE_CHECKING:
    import duckdb

NUMBER_MASK = "[号码]"
PLATE_MASK = "[车牌]"
NAME_MASK = "[姓名]"
MAIL_MASK = "[邮箱]"

_DIGIT = r"\p{Nd}"
_GAP = r"[\s\p{Z}\-－—–‑−·•.．,，/／_()（）]{0,3}"
_BEFORE = rf"(^|[^{_DIGIT}])"
_AFTER = rf"($|[^{_DIGIT}])"
_MOBILE = rf"[1１]{_GAP}[3-9３-９](?:{_GAP}{_DIGIT}){{9}}"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"

_CALLERS = "来电人|诉求人|反映人|联系人|当事人|姓名"
_SURNAMES = (
    "王李张刘杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟"
    "汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严"
    "牛温芦季俞章鲁葛伍韦申尤毕聂焦柳邢岳齐梅莫庄辛管祝左涂谷祁舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游裴席卫屈鲍覃霍翁"
    "隋甘景单包司柏宁柯阮桂闵柴华车冉房边"
)
# After these a letter that makes a word of them is no given name: 诉求人陈述, 来电人曾多次反映, 来电人于昨日来电.
_SURNAMES_IN_WORDS = {"陈": "述", "曾": "多经", "于": "今昨本"}
_NAME = (
    "(?:"
    + "|".join(
        (
            rf"[{_SURNAMES}][\p{{Han}}·]",
            *(rf"{one}[^{no}\P{{Han}}]" for one, no in _SURNAMES_IN_WORDS.items()),
        )
    )
    + r")[\p{Han}·]{0,2}?"
)
_AFTER_NAME = r"反映|称|说|来电|表示|投诉|咨询|求助|要求|希望|认为|联系|电话|先生|女士|[，,。；;：:、\s]|$"

# Each pattern with its replacement, in order. `twice`: the pattern swallows its boundaries.
_TEXT_MASKS: tuple[tuple[str, str, bool], ...] = (
    # A date glued to a number hides the boundary the next pattern needs.
    (
        rf"({_DIGIT}{{4}}[-/.年－]{_DIGIT}{{1,2}}[-/.月－]{_DIGIT}{{2}}日?)({_MOBILE}){_AFTER}",
        rf"\1{NUMBER_MASK}\3",
        True,
    ),
    # Identity numbers written with gaps, before a long run inside them is taken away.
    (
        rf"{_BEFORE}[1-9]{_DIGIT}{{5}}{_GAP}{_DIGIT}{{4}}{_GAP}{_DIGIT}{{4}}{_GAP}{_DIGIT}{{3}}{_GAP}[{_DIGIT}XxＸｘ]{_AFTER}",
        rf"\1{NUMBER_MASK}\2",
        True,
    ),
    # Any long unbroken run of digits: mobile, identity and card numbers, also glued ones.
    (rf"{_DIGIT}{{11,}}[XxＸｘ]?", NUMBER_MASK, False),
    (rf"{_BEFORE}(?:[+＋]?[8８][6６]{_GAP})?{_MOBILE}{_AFTER}", rf"\1{NUMBER_MASK}\2", True),
    (
        rf"{_BEFORE}[0０]{_DIGIT}{{2,3}}[-－—–\s\p{{Z}}]{{0,2}}{_DIGIT}{{7,8}}{_AFTER}",
        rf"\1{NUMBER_MASK}\2",
        True,
    ),
    (rf"[{_PROVINCES}][A-Za-zＡ-Ｚ][·•\-\s]?[A-Za-z0-9Ａ-Ｚ０-９]{{5,6}}", PLATE_MASK, False),
    (rf"({_DIGIT}+号?楼){_DIGIT}+单元({_DIGIT}{{3,4}}室?)?", r"\1", False),
    (rf"({_CALLERS})(?:[:：\s]|为|是|叫)+[\p{{Han}}·]{{2,4}}", rf"\1{NAME_MASK}", False),
    # A name glued to the word in front of it is known by its surname, or 来电人表示 would lose its verb.
    (rf"({_CALLERS}){_NAME}({_AFTER_NAME})", rf"\1{NAME_MASK}\2", False),
    (r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+", MAIL_MASK, False),
)
# In an identifier a long number is what it should be; only what has the very shape of a person's number goes.
_CODE_MASKS: tuple[tuple[str, str, bool], ...] = (
    (rf"{_BEFORE}(?:[+＋]?[8８][6６]{_GAP})?{_MOBILE}{_AFTER}", rf"\1{NUMBER_MASK}\2", True),
    (
        rf"{_BEFORE}[1-9]{_DIGIT}{{5}}{_GAP}(?:19|20){_DIGIT}{{2}}{_GAP}(?:0[1-9]|1[0-2])(?:[0-2]{_DIGIT}|3[01])"
        rf"{_GAP}{_DIGIT}{{3}}{_GAP}[{_DIGIT}Xx]{_AFTER}",
        rf"\1{NUMBER_MASK}\2",
        True,
    ),
)
# Most texts hold none of these; one cheap look spares them the masks.
_SUSPECT = (
    rf"(?:{_DIGIT}[^{_DIGIT}]{{0,3}}){{6}}{_DIGIT}|[{_PROVINCES}][A-Za-zＡ-Ｚ]|单元|@"
    rf"|{_CALLERS}"
)
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_HMAC_BLOCK = 64
_TOKEN_LENGTH = 26


def install(connection: duckdb.DuckDBPyConnection, caller_key: str = "") -> None:
    """Give a connection the macros `mask_text(text)`, `mask_code(text)` and, with a key, `caller_token(text, epoch)`.

    `caller_token` is the first 26 letters of base32(HMAC-SHA-256(key, epoch ‖ number)) after the epoch and an
    underscore; the number is its digits, a mobile's without country code and leading zero, an account its lower-case text.
    The key lives in a session variable, never in SQL text, so that no error message can show it.
    """
    connection.execute(
        "create or replace temp macro mask_text(text) as "
        f"case when regexp_matches(text, {literal(_SUSPECT)}) then {_masked(_TEXT_MASKS)} else text end"
    )
    connection.execute(f"create or replace temp macro mask_code(text) as {_masked(_CODE_MASKS)}")
    if not caller_key:
        return
    key = caller_key.encode().ljust(_HMAC_BLOCK, b"\0")
    if len(key) > _HMAC_BLOCK:
        import hashlib

        key = hashlib.sha256(caller_key.encode()).digest().ljust(_HMAC_BLOCK, b"\0")
    for name, pad in (("caller_inner", 0x36), ("caller_outer", 0x5C)):
        connection.execute(f"set variable {name} = ?::blob", [bytes(byte ^ pad for byte in key)])
    # A mobile number in whatever company, any other number without its separators, else the account's own name.
    connection.execute(
        "create or replace temp macro digits_of(text) as regexp_replace(half_width(text), '[^0-9]', '', 'g')"
    )
    connection.execute(
        "create or replace temp macro caller_number(text) as "
        "case when regexp_full_match(digits_of(text), '(0086|86|0)?1[3-9][0-9]{9}') then right(digits_of(text), 11) "
        "when regexp_full_match(half_width(text), '[-+0-9 ().,/]+') then digits_of(text) "
        "else lower(trim(half_width(text))) end"
    )
    letters = " || ".join(
        f"substr('{_BASE32}', (((('0x' || substr(digest, {1 + 15 * (i // 12)}, 15))::ubigint "
        f">> {55 - 5 * (i % 12)}) & 31) + 1)::bigint, 1)"
        for i in range(_TOKEN_LENGTH)
    )
    connection.execute(f"create or replace temp macro base32_of_hex(digest) as {letters}")
    # A macro is its text: what it names 26 times would be worked out 26 times. A lambda's argument is one value.
    connection.execute(
        "create or replace temp macro caller_token(text, epoch) as list_transform([[epoch, caller_number(text)]], "
        "lambda given: given[1] || '_' || list_transform([sha256(getvariable('caller_outer') || unhex(sha256("
        "getvariable('caller_inner') || encode(given[1] || given[2]))))], lambda digest: base32_of_hex(digest))[1])[1]"
    )


def _masked(masks: tuple[tuple[str, str, bool], ...]) -> str:
    masked = "text"
    for pattern, replacement, twice in masks:
        for _ in range(2 if twice else 1):
            masked = f"regexp_replace({masked}, {literal(pattern)}, {literal(replacement)}, 'g')"
    return masked


_IDENTITY = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"
)
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECK = "10X98765432"
_FORBIDDEN_VALUES = {
    "plate": re.compile(rf"[{_PROVINCES}][A-Z][·•]?[A-Z0-9]{{5,6}}(?![A-Z0-9])"),
    "picture": re.compile(
        r"data:image/|(?<![A-Za-z0-9+/])/9j/[A-Za-z0-9+/]{40}|iVBORw0KGgo|\.(?:jpe?g|png|gif|bmp|webp|mp4|avi)(?![a-z])",
        re.IGNORECASE,
    ),
    "mobile_number": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"),
}


def forbidden_values(text: str, kinds: tuple[str, ...]) -> list[str]:
    """Which of the forbidden kinds of value a text shows: identity_number, plate, picture, mobile_number.

    Identity numbers count only with a right check digit (GB 11643), so that other long numbers pass.
    """
    found = []
    for kind in kinds:
        if kind == "identity_number":
            if any(_identity_is_right(match[0]) for match in _IDENTITY.finditer(text)):
                found.append(kind)
        elif _FORBIDDEN_VALUES[kind].search(text):
            found.append(kind)
    return found


def _identity_is_right(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, _IDENTITY_WEIGHTS, strict=False))
    return _IDENTITY_CHECK[total % 11] == number[-1].upper()


def scrub(message: str) -> str:
    """The first line of a library's error text, with everything that may be a value taken out.

    Quoted words and long numbers go; names stay where DuckDB complains about a statement and not about a row.
    """
    line = message.split("\n", 1)[0]
    if line.startswith(("Catalog Error", "Binder Error", "Parser Error")):
        return line
    line = re.sub(r"'[^']*'|\"[^\"]*\"|“[^”]*”", "'…'", line)
    return re.sub(r"\d{5,}", "…", line)
