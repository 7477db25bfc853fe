"""The sources over HTTP: each speaks its own dialect, lies when told to, and shows the clock's state."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
import requests
from small_city import CITY, DAYS, pulled_at, window

from pipelines.samplecity import answerkey
from pipelines.samplecity.city import air, hotline, project_sheet, projects

HOTLINE = "/api/3/action/datastore_search"
FILTERS = json.dumps({"最后修改时间": {"gte": "2026-11-01 00:00:00", "lt": "2026-11-18 00:00:00"}})


def _get(address: str, path: str, **query) -> requests.Response:
    return requests.get(address + path, params=query, timeout=300)


def _fault(address: str, path: str, kind: str, times: int = 1, **more) -> None:
    answer = requests.put(
        address + "/faults", json={"path": path, "kind": kind, "times": times, **more}, timeout=300
    )
    assert answer.ok, answer.text


def _orders(address: str, **query) -> dict:
    return _get(address, HOTLINE, resource_id="hotline-orders", filters=FILTERS, sort="_id", **query).json()[
        "result"
    ]


def test_ckan_lowers_the_limit_in_silence_and_pages_add_up_to_the_total(address: str):
    pages, offset = [], 0
    while not pages or pages[-1]["records"]:
        pages.append(_orders(address, limit=5000, offset=offset))
        offset += len(pages[-1]["records"])
    ids = [record["_id"] for page in pages for record in page["records"]]

    assert 500 == pages[0]["limit"] == len(pages[0]["records"])
    assert pages[0]["total"] == len(ids) == len(set(ids))
    assert sorted(ids) == ids


def test_ckan_filters_by_the_time_of_change_at_the_clock(address: str):
    requests.put(f"{address}/clock", json={"now": pulled_at(DAYS[1]).isoformat()}, timeout=300)
    start, end = window(DAYS[1])
    filters = json.dumps({"最后修改时间": {"gte": str(start - hotline.LOOK_BACK), "lt": str(end)}})
    answer = _get(address, HOTLINE, resource_id="hotline-orders", filters=filters, limit=500).json()["result"]
    wire = answerkey.served(CITY, hotline.FEED, start, end)

    assert list(wire.columns["工单编号"]) == [record["工单编号"] for record in answer["records"]]


def test_the_state_follows_the_clock(address: str):
    before = _orders(address, limit=1)["total"]
    answer = requests.put(address + "/clock", json={"now": "2026-11-17T02:00:00+08:00"}, timeout=300)

    assert {"now": "2026-11-17T02:00:00+08:00"} == answer.json()
    assert _orders(address, limit=1)["total"] < before
    assert 400 == requests.put(address + "/clock", json={"now": "soon"}, timeout=300).status_code


def test_the_workbook_has_merged_headers_merged_cells_hidden_rows_and_a_subtotal(address: str):
    answer = _get(address, "/plan/projects.xlsx", as_of="2026-11-18")
    page = openpyxl.load_workbook(io.BytesIO(answer.content))[project_sheet.SHEET]
    merged = {str(area) for area in page.merged_cells.ranges}
    columns = projects.NAMES
    packages = [page.cell(row, columns.index("任务包") + 1).value for row in range(4, page.max_row + 1)]

    assert {"A1:R1", "A2:A3", "H2:I2", "M2:N2"} <= merged
    assert ("计划", "开工", "完工") == (page["H2"].value, page["H3"].value, page["I3"].value)
    assert any(area.startswith("D") and area not in ("D2:D3",) for area in merged)
    assert "同上" in packages
    assert any(page.row_dimensions[row].hidden for row in range(4, page.max_row))
    assert "合计" == page.cell(page.max_row, 1).value
    assert answer.content == _get(address, "/plan/projects.xlsx", as_of="2026-11-18").content


def test_the_grid_file_is_gb18030_with_a_trailer_that_counts_its_rows(address: str):
    answer = _get(address, "/grid/cases.csv", **{"from": "2026-11-01T00:00:00", "to": "2026-11-18T00:00:00"})
    text = answer.content.decode("gb18030")
    rows = list(csv.reader(io.StringIO(text)))

    assert [f"#rows={len(rows) - 2}"] == rows[-1]
    assert {len(rows[0])} == {len(row) for row in rows[:-1]}
    assert any("\n" in cell for row in rows for cell in row)
    assert any(rare in text for rare in "䶮㛃𠮷")
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode("gbk")
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode("utf-8")


def test_the_air_file_has_a_column_per_station_and_ends_at_the_clock(address: str):
    rows = list(csv.reader(io.StringIO(_get(address, "/air/beijing_all_20261118.csv").text)))

    assert ["date", "hour", "type", *air.STATIONS] == rows[0]
    assert {"0"} == {row[1] for row in rows[1:]}
    assert set(air.INDICATORS) == {row[2] for row in rows[1:]}
    assert 404 == _get(address, "/air/beijing_all_20261119.csv").status_code
    assert 404 == _get(address, "/air/something.csv").status_code


def test_files_are_not_sent_again_to_who_has_them(address: str):
    for path in ("/grid/cases.csv", "/air/beijing_all_20261117.csv", "/plan/projects.xlsx"):
        first = _get(address, path)
        by_tag = requests.get(first.url, headers={"If-None-Match": first.headers["ETag"]}, timeout=300)
        by_time = requests.get(
            first.url, headers={"If-Modified-Since": first.headers["Last-Modified"]}, timeout=300
        )

        assert (304, b"", 304) == (by_tag.status_code, by_tag.content, by_time.status_code)
        assert len(first.content) == int(first.headers["Content-Length"])


def test_school_places_come_in_pages_of_an_envelope(address: str):
    page = _get(address, "/education/school-places", page=2, pageSize=50, asOf="2026-11-18").json()
    empty = _get(address, "/education/school-places", page=1, pageSize=50, asOf="2026-11-19").json()

    assert (0, "ok", 2, 50) == (
        page["code"],
        page["message"],
        page["data"]["page"],
        len(page["data"]["list"]),
    )
    requests.put(address + "/clock", json={"now": "2026-11-19T00:40:00"}, timeout=300)
    empty = _get(address, "/education/school-places", page=1, pageSize=50, asOf="2026-11-19").json()
    assert (0, []) == (empty["data"]["total"], empty["data"]["list"])


def test_open311_filters_by_the_time_of_request_and_writes_utc(address: str):
    query = {"start_date": "2026-11-17T00:00:00+0800", "end_date": "2026-11-18T00:00:00+0800"}
    rows = _get(
        address, "/open311/v2/requests.json", jurisdiction_id="huoying", page_size=500, **query
    ).json()

    assert rows and len(rows) <= 100
    assert all("2026-11-16T16:00:00Z" <= row["requested_datetime"] < "2026-11-17T16:00:00Z" for row in rows)
    assert {"open", "closed"} >= {row["status"] for row in rows} - {"pending", "挂起"}
    assert "program_code" in rows[0]["extended_attributes"]


def test_ngsi_ld_counts_in_a_header_and_sends_what_nobody_may_keep(address: str):
    answer = _get(address, "/ngsi-ld/v1/entities", type="VideoDevice", limit=200, offset=1200, count="true")
    entity = answer.json()[0]

    assert int(answer.headers["NGSILD-Results-Count"]) - 1200 == len(answer.json())
    assert "GeoProperty" == entity["location"]["type"]
    assert entity["status"]["observedAt"].endswith("Z")
    assert {"ipAddress", "port", "password", "secrecy"} <= set(entity)


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("429", 429), ("login_page", 200)])
def test_a_fault_happens_as_often_as_asked(address: str, kind: str, status: int):
    _fault(address, "/grid/cases.csv", kind)
    answer = _get(address, "/grid/cases.csv")

    assert status == answer.status_code
    assert ("1" if kind == "429" else None) == answer.headers.get("Retry-After")
    assert (kind == "login_page") == answer.headers["Content-Type"].startswith("text/html")
    assert _get(address, "/grid/cases.csv").content.startswith("案卷号".encode("gb18030"))


def test_a_truncated_body_breaks_off_before_its_length(address: str):
    _fault(address, "/grid/cases.csv", "truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _get(address, "/grid/cases.csv")


def test_a_source_that_times_out_is_left_alone(address: str):
    _fault(address, "/grid/cases.csv", "timeout")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(address + "/grid/cases.csv", timeout=(60, 0.2))


def test_a_drifting_page_repeats_a_row_and_loses_another(address: str):
    first = _orders(address, limit=100)
    _fault(address, HOTLINE, "page_drift")
    second = _orders(address, limit=100, offset=100)
    _fault(address, HOTLINE, "repeat_page")
    repeated = _orders(address, limit=100, offset=100)
    _fault(address, HOTLINE, "wrong_total")
    lying = _orders(address, limit=100)

    assert first["records"][-1]["_id"] == second["records"][0]["_id"]
    assert first["total"] + 1 == second["total"]
    assert first["records"] == repeated["records"]
    assert first["total"] + 7 == lying["total"]


def test_a_feed_changes_its_shape_when_told(address: str):
    _fault(address, "/ngsi-ld/v1/entities", "forbidden_column")
    assert "faceImage" in _get(address, "/ngsi-ld/v1/entities", limit=1).json()[0]
    _fault(address, "/grid/cases.csv", "new_column")
    assert "新增说明" in _get(address, "/grid/cases.csv").content.decode("gb18030").partition("\r\n")[0]
    _fault(address, "/grid/cases.csv", "missing_column", column="问题来源")
    assert "问题来源" not in _get(address, "/grid/cases.csv").content.decode("gb18030").partition("\r\n")[0]


def test_the_answer_key_is_asked_for_over_http(address: str):
    rows = _get(address, "/answer-key", feed=hotline.FEED, start="2026-11-17", end="2026-11-18").json()

    assert answerkey.answer_key(CITY, hotline.FEED, *window(DAYS[0])).to_pylist() == rows
    assert (
        400
        == _get(address, "/answer-key", feed="city_weather", start="2026-11-17", end="2026-11-18").status_code
    )


def test_a_socrata_view_has_no_order_until_asked(address: str):
    path, starts = "/resource/rail-ridership.json", range(0, 1200, 100)
    system = {"$limit": 100, "$select": ":*, *"}
    pages = [_get(address, path, **system, **{"$offset": at}).json() for at in starts]
    ordered = [_get(address, path, **system, **{"$offset": at, "$order": ":id"}).json() for at in starts]
    ids, ordered_ids = ([row[":id"] for page in some for row in page] for some in (pages, ordered))

    assert len(set(ids)) < len(ids) == len(ordered_ids)
    assert sorted(set(ordered_ids)) == ordered_ids
    assert ":id" not in _get(address, path, **{"$limit": 1}).json()[0]


def test_institutions_are_read_link_by_link(address: str):
    page = _get(address, "/health/institutions", asOf="2026-11-18").json()
    seen = list(page["items"])
    while page["next"]:
        page = requests.get(address + page["next"], timeout=300).json()
        seen += page["items"]

    assert page["total"] == len(seen) > 50
