"""Vila Clarim: a small city that nobody lives in, with its own codes, clock, language and sources."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from answering import Quiet, listening

PROJECT = Path(__file__).parent / "project"
OURS = Path(__file__).parents[2] / "contracts" / "reference"
_KEPT = ("area_methods", "area_uses")
"""Reference tables about the ways of finding an area, and not about places: any city may keep them as they are."""
_EMPTY = ("area_lineage", "area_name_styles")
"""Reference tables of which this city, where nothing was ever split or renamed, has no rows."""
DAY = "2026-10-25"  # the clock goes back that night: the day has 25 hours
AS_OF = "2026-10-26T00:30"

# number, changed, received, place, subject, state, telephone
_PEDIDOS = [
    ("VC/0001", "25/10/2026 09:00", "25/10/2026 08:30", "Cais Velho", "iluminação", "aberto", "912 000 111"),
    ("VC/0002", "25/10/2026 10:00", "25/10/2026 09:10", "7e02", "resíduos", "resolvido", "anónimo"),
    ("VC/0003", "25/10/2026 11:00", "24/10/2026 23:30", "Vila Clarim Zona Norte Alto do Moinho", "lixo", "aberto", "+351 912 000 111"),
    ("VC/0004", "25/10/2026 12:00", "24/10/2026 12:00", "Salinas", "via pública", "aberto", None),
    ("VC/0005", "25/10/2026 13:00", "25/10/2026 12:00", "Salinas", "via pública", "aberto", None),
    ("VC/0006", "25/10/2026 14:00", "25/10/2026 13:00", "B3", "barulho", "aberto", None),
    ("VC_0007", "25/10/2026 15:00", "10/25/2026 14:00", "B3", "lixo", "aberto", None),
]  # fmt: skip
_FIELDS = ("numero", "alterado", "recebido", "lugar", "assunto", "estado", "telefone")
_RUIDO = """\
freguesia;dia;hora;nível (dB)
7E02;25/10/2026;08h;61.5
7E02;25/10/2026;09h;70
B3;25/10/2026;08h;48.25
Q-11;25/10/2026;08h;50
B3;25/10/2026;09h;61,5
"""


@dataclass(frozen=True)
class SecondCity:
    """The second city's home after one day, and what each step said."""

    home: Path
    project: Path
    counts: dict[str, dict[str, Any]]
    built: dict[str, dict[str, Any]]
    checked: dict[str, int]
    release: Path


@contextmanager
def sources(pedidos: Sequence[tuple[Any, ...]] = _PEDIDOS, ruido: str = _RUIDO) -> Iterator[str]:
    """The city's two sources on a free port: requests by key, measurements as a file a day."""

    class Answers(Quiet):
        def do_GET(self) -> None:
            where = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(where.query).items()}
            if where.path == "/pedidos":
                rows = [row for row in pedidos if row[0] > asked.get("depois", "")]
                page = [dict(zip(_FIELDS, row, strict=True)) for row in rows[: int(asked["limit"])]]
                self.answer(json.dumps({"pedidos": page}).encode(), Content_Type="application/json")
            elif where.path.startswith("/ruido_202610"):
                self.answer(ruido.encode("latin-1"), Content_Type="text/csv")
            else:
                self.send_error(404)

    with listening(Answers) as url:
        yield url


def whole_project(folder: Path) -> Path:
    """The city's own contracts, reference files and models, and what it takes over."""
    shutil.copytree(PROJECT, folder)
    shutil.copytree(OURS.parent / "operations", folder / "contracts" / "operations")
    for name in (*_KEPT, *_EMPTY):
        shutil.copy(OURS / f"{name}.odcs.yaml", folder / "contracts" / "reference")
        lines = (OURS / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = "".join(lines if name in _KEPT else lines[:1])
        (folder / "contracts" / "reference" / f"{name}.csv").write_text(kept, encoding="utf-8")
    return folder
