-- check: no incident that was counted is lost or doubled
select *
from (
    select
        (select coalesce(sum(incident_count), 0) from model) as in_table,
        (select coalesce(sum(incidents.incident_count), 0) from street.incidents as incidents) as counted
)
where in_table <> counted;

-- check: silence has no count, and what was told has one
select *
from model
where is_reported <> (incident_count is not null);
