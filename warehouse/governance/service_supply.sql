-- governance.service_supply
-- One row per street, day and kind of service: how much there is, for how many, beside the district and the target.
-- The day is that which the source of the kind describes; is_latest marks the newest of each kind.
-- A street is compared with its own district: the supply of all its streets over the demand of all of them, of which
-- both are known; district_street_count says how many. A rate is empty where nobody is there to need the service.
-- Kinds that no source counts keep a row without a supply, so that nobody takes silence for 0; kinds of which only the
-- plan's projects are known have no gap, because what was there before is not counted.
with supplies as (
    select
        supplies.*,
        max(supplies.as_of) over (partition by supplies.service_kind) as newest_of_kind,
        max(supplies.as_of) over () as newest_of_all
    from core.supplies as supplies
),

measured as (
    select
        supplies.street_code,
        supplies.as_of,
        supplies.service_kind,
        kinds.service_name,
        kinds.service_name_en,
        areas.area_name as street_name,
        areas.parent_area_code as district_code,
        supplies.supply,
        kinds.supply_unit,
        kinds.supply_unit_en,
        kinds.supply_basis,
        supplies.left_out_count,
        kinds.demand_base_kind,
        bases.demand_base,
        supplies.supply / nullif(bases.demand_base, 0) * 1000 as per_1000,
        targets.target_per_1000,
        targets.is_example as is_example_target,
        bases.population_as_of,
        bases.population_method,
        bases.is_boundary_changed,
        supplies.as_of = supplies.newest_of_kind as is_latest,
        date_diff('day', bases.population_as_of, supplies.as_of) > rules.max_population_age_days
        or (
            supplies.as_of = supplies.newest_of_kind
            and date_diff('day', supplies.as_of, supplies.newest_of_all) > rules.max_supply_age_days
        ) as is_stale
    from supplies
    inner join ref.service_kinds as kinds on supplies.service_kind = kinds.service_kind
    left join core.demand_bases as bases
        on
            supplies.street_code = bases.street_code
            and supplies.as_of = bases.as_of
            and kinds.age_band = bases.age_band
    left join ref.areas as areas
        on
            supplies.street_code = areas.area_code
            and supplies.as_of >= areas.valid_from
            and supplies.as_of < areas.valid_to
    left join ref.supply_targets as targets
        on
            supplies.service_kind = targets.service_kind
            and supplies.as_of >= targets.valid_from
            and supplies.as_of < targets.valid_to
    left join ref.supply_rules as rules
        on
            supplies.as_of >= rules.valid_from
            and supplies.as_of < rules.valid_to
),

districts as (
    select
        district_code,
        as_of,
        service_kind,
        sum(supply) / nullif(sum(demand_base), 0) * 1000 as per_1000,
        count(*) as street_count
    from measured
    where supply is not null and demand_base is not null
    group by all
)

select
    measured.street_code,
    measured.as_of,
    measured.service_kind,
    measured.service_name,
    measured.service_name_en,
    measured.street_name,
    measured.district_code,
    measured.supply,
    measured.supply_unit,
    measured.supply_unit_en,
    measured.supply_basis,
    measured.left_out_count,
    measured.demand_base_kind,
    measured.demand_base,
    cast(measured.per_1000 as decimal(16, 3)) as per_1000,
    cast(districts.per_1000 as decimal(16, 3)) as district_per_1000,
    coalesce(districts.street_count, 0) as district_street_count,
    measured.target_per_1000,
    measured.is_example_target,
    cast(
        case
            when measured.supply_basis = 'register'
                then measured.demand_base * measured.target_per_1000 / 1000 - measured.supply
        end as decimal(16, 2)
    ) as gap_to_target,
    measured.population_as_of,
    measured.population_method,
    case
        when measured.supply_basis = 'none' then 'no_source'
        when measured.demand_base is null then 'no_population'
        when measured.is_boundary_changed then 'boundary_changed'
        when measured.is_stale then 'stale'
        when measured.population_method in ('district_scaled', 'derived') then 'population_estimated'
        else 'ok'
    end as quality_flag,
    measured.is_latest
from measured
left join districts
    on
        measured.district_code = districts.district_code
        and measured.as_of = districts.as_of
        and measured.service_kind = districts.service_kind
