-- governance.incidents_hourly
-- One row per street, hour and kind of incident, for every hour from the first to the newest that any street counted.
-- An hour in which a street told anything is known for all kinds: what it did not name is 0. An hour in which it told
-- nothing keeps its rows with empty counts and is_reported false; silence is not zero. Kinds are those ever counted.
-- A count that waits in quarantine is not told yet: until it is put right, its kind stands at 0 in an hour that was.
with told as (
    select
        street_code,
        hour_at,
        incident_type,
        incident_count,
        confirmed_count,
        to_case_count
    from street.incidents
),

span as (
    select
        min(hour_at) as first_hour_at,
        max(hour_at) as last_hour_at
    from told
),

hours as (
    select unnest(generate_series(first_hour_at, last_hour_at, interval 1 hour)) as hour_at
    from span
),

streets as (
    select distinct
        hours.hour_at,
        areas.area_code as street_code
    from hours
    inner join ref.areas as areas
        on
            hours.hour_at at time zone 'Asia/Shanghai' >= areas.valid_from
            and hours.hour_at at time zone 'Asia/Shanghai' < areas.valid_to
    where areas.area_code in (select told.street_code from told)
    union
    -- Whoever told something is a street of that hour, also one the register does not know of on that day.
    select
        told.hour_at,
        told.street_code
    from told
),

reported as (
    select distinct
        street_code,
        hour_at
    from told
),

kinds as (
    select distinct incident_type
    from told
    where incident_type <> 'none'
)

select
    streets.street_code,
    streets.hour_at,
    kinds.incident_type,
    cast(streets.hour_at at time zone 'Asia/Shanghai' as date) as business_date,
    reported.hour_at is not null as is_reported,
    case when reported.hour_at is not null then coalesce(told.incident_count, 0) end as incident_count,
    case when reported.hour_at is not null then coalesce(told.confirmed_count, 0) end as confirmed_count,
    case when reported.hour_at is not null then coalesce(told.to_case_count, 0) end as to_case_count
from streets
cross join kinds
left join reported
    on streets.street_code = reported.street_code and streets.hour_at = reported.hour_at
left join told
    on
        streets.street_code = told.street_code
        and streets.hour_at = told.hour_at
        and kinds.incident_type = told.incident_type
