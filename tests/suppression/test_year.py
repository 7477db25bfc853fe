"""A year of the city, published three days in turn: nobody reckons what is hidden, and most figures are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from year_city import releases_of_a_year

from pipelines import run
from pipelines.samplecity import City


@pytest.mark.soak
def test_nobody_reckons_a_hidden_count_of_a_year(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    city = City(scale=0.3, history_days=365)

    for folder in releases_of_a_year(city, days=3):
        audit = run.audit_release(folder.name)
        for each in audit.utility:
            hidden = each.small + each.complementary
            print(f"{each.table}: {hidden} of {each.counts} counts hidden, {each.small} of them below 5")

        assert () == audit.findings
        assert audit.attacked > 0
    scorecard = next(each for each in audit.utility if each.table == "governance.street_scorecard")
    assert scorecard.small + scorecard.complementary < 0.25 * scorecard.counts
