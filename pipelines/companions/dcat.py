"""`dcat.jsonld`: the release as a DCAT 3 catalogue in JSON-LD, a data set a table, for portals that harvest such files.

Its context stands in the file, so that reading it needs no network. What anybody may read is in one catalogue, what the
district centre gets in another beside those files. Places of files are relative to the file they are named in.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from pipelines.companions import coverage
from pipelines.companions.coverage import Area
from pipelines.companions.publication import Part, Publication, PublishedFile, PublishedTable
from pipelines.contract import dictionary
from pipelines.contract.model import Contract

DCAT = "dcat.jsonld"
_RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
_ACCESS = {coverage.OPEN: f"{_RIGHTS}PUBLIC", coverage.RESTRICTED: f"{_RIGHTS}RESTRICTED"}
_PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
_CONTEXT: dict[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dct:accessRights": {"@type": "@id"},
    "dct:issued": {"@type": "xsd:dateTime"},
    "dcat:mediaType": {"@type": "@id"},
    "dcat:accessURL": {"@type": "@id"},
    "dcat:downloadURL": {"@type": "@id"},
    "dcat:byteSize": {"@type": "xsd:nonNegativeInteger"},
    "dcat:startDate": {"@type": "xsd:date"},
    "dcat:endDate": {"@type": "xsd:date"},
    "dcat:previousVersion": {"@type": "@id"},
    "spdx:algorithm": {"@type": "@id"},
    "spdx:checksumValue": {"@type": "xsd:hexBinary"},
}


def write(publication: Publication) -> None:
    """One catalogue for anybody, and one beside the tables of the district centre."""
    for part in publication.parts:
        text = json.dumps(describe(publication, part), ensure_ascii=False, indent=1)
        (part.folder / DCAT).write_text(text + "\n", encoding="utf-8")


def describe(publication: Publication, part: Part) -> dict[str, Any]:
    """The catalogue of one part of a release."""
    access = part.access
    owners = {table.contract.owner for table in part.tables if table.contract and table.contract.owner}
    catalogue = {
        "@context": _CONTEXT,
        "@id": _release(publication.release_id, access),
        "@type": "dcat:Catalog",
        "dct:title": _texts("Urban brain", "城市大脑数据发布"),
        "dct:description": _texts(*coverage.SHARING[access]),
        "dct:identifier": publication.release_id,
        "dcat:version": publication.release_id,
        "dct:issued": publication.as_of.isoformat(),
        "dct:language": ["en", "zh"],
        "dct:publisher": [_agent(owner) for owner in sorted(owners)],
        "dct:accessRights": _ACCESS[access],
        "dct:spatial": [_place(area) for area in publication.areas],
    }
    if publication.followed:
        catalogue["dcat:previousVersion"] = _release(publication.followed["release_id"], access)
    catalogue["dcat:dataset"] = [_data_set(publication, part, table) for table in part.tables]
    return catalogue


def _data_set(publication: Publication, part: Part, table: PublishedTable) -> dict[str, Any]:
    contract = table.contract
    name = f"{_release(publication.release_id, part.access)}:{table.table}"
    data_set: dict[str, Any] = {
        "@id": name,
        "@type": "dcat:Dataset",
        "dct:identifier": table.table,
        "dct:title": _titles(table),
        "dct:issued": publication.as_of.isoformat(),
        "dct:accessRights": _ACCESS[part.access],
    }
    if contract:
        data_set["dct:description"] = _texts(dictionary.table_description(contract), "")
        data_set["dcat:keyword"] = _texts(contract.title, contract.business_name)
        data_set["dcat:version"] = contract.version
        data_set["dct:conformsTo"] = _standard(contract)
        if contract.owner:
            data_set["dct:publisher"] = _agent(contract.owner)
    if time := part.times.get(table.table):
        data_set["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": time[0],
            "dcat:endDate": time[1],
        }
    data_set["dcat:distribution"] = [
        _distribution(file, part, f"{name}:{number}") for number, file in enumerate(table.files)
    ]
    return data_set


def _distribution(file: PublishedFile, part: Part, name: str) -> dict[str, Any]:
    path = PurePosixPath(file.path).relative_to(part.path).as_posix()
    return {
        "@id": name,
        "@type": "dcat:Distribution",
        "dct:title": path,
        "dcat:accessURL": path,
        "dcat:downloadURL": path,
        "dcat:mediaType": _PARQUET,
        "dcat:byteSize": str(file.size),
        "dct:accessRights": _ACCESS[part.access],
        "dct:rights": {
            "@type": "dct:RightsStatement",
            "skos:prefLabel": _texts(*coverage.SHARING[part.access]),
        },
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256",
            "spdx:checksumValue": file.sha256,
        },
    }


def _titles(table: PublishedTable) -> list[dict[str, str]]:
    if not (contract := table.contract):
        return _texts(table.table, "")
    return _texts(contract.title, dictionary.table_title(contract))


def _standard(contract: Contract) -> dict[str, Any]:
    """The version of the contract a table keeps."""
    return {
        "@id": f"urn:urbanbrain:contract:{contract.contract_id}:{contract.version}",
        "@type": "dct:Standard",
        "dct:title": f"{contract.contract_id} {contract.version}",
        "dcat:version": contract.version,
    }


def _agent(owner: str) -> dict[str, Any]:
    return {"@id": f"urn:urbanbrain:owner:{owner}", "@type": "foaf:Agent", "foaf:name": owner}


def _place(area: Area) -> dict[str, Any]:
    return {
        "@id": f"urn:urbanbrain:area:{area.code}",
        "@type": "dct:Location",
        "dct:identifier": area.code,
        "skos:prefLabel": _texts("", area.name),
    }


def _release(release_id: str, access: str) -> str:
    return f"urn:urbanbrain:release:{release_id}:{access}"


def _texts(english: str, chinese: str) -> list[dict[str, str]]:
    """A text in the languages it is there in."""
    said = (("en", english), ("zh", chinese))
    return [{"@language": language, "@value": text} for language, text in said if text]
