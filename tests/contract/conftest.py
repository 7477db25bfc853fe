"""A small right contract of a made-up city, and a way to ask what is wrong with a changed one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from right_contract import RIGHT

from pipelines import contract

Ask = Callable[..., list[str]]


@pytest.fixture
def right() -> str:
    """The right contract's text."""
    return RIGHT


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """An empty `contracts/` folder."""
    folder = tmp_path / "contracts"
    for level in ("city", "district", "street", "governance", "reference", "operations"):
        (folder / level).mkdir(parents=True)
    return folder


@pytest.fixture
def wrong_with(contracts: Path) -> Ask:
    """What is wrong, as `line: message`, with a text; or with the right contract after replacing texts in it."""

    def ask(
        *changes: tuple[str, str], text: str | bytes = RIGHT, name: str = "district/pool_visits"
    ) -> list[str]:
        if isinstance(text, str):
            for old, new in changes:
                assert old in text, f"{old!r} is not in the contract"
                text = text.replace(old, new, 1)
            text = text.encode()
        (contracts / f"{name}.odcs.yaml").write_bytes(text)
        _, problems = contract.read_all(contracts, contract.LEVELS)
        return [f"{problem.line}: {problem.message}" for problem in problems]

    return ask
