"""Answers that real platforms gave, replayed byte for byte. Skipped where the folder of real files is absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.contract.model import Server


def recorded(path: Path) -> list[dict[str, Any]]:
    """Request and answer pairs of a VCR cassette."""
    return list(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["interactions"])


def replay(source: Any, interaction: dict[str, Any]) -> Any:
    answer = interaction["response"]
    body = answer["body"]["string"]
    headers = {"Content-Type": answer["headers"]["Content-Type"][0]}
    if isinstance(body, bytes):
        headers["Content-Encoding"] = "gzip"
    return source.reply(body if isinstance(body, bytes) else body.encode(), headers=headers)


def test_ckan_pages_are_counted_against_their_total(source: Any, fetch: Any, shared_data: Path) -> None:
    cassette = recorded(shared_data / "platforms" / "ckan" / "test_ckan_parser.yaml")
    [first] = [each for each in cassette if "include_total" in each["request"]["uri"]]
    [rest] = [each for each in cassette if "offset=100" in each["request"]["uri"]]
    source.answer = lambda asked: replay(source, first if asked.query["offset"] == "0" else rest)
    server = Server("sample", f"{source.url}/api/3/action/datastore_search", "ckan")

    contents, pulled = fetch(server)

    assert pulled.rows == len(json.loads(contents[0])["result"]["records"])


@pytest.mark.parametrize("rows", [1000])
def test_socrata_rows_are_counted(source: Any, fetch: Any, shared_data: Path, rows: int) -> None:
    [page] = recorded(shared_data / "platforms" / "socrata" / "test_get.yaml")
    source.answer = lambda asked: (
        replay(source, page) if asked.query["$offset"] == "0" else source.reply(b"[]\n")
    )

    contents, pulled = fetch(Server("sample", f"{source.url}/resource/uczf-rk3c.json", "socrata"))

    assert rows == pulled.rows
    assert [page["response"]["body"]["string"].encode()] == contents


def test_a_socrata_error_is_an_error(source: Any, fetch: Any, shared_data: Path) -> None:
    [missing] = recorded(shared_data / "platforms" / "socrata" / "test_get_missing.yaml")
    answer = missing["response"]
    body = answer["body"]["string"]
    source.answer = lambda asked: source.reply(
        body if isinstance(body, bytes) else body.encode(), status=answer["status"]["code"]
    )

    with pytest.raises(Exception, match=f"answered {answer['status']['code']}"):
        fetch(Server("sample", f"{source.url}/resource/none.json", "socrata"))


def test_ngsi_ld_entities_are_counted(source: Any, fetch: Any, shared_data: Path) -> None:
    folder = shared_data / "platforms" / "ngsi_ld" / "Device" / "Device"
    entity = json.loads((folder / "example-normalized.json").read_text(encoding="utf-8"))
    entities = [{**entity, "id": f"urn:ngsi-ld:Device:{number}"} for number in range(5)]
    source.answer = lambda asked: source.reply.of(
        entities[int(asked.query["offset"]) :][: int(asked.query["limit"])], **{"NGSILD-Results-Count": "5"}
    )

    _, pulled = fetch(Server("sample", f"{source.url}/ngsi-ld/v1/entities", "ngsi_ld", page_size=2))

    assert (5, 5, 1) == (pulled.rows, pulled.reported_total, pulled.passes)
