-- core.demand_bases
-- One row per street, day and age band a service is measured against, with how many residents that is.
-- The newest number up to the day counts. A number older than a split or merger is carried over by the weights of
-- ref.area_lineage, one step at a time never further, and says that bounds changed. Where the street's own age band
-- was never published, its total is divided as the district's is. Nothing is ever taken for 0.
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

-- Renaming and recoding move no boundary.
lineage as (
    select
        *,
        change_kind in ('split', 'merge', 'transfer') as is_boundary_change
    from ref.area_lineage
),

own as (
    select
        needed.*,
        counts.population_as_of,
        counts.population * 1.0 as population,
        counts.population_method,
        exists(
            select 1
            from lineage
            where
                lineage.to_area_code = needed.street_code
                and lineage.from_area_code <> needed.street_code
                and lineage.is_boundary_change
                and lineage.change_on > counts.population_as_of
                and lineage.change_on <= needed.as_of
        ) as is_boundary_changed
    from needed
    inner join core.resident_counts as counts
        on
            needed.street_code = counts.unit_code
            and needed.age_band = counts.age_band
            and needed.as_of >= counts.population_as_of
    where
        not exists(
            select 1
            from lineage
            where
                lineage.from_area_code = needed.street_code
                and lineage.is_boundary_change
                and lineage.change_on > counts.population_as_of
                and lineage.change_on <= needed.as_of
        )
),

inherited as (
    select
        needed.*,
        counts.population_as_of,
        any_value(counts.population) * product(lineage.weight_population) as population,
        case
            when bool_or(lineage.is_boundary_change) then 'derived'
            else any_value(counts.population_method)
        end as population_method,
        bool_or(lineage.is_boundary_change) as is_boundary_changed
    from needed
    inner join lineage
        on
            needed.street_code = lineage.to_area_code
            and needed.as_of >= lineage.change_on
            and lineage.weight_population > 0
            and (lineage.is_boundary_change or lineage.from_area_code <> lineage.to_area_code)
    inner join core.resident_counts as counts
        on
            lineage.from_area_code = counts.unit_code
            and needed.age_band = counts.age_band
            and lineage.change_on > counts.population_as_of
    group by needed.street_code, needed.as_of, needed.age_band, counts.population_as_of, lineage.from_area_code
),

summed as (
    select
        street_code,
        as_of,
        age_band,
        population_as_of,
        sum(population) as population,
        case when count(*) = 1 then any_value(population_method) else 'derived' end as population_method,
        bool_or(is_boundary_changed) as is_boundary_changed
    from (
        select * from own
        union all
        select * from inherited
    )
    group by all
),

newest as (
    select *
    from summed
    qualify row_number() over (partition by street_code, as_of, age_band order by population_as_of desc) = 1
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
