-- core.report_states
-- One row per report and stretch of time in which nothing changed of it that linking reads: a version that only
-- moves on in its life is no new state. When it was closed matters only for a component.
with versions as (
    select
        reports.report_no,
        versions.known_from,
        versions.known_to,
        versions.source_feed,
        versions.source_id,
        versions.reported_at,
        case when versions.component_id is not null then versions.closed_at end as closed_at,
        versions.street_code,
        versions.community_name,
        versions.category_code,
        versions.caller_refs,
        versions.component_id,
        versions.lon,
        versions.lat,
        versions.like_text,
        versions.parent_refs
    from core.report_versions as versions
    inner join core.reports as reports
        on versions.source_feed = reports.source_feed and versions.source_id = reports.source_id
),

compared as (
    select
        *,
        hash(
            reported_at, closed_at, street_code, community_name, category_code, caller_refs, component_id,
            lon, lat, like_text, parent_refs
        ) as content
    from versions
),

changes as (
    select
        *,
        lag(content) over (partition by report_no order by known_to) as content_before
    from compared
    where known_from < known_to
)

select
    row_number() over (order by report_no, known_from) as state_no,
    changes.* exclude (content, content_before, known_to),
    lead(known_from, 1, 'infinity') over (partition by report_no order by known_from) as known_to
from changes
where coalesce(content <> content_before, true)
