"""Vila Clarim from release to release: what a day brings, and releases made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from conftest import sources

from pipelines import releases, run

Pedido = tuple[str, str, str, str, str, str, str | None]
HEAD = "freguesia;dia;hora;nível (dB)\n"


def pedido(
    number: int, day: int, *, state: str = "aberto", place: str = "7e02", changed: str = "12:00"
) -> Pedido:
    """A request of one October day, as the source sends it."""
    return (
        f"VC/{number:04}",
        f"{day}/10/2026 {changed}",
        f"{day}/10/2026 09:00",
        place,
        "lixo",
        state,
        "912 000 111",
    )


def pull(environment, day: int, pedidos: Sequence[Pedido], noise: str = "") -> None:
    """Land and judge what one day brings; without `noise` nobody measured anything new."""
    with sources(pedidos, HEAD + noise) as url:
        environment.setenv("URBANBRAIN_CLARIM_URL", url)
        as_of = f"2026-10-{day + 1}T00:30"
        run.gate(run.land("city_pedidos", f"2026-10-{day}", as_of=as_of))
        if noise:
            run.gate(run.land("street_ruido", f"2026-10-{day}", as_of=as_of))


def release() -> releases.Release:
    """Load, build, check and publish."""
    run.load()
    run.build()
    run.check()
    return releases.read(Path(run.publish()).name)
