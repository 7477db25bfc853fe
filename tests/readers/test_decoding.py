"""Which encoding a part has, with the vectors of the domain model."""

from __future__ import annotations

import codecs

import pytest

from pipelines.errors import ContractError, DataError
from pipelines.readers.decoding import Text, decode

STREETS = "回龙观街道、天通苑北街道、霍营街道：路灯不亮，已派人处理。\n"


def decoded(content: bytes, declared: str = "utf-8") -> tuple[str, str, tuple[str, ...]]:
    text = decode(content, declared, "part")
    return text.data.decode(), text.encoding, text.flags


def test_gb_text_declared_utf8_is_read_and_flagged() -> None:
    expected = ("回龙观", "gb18030", ("re-decoded",))

    assert expected == decoded(bytes.fromhex("bbd8c1fab9db"))


def test_utf8_is_tried_first_even_when_gb18030_is_declared() -> None:
    assert (STREETS, "utf-8", ("re-decoded",)) == decoded(STREETS.encode(), "gb18030")
    assert (STREETS, "gb18030", ()) == decoded(STREETS.encode("gb18030"), "gb18030")


@pytest.mark.parametrize("declared", ["gbk", "GB2312", "cp936", "gb18030"])
def test_every_name_of_the_gb_family_means_gb18030(declared: str) -> None:
    assert (STREETS, "gb18030", ()) == decoded(STREETS.encode("gb18030"), declared)


@pytest.mark.parametrize("declared", ["utf-8", "gb18030"])
def test_utf8_that_somebody_read_as_gbk_is_refused(declared: str) -> None:
    with pytest.raises(DataError, match="looks like UTF-8 read as GBK"):
        decode("闇嶈惀琛楅亾,1\n".encode(), declared, "part")


def test_utf8_read_as_gbk_is_told_from_real_text_even_when_bytes_were_lost() -> None:
    damaged = STREETS.encode().decode("gb18030", "replace")

    with pytest.raises(DataError, match="looks like UTF-8 read as GBK"):
        decode(damaged.encode(), "utf-8", "part")


def test_utf8_that_somebody_read_as_latin1_is_refused() -> None:
    with pytest.raises(DataError, match="looks like UTF-8 read as"):
        decode(STREETS.encode().decode("latin-1").encode(), "utf-8", "part")


def test_a_few_damaged_rows_do_not_condemn_the_part() -> None:
    text = STREETS * 20 + "锟斤拷锟斤拷\n闇嶈惀琛楅亾\n\ufffd"

    assert (text, "utf-8", ()) == decoded(text.encode())


def test_a_part_full_of_replacement_characters_is_refused() -> None:
    with pytest.raises(DataError, match="replacement characters"):
        decode("编号,锟斤拷锟斤拷,锟斤拷\n".encode(), "utf-8", "part")


def test_rare_characters_of_names_are_read() -> None:
    assert ("䶮㛃𬱖𠮷", "gb18030", ()) == decoded(bytes.fromhex("fe9f8230b7319933c3369534b235"), "gb18030")


def test_private_use_characters_get_the_code_points_of_gb18030_2022() -> None:
    old = "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864"
    new = "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb"

    assert (STREETS + new, "gb18030", ("gb18030-2022",)) == decoded(
        (STREETS + old).encode("gb18030"), "gb18030"
    )


def test_short_gb_text_that_is_valid_utf8_by_chance_follows_the_declaration() -> None:
    content = "通".encode("gb18030")

    assert "\u0368" == decoded(content, "utf-8")[0]
    assert "通" == decoded(content, "gb18030")[0]


def test_windows_1252_is_refused_unless_it_is_named() -> None:
    content = "Straße,Müller,größer\n".encode("cp1252")

    with pytest.raises(DataError, match="neither UTF-8 nor"):
        decode(content, "utf-8", "part")
    with pytest.raises(DataError, match="neither UTF-8 nor"):
        decode(content, "gb18030", "part")
    assert ("Straße,Müller,größer\n", "cp1252", ()) == decoded(content, "cp1252")


def test_big5_is_refused_unless_it_is_named() -> None:
    content = ("霍營街道回龍觀鎮辦事處路燈不亮" * 3).encode("big5")

    with pytest.raises(DataError, match="neither UTF-8 nor"):
        decode(content, "utf-8", "part")
    assert "big5" == decoded(content, "big5")[1]


def test_traditional_characters_are_read_where_gb18030_is_declared() -> None:
    text = "請問這個地方應該怎麼處理關於環境衛生的問題"

    assert (text, "gb18030", ()) == decoded(text.encode("gb18030"), "gbk")


def test_utf16_with_its_mark_is_read() -> None:
    assert (STREETS, "utf-16", ("re-decoded",)) == decoded(STREETS.encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be", "hz", "utf-7"])
def test_an_encoding_that_is_not_like_ascii_is_taken_at_its_word(encoding: str) -> None:
    assert (STREETS, encoding, ()) == decoded(STREETS.encode(encoding), encoding)


def test_utf16_without_its_mark_and_other_nul_bytes_are_refused_with_the_line() -> None:
    with pytest.raises(DataError, match="line 1: found a NUL byte"):
        decode("a,b\n".encode("utf-16-le"), "utf-8", "part")
    with pytest.raises(DataError, match="line 2: found a NUL byte"):
        decode(b"a,b\n1,\x00\n", "utf-8", "part")


def test_byte_order_marks_are_taken_from_the_start_and_from_line_starts() -> None:
    mark = codecs.BOM_UTF8

    assert Text(b"a\n1\n", "utf-8") == decode(mark + b"a\n1\n", "utf-8", "part")
    assert Text(b"a\r\n1\n2", "utf-8", ("byte-order-mark",)) == decode(
        mark * 2 + b"a\r\n" + mark + b"1\n2", "utf-8", "part"
    )


def test_what_is_valid_nowhere_is_refused_with_the_line_and_without_the_bytes() -> None:
    with pytest.raises(
        DataError, match="part, line 2: byte 9 is valid neither as UTF-8 nor as gb18030"
    ) as caught:
        decode(b"a,b\nabcde\xff\xff13800138000\n", "utf-8", "part")

    assert "138" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_an_encoding_nobody_knows_is_the_contracts_fault() -> None:
    with pytest.raises(ContractError, match="'utf-9' does not exist"):
        decode(b"a", "utf-9", "part")
