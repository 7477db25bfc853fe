"""JSON records arrive as text, every name of every record is seen, and what is no list of objects is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_feeds import column, feed, read, rows_of, server

from pipelines import contract as contracts
from pipelines.contract.model import DropRule
from pipelines.errors import DataError, DataRefused

PLAIN = server(connector="open311")


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    ("source", "envelope"),
    [
        (server(connector="ckan"), '{{"success": true, "result": {{"total": 2, "records": {}}}}}'),
        (
            server(connector="paged_json"),
            '{{"code": 0, "message": "ok", "data": {{"total": 2, "list": {}}}}}',
        ),
        (server(connector="open311"), "{}"),
        (server(connector="ngsi_ld"), "{}"),
        (server(connector="next_link"), '{{"value": {}}}'),
        (server(connector="next_link"), "{}"),
        (server(connector="file", format="geojson"), '{{"type": "FeatureCollection", "features": {}}}'),
        (server(connector="file", records="a.b.中 文"), '{{"a": {{"b": {{"中 文": {}}}}}}}'),
    ],
)
def test_records_are_found_in_each_dialects_envelope(source: Any, envelope: str) -> None:
    page = envelope.format('[{"a": 1}, {"a": 2}]')

    assert [("1",), ("2",), ("1",), ("2",)] == rows_of(feed("a"), source, page, page)


def test_values_arrive_as_the_text_that_was_sent() -> None:
    record = (
        '{"text": "多行\\n\\"引号\\" \\u4e2d", "empty": "", "null": null, "word": "null", "truth": true, "whole": '
        '12345678901234567890123, "part": 116.350, "object": {"k": [1, "x"]}, "list": [], "negative": -7}'
    )
    names = [
        "text",
        "empty",
        "null",
        "absent",
        "word",
        "truth",
        "whole",
        "part",
        "object",
        "list",
        "negative",
    ]

    expected = (
        '多行\n"引号" 中', "", None, None, "null", "true", "12345678901234567890123", "116.35", '{"k":[1,"x"]}', "[]",
        "-7",
    )  # fmt: skip
    assert [expected] == rows_of(feed(*names), PLAIN, f"[{record}]")


def test_names_may_hold_any_character() -> None:
    names = ["来电人电话/账号", "总投资(万元)", "PM2.5", 'a"b', "a'b", "a\\b", "a[0]", "$", "@id", "a b"]
    record = {name: str(number) for number, name in enumerate(names)}
    columns = [column(f"c{number}", name) for number, name in enumerate(names)]

    assert [tuple(record.values())] == rows_of(feed(*columns), PLAIN, dumps([record]))


def test_names_that_differ_by_case_alone_stay_apart() -> None:
    assert [("1", "2")] == rows_of(
        feed(column("lower", "a"), column("upper", "A")), PLAIN, '[{"A": 2, "a": 1}]'
    )


def test_names_match_by_their_normal_form() -> None:
    assert [("1",)] == rows_of(feed(column("x", "总投资(万元)")), PLAIN, '[{"总投资（万元） ": 1}]')


def test_paths_lead_into_objects_and_arrays() -> None:
    contract = feed(
        column("street", "extended_attributes.street"),
        column("lon", "location.value.coordinates[0]"),
        column("lat", "location.value.coordinates[1]"),
        column("model", "model", "model.value"),
        column("seen", "seen.at", "seen"),
        column("second", "list[1].name"),
    )
    record = {
        "extended_attributes": {"street": "霍营街道"},
        "location": {"value": {"coordinates": [116.3, 40.1]}},
        "model": {"type": "Property", "value": "X"},
        "seen": "2026",
        "list": [1, {"name": "b"}],
    }

    assert [("霍营街道", "116.3", "40.1", "X", "2026", "b")] == rows_of(contract, PLAIN, dumps([record]))


def test_the_first_name_with_a_value_counts_and_two_names_warn() -> None:
    contract = feed(column("address", "address", "address_string"))
    found, rows = read(contract, PLAIN, '[{"address": "a", "address_string": "b"}, {"address_string": "c"}]')

    assert [("a",), ("c",)] == rows
    assert ("address arrives under 2 names; the first with a value counts",) == found.warnings


def test_joined_columns_are_joined_by_a_blank() -> None:
    contract = feed(column("observed_at", "observed_at", join=("date", "hour")))
    page = '[{"date": 20261117, "hour": 0}, {"date": 20261117, "hour": null}, {"date": null}]'

    assert [("20261117 0",), ("20261117",), (None,)] == rows_of(contract, PLAIN, page)


def test_columns_the_contract_drops_or_knows_beforehand_are_not_created() -> None:
    contract = feed(
        "a",
        column("caller_name", "来电人", privacy="drop"),
        column("snapshot_on", "台账日期", constant="window_last_day"),
        drop_rules=(DropRule(("secrecy",), "^1$", "secrecy"),),
    )
    found, rows = read(contract, PLAIN, '[{"a": 1, "来电人": "王某", "台账日期": "x", "secrecy": 1}]')

    assert [("1", "1")] == rows
    assert () == found.unknown


def test_a_name_only_the_last_of_many_records_has_is_seen() -> None:
    page = "[" + '{"a": 1},' * 5000 + '{"a": 1, "late": 2}]'
    found, rows = read(feed("a", "late"), PLAIN, page)

    assert ("1", "2") == rows[-1]
    assert (5001, ()) == (found.rows, found.absent)


def test_unknown_names_are_told_with_the_object_they_stand_in() -> None:
    contract = feed(column("street", "extended.street"))
    found, _ = read(contract, PLAIN, '[{"extended": {"street": 1, "new": 2}, "other": {"x": 1}}]')

    assert ("extended.new", "other") == found.unknown
    assert ("additive: 2 unknown column(s) left out: 'extended.new', 'other'",) == found.warnings


def test_the_number_a_platform_gives_each_record_is_no_news() -> None:
    page = '{"result": {"records": [{"_id": 1, "a": 2}]}}'

    assert () == read(feed("a"), server(connector="ckan"), page)[0].unknown


def test_the_fingerprint_changes_with_the_names_and_not_with_values_or_order() -> None:
    def fingerprint(page: str) -> str:
        return read(feed("a"), PLAIN, page)[0].fingerprint

    assert fingerprint('[{"a": 1, "b": 2}]') == fingerprint('[{"b": 3}, {"a": 4}]')
    assert fingerprint('[{"a": 1, "b": 2}]') != fingerprint('[{"a": 1, "c": 2}]')


def test_a_required_column_no_record_has_is_an_error_and_an_optional_one_a_warning() -> None:
    contract = feed("a", column("b", required=True), "c")
    with pytest.raises(DataError, match="1 column is missing among 1 found\n  b: expected 'b'"):
        read(contract, PLAIN, '[{"a": 1}]')
    found, rows = read(contract, PLAIN, '[{"a": 1, "b": null}]')

    assert [("1", None, None)] == rows
    assert (("c",), ("no record has 1 optional column(s): c",)) == (found.absent, found.warnings)


def test_a_rule_that_guards_against_secret_rows_needs_its_column() -> None:
    contract = feed("a", drop_rules=(DropRule(("secrecy.value",), "^1$", "secrecy"),))

    with pytest.raises(DataError, match=r"rule that drops secrecy rows: expected 'secrecy\.value'"):
        read(contract, PLAIN, '[{"a": 1}]')


@pytest.mark.parametrize("parts", [(), ("[]",), ("[]", "[]")])
def test_no_records_are_no_error(parts: tuple[str, ...]) -> None:
    found, rows = read(feed(column("a", required=True)), PLAIN, *parts)

    assert (0, [], ()) == (found.rows, rows, found.warnings)


def test_a_null_list_and_a_part_without_content_are_no_records_and_warn() -> None:
    source = server(connector="paged_json")
    found, rows = read(feed("a"), source, '{"code": 0, "data": {"list": null}}', b"")

    assert [] == rows
    assert 2 == len(found.warnings)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('[{"a": 1}, {"a": "13800138000"', "not JSON: unexpected end of data at byte 30"),
        ("<html>13800138000</html>", "not JSON: unexpected character at byte 0"),
        ('[{"a": 1}]\n[{"a": 2}]', "not JSON: unexpected content after document at byte 11"),
        ('[{"a": "\\ud800"}]', "not JSON"),
        ('{"code": 500, "message": "13800138000"}', "expected the list of records at $, found object"),
        ('[{"a": 1}, 13800138000, null]', "2 record(s) are no objects, the first is number 2"),
        ('[{"a": 1}, [1]]', "1 record(s) are no objects, the first is number 2"),
        ('[{"a": 1, "a": 2}]', "a record has a name more than once: 'a'"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_without_showing_it(page: str, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        read(feed("a"), PLAIN, '[{"a": 1}]', page)

    assert f"city_sample, part-00002: {fault}" in str(caught.value)
    assert "138" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_name_twice_in_an_object_the_contract_looks_into_is_refused() -> None:
    with pytest.raises(DataError, match="a record has a name more than once: 'b'"):
        read(feed(column("x", "a.b")), PLAIN, '[{"a": {"b": 1, "b": 2}}]')


def test_a_missing_envelope_is_an_error() -> None:
    with pytest.raises(
        DataError, match=r'expected the list of records at \$."result"."records", found nothing'
    ):
        read(feed("a"), server(connector="ckan"), '{"success": false, "error": {}}')


@pytest.mark.parametrize("depth", [1_000, 200_000])
def test_deep_nesting_is_text_like_any_other_value(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    contract = feed("a", forbidden_columns=("face",))

    assert [(nested,)] == rows_of(contract, PLAIN, f'[{{"a": {nested}}}]')


@pytest.mark.parametrize(
    "record",
    [
        {"faceImages": 1},
        {"a": 1, "b": {"c": [{"snapshot_url": None}, 5]}},
        {"license-plate": ""},
        {"设备人脸库": []},
        {"deep": [[[{"BODY": 1}]]]},
        {"text": '"x": ', "a\\": 1, "x": {"Plate": 1}},
    ],
)
def test_a_forbidden_name_at_any_depth_refuses_the_batch(record: dict[str, Any]) -> None:
    contract = feed("a", forbidden_columns=("face", "snapshot", "plate", "body", "人脸"))
    with pytest.raises(DataRefused, match="forbidden column"):
        read(contract, PLAIN, '[{"a": 1}]', dumps([{"a": 1}, {**record, "a": 13800138000}]))


def test_names_that_only_resemble_a_forbidden_one_pass() -> None:
    contract = feed("a", forbidden_columns=("face", "plate", "body", "人脸"))
    record = {
        "a": 'the word "face": 1',
        "surface": 1,
        "template": 2,
        "somebody": {"人员": 3},
        "x": '"plate":',
    }

    assert 1 == len(rows_of(contract, PLAIN, dumps([record])))


def test_a_forbidden_value_refuses_the_batch_and_is_not_shown() -> None:
    contract = feed("a", forbidden_values=("plate",))
    for page in (dumps([{"a": "车牌京A12345"}]), json.dumps([{"b": {"c": ["车牌京A12345"]}}])):
        with pytest.raises(DataRefused, match="shows values nobody may keep: plate") as caught:
            read(contract, PLAIN, page)

        assert "12345" not in str(caught.value)


def test_pages_are_numbered_on_in_the_order_of_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.readers import json_records

    monkeypatch.setattr(json_records, "_GROUP_BYTES", 30_000)
    pages = [dumps([{"a": page * 1000 + number} for number in range(700)]) for page in range(9)]
    rows = rows_of(feed("a"), PLAIN, *pages)

    assert [(str(page * 1000 + number),) for page in range(9) for number in range(700)] == rows


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"a": VALUES, "b.c": VALUES, "中": VALUES}), min_size=1, max_size=5
    )
)
def test_both_ways_of_taking_values_give_the_same_and_texts_come_through(
    records: list[dict[str, Any]],
) -> None:
    page = dumps(records)
    names = ("a", "b.c", "中")
    flat = rows_of(feed(*names), PLAIN, page)
    # One value inside an object makes the reader take every value by its path.
    by_path = rows_of(
        feed(*names, column("inner", "d.e")),
        PLAIN,
        page.replace("[{", '[{"d": {"e": 1}, ', 1).replace(", }", "}", 1),
    )

    for one, other in zip(flat, by_path, strict=True):
        for text, same in zip(one, other[:3], strict=True):
            # Beyond 1e16 one way writes an exponent and the other does not.
            assert text == same or float(text or "") == float(same or "")
    for record, row in zip(records, flat, strict=True):
        for name, text in zip(names, row, strict=True):
            value = record.get(name)
            if value is None:
                assert text is None
            elif isinstance(value, str):
                assert value == text
            elif isinstance(value, float):
                assert value == float(text or "")
            else:
                assert value == json.loads(text or "")


def test_the_seven_contracts_read_what_their_wires_say() -> None:
    device = {
        "id": "urn:ngsi-ld:VideoDevice:1",
        "type": "VideoDevice",
        "deviceId": {"type": "Property", "value": "11011400001320000001"},
        "name": {"value": "北门"},
        "civilCode": {"value": "110114"},
        "street": {"value": "霍营街道"},
        "community": {"value": "华龙苑"},
        "networkClass": {"value": "一类"},
        "status": {"value": "ON", "observedAt": "2026-11-17T00:00:00Z"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [116.35, 40.070758]}},
        "model": {"value": "X1"},
        "secrecy": {"value": 0},
    }
    contract = contracts.load("street_video_devices")

    assert [
        (
            "11011400001320000001", "北门", "110114", "霍营街道", "华龙苑", "一类", "ON", "116.35", "40.070758", "X1",
            "2026-11-17T00:00:00Z", "0",
        )
    ] == rows_of(contract, contract.server("sample"), dumps([device]))  # fmt: skip


def test_a_feature_is_a_row_of_its_properties_with_its_geometry_as_text() -> None:
    features = [
        {
            "type": "Feature",
            "id": 7,
            "properties": {"编号": "G1", "type": "公园", "面积": 15, "单位": {"名称": "亩"}},
            "geometry": {"type": "Point", "coordinates": [116.35, 40.07]},
        },
        {"type": "Feature", "properties": {"编号": "G2"}, "geometry": None},
        {"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": []}},
    ]
    contract = feed(
        column("parcel_id", "编号"),
        column("kind", "type"),
        column("feature", "id"),
        column("unit", "单位.名称"),
        column("area", "properties.面积"),
        column("shape", "geometry"),
        column("lon", "geometry.coordinates[0]"),
    )
    source = server(format="geojson")

    found, rows = read(contract, source, dumps({"type": "FeatureCollection", "features": features}))

    assert [
        ("G1", "公园", "7", "亩", "15", '{"type":"Point","coordinates":[116.35,40.07]}', "116.35"),
        ("G2", None, None, None, None, None, None),
        (None, None, None, None, None, '{"type":"Polygon","coordinates":[]}', None),
    ] == rows
    assert () == found.unknown


def test_a_single_feature_is_no_collection() -> None:
    with pytest.raises(DataError, match=r'expected the list of records at \$."features", found nothing'):
        rows_of(feed("a"), server(format="geojson"), dumps({"type": "Feature", "properties": {"a": 1}}))


@pytest.mark.parametrize(
    "record", ['{"a": 1, "FaceListObject": {}}', '{"a": 1, "x": [{"SubImageList" : []}]}']
)
def test_objects_of_image_platforms_are_refused_in_every_feed(record: str) -> None:
    with pytest.raises(DataRefused, match="an object of GA/T 1400"):
        rows_of(feed("a"), PLAIN, f"[{record}]")


def test_a_word_that_only_resembles_an_image_object_is_no_reason() -> None:
    assert [("Object",)] == rows_of(feed("a"), PLAIN, '[{"a": "Object", "PersonListObjects": "FaceObject"}]')
