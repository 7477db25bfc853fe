"""Every feed of the city, in the order of their levels. A new feed is one module and one line here."""

from __future__ import annotations

from pipelines.samplecity.city import (
    air,
    area_register,
    hotline_bulletin,
    hotline_flow,
    hotline_wire,
    population,
    projects,
    transit,
)
from pipelines.samplecity.district import clinics, components, dispatch, greens, grid, schools
from pipelines.samplecity.source import Source
from pipelines.samplecity.street import (
    courtyards,
    deliberation,
    device_status,
    devices,
    incidents,
    questionnaires,
    steward,
    volunteers,
)

SOURCES: tuple[Source, ...] = (
    air.SOURCE,
    hotline_wire.SOURCE,
    hotline_flow.SOURCE,
    hotline_bulletin.SOURCE,
    projects.SOURCE,
    population.SOURCE,
    transit.SOURCE,
    area_register.SOURCE,
    grid.SOURCE,
    dispatch.SOURCE,
    schools.SOURCE,
    clinics.SOURCE,
    greens.SOURCE,
    components.SOURCE,
    steward.SOURCE,
    devices.SOURCE,
    device_status.SOURCE,
    incidents.SOURCE,
    deliberation.SOURCE,
    questionnaires.SOURCE,
    courtyards.SOURCE,
    volunteers.SOURCE,
)
BY_FEED = {source.feed_id: source for source in SOURCES}
