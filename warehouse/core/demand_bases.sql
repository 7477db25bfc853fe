-- core.demand_bases
-- One row per street, day and age band a service is measured against, with how many residents that is.
-- The newest number up to the day counts. One from before a split, merger or recoding is told in the areas of the day
-- (governance.area_translation); where bounds moved, that is said. Where the street's own age band was never published,
-- its total is divided as the district's is. Nothing is ever taken for 0.
with wanted as (
    select distinct
        supplies.street_code,
        supplies.as_of,
        kinds.age_band
    from core.supplies as supplies
    inner join ref.service_kinds as kinds on supplies.service_kind = kinds.service_kind
),

needed as (
    select * from wanted
    union
    select
        street_code,
        as_of,
        'total' as age_band
    from wanted
),

-- Every number up to the day, told in the day's areas; one is used only when all of its parts are published.
carried as (
    select
        needed.street_code,
        needed.as_of,
        needed.age_band,
        days.population_as_of,
        sum(counts.population * areas.population_share) as population,
        case
            when count(*) = 1 and min(areas.population_share) = 1 then any_value(counts.population_method)
            else 'derived'
        end as population_method,
        count(*) > 1 or min(areas.population_share) < 1 as is_divided
    from needed
    inner join (
        select distinct
            age_band,
            population_as_of
        from core.resident_counts
    ) as days
        on needed.age_band = days.age_band and needed.as_of >= days.population_as_of
    inner join governance.area_translation as areas
        on
            needed.street_code = areas.told_area_code
            and needed.as_of >= areas.told_from
            and needed.as_of < areas.told_to
            and days.population_as_of >= areas.valid_from
            and days.population_as_of < areas.valid_to
    left join core.resident_counts as counts
        on
            areas.area_code = counts.unit_code
            and days.population_as_of = counts.population_as_of
            and days.age_band = counts.age_band
    group by needed.street_code, needed.as_of, needed.age_band, days.population_as_of
    having count(*) = count(counts.population)
),

-- A number for a day before the street lived was told in the street's own bounds by whoever published it.
told_before as (
    select
        needed.street_code,
        needed.as_of,
        needed.age_band,
        counts.population_as_of,
        counts.population,
        counts.population_method,
        false as is_divided
    from needed
    inner join core.resident_counts as counts
        on
            needed.street_code = counts.unit_code
            and needed.age_band = counts.age_band
            and needed.as_of >= counts.population_as_of
    left join governance.area_translation as areas
        on
            counts.unit_code = areas.area_code
            and counts.population_as_of >= areas.valid_from
            and counts.population_as_of < areas.valid_to
    where areas.area_code is null
),

summed as (
    select
        told.* exclude (is_divided, is_told_before),
        told.is_divided or exists(
            select 1
            from ref.area_lineage as lineage
            where
                lineage.to_area_code = told.street_code
                and lineage.change_kind in ('merge', 'transfer')
                and lineage.change_on > told.population_as_of
                and lineage.change_on <= told.as_of
        ) as is_boundary_changed,
        told.is_told_before
    from (
        select
            *,
            false as is_told_before
        from carried
        union all
        select
            *,
            true as is_told_before
        from told_before
    ) as told
),

newest as (
    select *
    from summed
    qualify row_number() over (
        partition by street_code, as_of, age_band
        order by population_as_of desc, is_told_before desc
    ) = 1
),

-- The share of an age band in the district a street lies in, by the newest day both are published for.
district_shares as (
    select
        wanted.street_code,
        wanted.as_of,
        wanted.age_band,
        bands.population_as_of,
        bands.population / nullif(totals.population, 0) as band_share
    from wanted
    inner join ref.areas as areas
        on
            wanted.street_code = areas.area_code
            and wanted.as_of >= areas.valid_from
            and wanted.as_of < areas.valid_to
    inner join core.resident_counts as bands
        on
            areas.parent_area_code = bands.unit_code
            and wanted.age_band = bands.age_band
            and wanted.as_of >= bands.population_as_of
    inner join core.resident_counts as totals
        on
            bands.unit_code = totals.unit_code
            and bands.population_as_of = totals.population_as_of
            and totals.age_band = 'total'
    where wanted.age_band <> 'total'
    qualify row_number() over (
        partition by wanted.street_code, wanted.as_of, wanted.age_band
        order by bands.population_as_of desc
    ) = 1
)

select
    wanted.street_code,
    wanted.as_of,
    wanted.age_band,
    cast(
        round(coalesce(newest.population, whole.population * shares.band_share)) as bigint
    ) as demand_base,
    case
        when newest.population is not null then newest.population_as_of
        when whole.population is not null and shares.band_share is not null
            then least(whole.population_as_of, shares.population_as_of)
    end as population_as_of,
    case
        when newest.population is not null then newest.population_method
        when whole.population is not null and shares.band_share is not null then 'district_scaled'
    end as population_method,
    coalesce(newest.is_boundary_changed, whole.is_boundary_changed, false) as is_boundary_changed
from wanted
left join newest
    on
        wanted.street_code = newest.street_code
        and wanted.as_of = newest.as_of
        and wanted.age_band = newest.age_band
left join newest as whole
    on
        wanted.street_code = whole.street_code
        and wanted.as_of = whole.as_of
        and whole.age_band = 'total'
left join district_shares as shares
    on
        wanted.street_code = shares.street_code
        and wanted.as_of = shares.as_of
        and wanted.age_band = shares.age_band
