-- core.supplies
-- One row per street, day and kind of service, with how much of it there is.
-- The day is that which the source describes: of school places the newest survey of a school year, of institutions the
-- end of a month, of green spaces the survey of a season, of the plan's projects the snapshot.
-- A street of the region that a source passes over on such a day has none: 0. A kind that no source counts has rows
-- on the newest day of all, without a supply: nothing is known of it.
-- What a later snapshot no longer has is no supply. A year, month or season that all later snapshots pass over is
-- over, and stays as its last snapshot had it.
-- A school counts from the day it opens, a park unless it is closed to the public, a project once it is in use, with
-- each street's share of it. Parcels whose size contradicts their outline are left out, and counted.
with school_years as (
    select
        school_year,
        max(state_on) as as_of,
        bool_and(coalesce(_is_deleted_upstream, false)) as is_over
    from district.school_places
    group by all
),

stages as (
    select
        school_stage as stage,
        service_kind
    from ref.service_kinds
    where school_stage is not null
),

months as (
    select
        month_starts_on,
        last_day(month_starts_on) as as_of,
        max(state_on) as last_on,
        bool_and(coalesce(_is_deleted_upstream, false)) as is_over
    from district.medical_institutions
    group by all
),

institutions as (
    select
        figures.street_code,
        months.as_of,
        figures.beds_open,
        figures.gp_signed_count
    from district.medical_institutions as figures
    inner join months on figures.month_starts_on = months.month_starts_on
    where
        not coalesce(figures._is_deleted_upstream, false)
        or (months.is_over and figures.state_on = months.last_on)
),

seasons as (
    select
        season,
        max(state_on) as as_of,
        bool_and(is_gone) as is_over
    from core.green_spaces
    group by all
),

-- A parcel on several streets is divided among them where boundaries are known, else it is its declared street's.
parks as (
    select
        parcel_id,
        season,
        state_on,
        is_gone,
        area_m2,
        is_area_doubtful,
        unnest(
            case
                when len(street_shares) > 0 then street_shares
                else [street_code || '=1']
            end
        ) as street_share
    from core.green_spaces
    where is_park and coalesce(is_open_to_public, true)
),

capacities as (
    select
        projects.snapshot_on as as_of,
        kinds.service_kind,
        shares.street_code,
        projects.capacity_added * shares.share as amount
    from city.projects as projects
    inner join ref.capacity_kinds as kinds
        on
            projects.capacity_kind = kinds.capacity_kind
            and (kinds.name_part = '*' or contains(projects.project_name, kinds.name_part))
            and projects.snapshot_on >= kinds.valid_from
            and projects.snapshot_on < kinds.valid_to
    inner join governance.project_areas as shares
        on
            projects.plan_code = shares.plan_code
            and projects.project_id = shares.project_id
            and projects.snapshot_on = shares.snapshot_on
    where projects.stage = 'in_use' and shares.street_code is not null
),

counted as (
    select
        places.street_code,
        school_years.as_of,
        stages.service_kind,
        places.places_open as amount,
        false as is_left_out
    from district.school_places as places
    inner join school_years on places.school_year = school_years.school_year
    inner join stages on places.stage = stages.stage
    where
        places.opened_on <= school_years.as_of
        and (
            not coalesce(places._is_deleted_upstream, false)
            or (school_years.is_over and places.state_on = school_years.as_of)
        )
    union all
    select
        street_code,
        as_of,
        'hospital_bed_open' as service_kind,
        beds_open as amount,
        false as is_left_out
    from institutions
    union all
    select
        street_code,
        as_of,
        'gp_signed' as service_kind,
        coalesce(gp_signed_count, 0) as amount,
        false as is_left_out
    from institutions
    union all
    select
        split_part(parks.street_share, '=', 1) as street_code,
        seasons.as_of,
        'park_green_m2' as service_kind,
        case
            when parks.is_area_doubtful then 0
            else parks.area_m2 * cast(split_part(parks.street_share, '=', 2) as decimal(5, 4))
        end as amount,
        parks.is_area_doubtful as is_left_out
    from parks
    inner join seasons on parks.season = seasons.season
    where not parks.is_gone or (seasons.is_over and parks.state_on = seasons.as_of)
    union all
    select
        street_code,
        as_of,
        service_kind,
        amount,
        false as is_left_out
    from capacities
),

delivered as (
    select
        as_of,
        stages.service_kind
    from school_years
    cross join stages
    union
    select
        months.as_of,
        kinds.service_kind
    from months
    inner join ref.service_kinds as kinds on kinds.supply_source = 'district.medical_institutions'
    union
    select
        as_of,
        'park_green_m2' as service_kind
    from seasons
    union
    select
        projects.snapshot_on as as_of,
        kinds.service_kind
    from city.projects as projects
    inner join ref.service_kinds as kinds on kinds.supply_source = 'city.projects'
),

none_there as (
    select
        areas.area_code as street_code,
        delivered.as_of,
        delivered.service_kind,
        0 as amount,
        false as is_left_out
    from delivered
    inner join ref.areas as areas
        on
            areas.area_level = 'street'
            and areas.is_in_scope
            and delivered.as_of >= areas.valid_from
            and delivered.as_of < areas.valid_to
),

-- Kinds without a source.
unknown as (
    select
        areas.area_code as street_code,
        newest.as_of,
        kinds.service_kind,
        cast(null as bigint) as amount,
        false as is_left_out
    from (select max(as_of) as as_of from delivered) as newest
    inner join ref.areas as areas
        on
            areas.area_level = 'street'
            and areas.is_in_scope
            and newest.as_of >= areas.valid_from
            and newest.as_of < areas.valid_to
    inner join ref.service_kinds as kinds on kinds.supply_source is null
)

select
    street_code,
    as_of,
    service_kind,
    cast(sum(amount) as decimal(16, 2)) as supply,
    count(*) filter (where is_left_out) as left_out_count
from (
    select * from counted
    union all
    select * from none_there
    union all
    select * from unknown
)
where service_kind in (select kinds.service_kind from ref.service_kinds as kinds)
group by all
