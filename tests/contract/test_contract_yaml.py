"""What people and hostile files do to YAML: each ends in a line and a sentence, never in a traceback."""

from __future__ import annotations

import codecs

import pytest


def test_the_small_contract_is_right(wrong_with):
    assert [] == wrong_with()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: the file is empty"]),
        ("# only a comment\n", ["1: the file is empty"]),
        ("- a\n- b\n", ["1: the file should be a mapping of keys, such as `id: …`"]),
        ("just words\n", ["1: the file should be a mapping of keys, such as `id: …`"]),
        ("a: 1\n\tb: 2\n", ["2: YAML does not allow a tab here; use spaces"]),
        ("a: 1\nb:\n\t- 2\n", ["3: YAML does not allow a tab here; use spaces"]),
        (
            "a: b: c\n",
            ["1: a colon stands in unquoted text, or the line is indented too far; quote the text"],
        ),
        ("---\na: 1\n---\nb: 2\n", ["3: the file holds two documents (a second `---`); a contract is one"]),
        (
            "a: \x01\n",
            ["1: the file holds a character that YAML does not allow, such as a control character"],
        ),
        ("a: " + "[" * 300 + "]" * 300, ["1: the file is nested too deeply to be a contract"]),
        ("a: " + "[" * 40_000 + "]" * 40_000, ["1: the file is nested too deeply to be a contract"]),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_file_that_is_no_mapping_says_so(wrong_with, text, expected):
    assert expected == wrong_with(text=text)[:1]


def test_a_key_given_twice_is_an_error_with_both_lines(wrong_with):
    assert ["5: key 'name' is given twice; it stands on line 4 already"] == wrong_with(
        ("version: 1.0.0\n", "name: again\nversion: 1.0.0\n")
    )


def test_anchors_are_refused(wrong_with):
    found = wrong_with(("[changed_at]\n", "&a [changed_at]\n  - property: tags\n    value: *a\n"))

    assert any("anchors" in line for line in found)


def test_a_bomb_of_anchors_is_refused_at_once(wrong_with):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]\n"
        for i in range(1, 30)
    )

    assert any("anchors" in line for line in wrong_with(text=bomb))


@pytest.mark.parametrize("merge", ["<<: {a: 1}\n", "x: &x {a: 1}\n<<: *x\n"])
def test_merged_keys_are_refused(wrong_with, right, merge):
    assert any("anchors" in line for line in wrong_with(text=right + merge))


@pytest.mark.parametrize("value", ["yes", "No", "on", "0110", "12:30", "1_000", "0x1F", ".inf", ".nan"])
def test_a_value_that_programs_read_differently_must_be_quoted(wrong_with, value):
    found = wrong_with(("value: outdoor", f"value: {value}"))

    assert [f"62: '{value}' is read differently by different programs; write it in quotes"] == found


def test_a_huge_number_is_refused_where_it_stands(wrong_with):
    found = wrong_with(("maximum: 99", f"maximum: {'9' * 5000}"))

    assert ["72: a number of 5000 digits is too long; write it in quotes if it is a code"] == found


def test_a_tag_is_refused(wrong_with):
    found = wrong_with(("name: pool-office", "name: !!python/object:os.system pool-office"))

    assert ["88: tag 'tag:yaml.org,2002:python/object:os.system' is not allowed; leave it out"] == found


def test_prose_in_braces_is_told_as_unknown_keys(wrong_with):
    found = wrong_with(
        (
            "- name: remark_text\n        logicalType: string\n        description: Remark.",
            "- {name: remark_text, logicalType: string, description: Remark, see also the office}",
        )
    )

    assert ["73: property 'remark_text' has unknown key 'see also the office'"] == found


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: ("\n\n# a comment\n" + text + "\n\n").encode(),
    ],
    ids=["byte order mark", "carriage returns", "comments"],
)
def test_harmless_spellings_are_read(wrong_with, right, spell):
    assert [] == wrong_with(text=spell(right))


def test_a_file_in_another_encoding_says_where(wrong_with, right):
    assert ["23: the file is not UTF-8; save it again as UTF-8"] == wrong_with(text=right.encode("gb18030"))


def test_lines_are_right_with_carriage_returns(wrong_with, right):
    text = right.replace("status: active", "status: actve").replace("\n", "\r\n").encode()

    assert [
        "6: the contract has status 'actve', expected one of proposed, draft, active, deprecated, retired; "
        "did you mean 'active'?"
    ] == wrong_with(text=text)


def test_a_date_without_quotes_stays_text(wrong_with):
    assert [] == wrong_with(("description: Remark.", "description: 2026-11-17"))
