"""Vila Clarim from release to release: what a day brings, what an office corrects, and releases made of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from vila_clarim import sources

from pipelines import releases, run

Pedido = tuple[str, str, str, str, str, str, str | None]
OFFICE = "7E02"


def pedido(
    number: int,
    day: int,
    *,
    subject: str = "lixo",
    state: str = "aberto",
    place: str = OFFICE,
    changed: int = 0,
) -> Pedido:
    """A request of one October day, as the source sends it; `changed` is a later day on which it did."""
    return (
        f"VC/{number:04}", f"{changed or day}/10/2026 12:00", f"{day}/10/2026 09:00", place, subject, state, "912 000 111",
    )  # fmt: skip


def pull(environment: pytest.MonkeyPatch, day: int, pedidos: Sequence[Pedido], noise: str = "") -> list[str]:
    """Land what one day brings, and judge it; without `noise` nobody measured anything. Returns what landed."""
    feeds = ("city_pedidos", "street_ruido") if noise else ("city_pedidos",)
    with sources(pedidos, f"freguesia;dia;hora;nível (dB)\n{noise}") as url:
        environment.setenv("URBANBRAIN_CLARIM_URL", url)
        landed = [run.land(feed, f"2026-10-{day}", as_of=f"2026-10-{day + 1}T00:30") for feed in feeds]
    for folder in landed:
        run.gate(folder)
    return landed


def send_back(folder: Path, as_of: str, **corrected: str) -> None:
    """The office writes these values into the first row of its sheet, and sends it back."""
    content, _ = run.correction_sheet(OFFICE, "city_pedidos", "csv")
    heads, row, *_ = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    for place, head in enumerate(heads):
        column = head.rpartition(" ")[2]
        if head.startswith("更正") and column in corrected:
            row[place] = corrected[column]
    text = io.StringIO()
    csv.writer(text).writerows([heads, row])
    sheet = folder / "sheet.csv"
    sheet.write_text(text.getvalue(), encoding="utf-8-sig")
    (outcome,) = run.resubmit(sheet, by="atendimento", reason="assunto trocado", as_of=as_of)
    assert "accepted" == outcome.outcome, outcome


def release() -> releases.Release:
    """Load, build, check and publish."""
    run.load()
    run.build()
    run.check()
    return releases.read(Path(run.publish()).name)


def everything(home: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file of a home; locks are empty and not counted."""
    return {
        path.relative_to(home).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file() and "locks" not in path.relative_to(home).parts
    }
