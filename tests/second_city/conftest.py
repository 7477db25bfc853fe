"""One day of the second city, from its sources to a release."""

from __future__ import annotations

from pathlib import Path

import pytest
from vila_clarim import AS_OF, DAY, SecondCity, sources, whole_project

from pipelines import run


@pytest.fixture(scope="session")
def clarim(tmp_path_factory: pytest.TempPathFactory) -> SecondCity:
    """One day of Vila Clarim, from its sources to a release."""
    home = tmp_path_factory.mktemp("clarim")
    project = whole_project(tmp_path_factory.mktemp("clarim-project") / "project")
    with sources() as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(home))
        environment.setenv("URBANBRAIN_PROJECT", str(project))
        environment.setenv("URBANBRAIN_CLARIM_URL", url)
        environment.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
        environment.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")
        counts = {
            feed: run.counts(run.gate(run.land(feed, DAY, as_of=AS_OF)))
            for feed in ("city_pedidos", "street_ruido")
        }
        run.load()
        built = run.build()
        return SecondCity(home, project, counts, built, run.check(), Path(run.publish()))


@pytest.fixture
def in_clarim(clarim: SecondCity, monkeypatch: pytest.MonkeyPatch) -> SecondCity:
    """The second city as the place where commands run."""
    monkeypatch.setenv("URBANBRAIN_HOME", str(clarim.home))
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(clarim.project))
    return clarim
