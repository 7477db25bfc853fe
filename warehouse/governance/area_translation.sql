-- governance.area_translation
-- One row per area, stretch of days a fact may be of, stretch of days it may be told for, and area it is told in.
-- Multiply a fact's number by the weight and add up: a total stays the same, whatever day's areas it is told in. A part
-- whose later or earlier area nobody knows is told in 'unknown', so that it is not lost. Chains of changes are followed
-- both ways; backwards, what came together is parted by population where it is known, and in equal parts otherwise.
with recursive edges as (
    select
        from_area_code as area_code,
        to_area_code as other_code
    from ref.area_lineage
    union
    select
        to_area_code as area_code,
        from_area_code as other_code
    from ref.area_lineage
    union
    select
        area_code,
        area_code as other_code
    from ref.areas
),

reached as (
    select
        area_code,
        other_code
    from edges
    union
    select
        reached.area_code,
        edges.other_code
    from reached
    inner join edges on reached.other_code = edges.area_code
),

-- Areas that ever had to do with each other, named after the lowest code among them.
families as (
    select
        area_code,
        min(other_code) as family
    from reached
    group by area_code
),

days as (
    select
        families.family,
        changes.day
    from (
        select
            area_code,
            valid_from as day
        from ref.areas
        union
        select
            area_code,
            valid_to as day
        from ref.areas
        union
        select
            from_area_code as area_code,
            change_on as day
        from ref.area_lineage
    ) as changes
    inner join families on changes.area_code = families.area_code
    union
    select
        family,
        unnest([date '1900-01-01', date '9999-12-31']) as day
    from families
),

stretches as (
    select
        family,
        day as begins_on,
        lead(day) over family_days as ends_on,
        row_number() over family_days as place
    from days
    window family_days as (partition by family order by day)
    qualify lead(day) over family_days is not null
),

lives as (
    select
        stretches.family,
        stretches.place,
        areas.area_code,
        areas.population
    from stretches
    inner join families on stretches.family = families.family
    inner join ref.areas as areas
        on
            families.area_code = areas.area_code
            and stretches.begins_on >= areas.valid_from
            and stretches.begins_on < areas.valid_to
),

changes as (
    select
        families.family,
        stretches.place,
        lineage.from_area_code,
        lineage.to_area_code,
        cast(lineage.weight_population as double) as weight_population,
        cast(lineage.weight_area as double) as weight_area,
        lineage.weight_basis
    from ref.area_lineage as lineage
    inner join families on lineage.from_area_code = families.area_code
    inner join stretches
        on families.family = stretches.family and lineage.change_on = stretches.begins_on
    where lineage.weight_population > 0 or lineage.weight_area > 0
),

-- One step forward: what a change says; without a change the area itself, while it lives.
forward as (
    select
        lives.family,
        lives.place,
        lives.area_code,
        case
            when changes.to_area_code is not null then changes.to_area_code
            when later.area_code is not null then later.area_code
            else 'unknown'
        end as told_area_code,
        coalesce(changes.weight_population, 1) as weight_population,
        case when changes.to_area_code is null then 1 else changes.weight_area end as weight_area,
        changes.weight_basis
    from lives
    inner join stretches on lives.family = stretches.family and lives.place + 1 = stretches.place
    left join changes
        on
            lives.family = changes.family
            and lives.place + 1 = changes.place
            and lives.area_code = changes.from_area_code
    left join lives as later
        on
            lives.family = later.family
            and lives.place + 1 = later.place
            and lives.area_code = later.area_code
),

-- One step back: an area that lived before stays itself, whatever it received; a new one comes from where it came.
origins as (
    select
        changes.*,
        lives.population,
        count(*) over parts as part_count,
        sum(lives.population) over parts as population_sum,
        sum(changes.weight_population) over parts as weight_sum,
        count(lives.population) over parts = count(*) over parts as has_population,
        sum(lives.population * changes.weight_population) over parts as weighed_sum
    from changes
    inner join lives
        on
            changes.family = lives.family
            and changes.place - 1 = lives.place
            and changes.from_area_code = lives.area_code
    where
        changes.weight_population > 0
        and (
            changes.from_area_code = changes.to_area_code
            or not exists (
                select earlier.area_code
                from lives as earlier
                where
                    earlier.family = changes.family
                    and earlier.place = changes.place - 1
                    and earlier.area_code = changes.to_area_code
            )
        )
    window parts as (partition by changes.family, changes.place, changes.to_area_code)
),

back as (
    select
        lives.family,
        lives.place,
        lives.area_code,
        case
            when origins.from_area_code is not null then origins.from_area_code
            when earlier.area_code is not null then earlier.area_code
            else 'unknown'
        end as told_area_code,
        case
            when origins.from_area_code is null or origins.part_count = 1 then 1
            when origins.has_population and origins.weighed_sum > 0
                then origins.population * origins.weight_population / origins.weighed_sum
            else 1 / origins.part_count
        end as weight_population,
        case when origins.from_area_code is null or origins.part_count = 1 then 1 end as weight_area,
        origins.weight_basis
    from lives
    left join origins
        on
            lives.family = origins.family
            and lives.place = origins.place
            and lives.area_code = origins.to_area_code
    left join lives as earlier
        on
            lives.family = earlier.family
            and lives.place - 1 = earlier.place
            and lives.area_code = earlier.area_code
    where lives.place > 1
),

steps as (
    select
        *,
        1 as direction
    from forward
    union all
    select
        *,
        -1 as direction
    from back
    union all
    select
        stretches.family,
        stretches.place,
        'unknown' as area_code,
        'unknown' as told_area_code,
        1 as weight_population,
        1 as weight_area,
        null as weight_basis,
        directions.direction
    from stretches
    cross join (values (1), (-1)) as directions (direction)
    where
        (stretches.family, stretches.place + directions.direction)
        in (select (other.family, other.place) from stretches as other)
),

chains as (
    select
        family,
        area_code,
        place,
        place as told_place,
        area_code as told_area_code,
        cast(1 as double) as weight_population,
        cast(1 as double) as weight_area,
        cast(null as varchar) as weight_basis,
        directions.direction
    from lives
    cross join (values (1), (-1)) as directions (direction)
    union all
    select
        chains.family,
        chains.area_code,
        chains.place,
        chains.told_place + chains.direction as told_place,
        steps.told_area_code,
        chains.weight_population * steps.weight_population as weight_population,
        chains.weight_area * steps.weight_area as weight_area,
        coalesce(chains.weight_basis || '; ' || steps.weight_basis, chains.weight_basis, steps.weight_basis)
            as weight_basis,
        chains.direction
    from chains
    inner join steps
        on
            chains.family = steps.family
            and chains.told_place = steps.place
            and chains.told_area_code = steps.area_code
            and chains.direction = steps.direction
),

told as (
    select
        family,
        area_code,
        place,
        told_place,
        told_area_code,
        sum(weight_population) as weight_population,
        case when count(weight_area) = count(*) then sum(weight_area) end as weight_area,
        string_agg(distinct weight_basis, '; ' order by weight_basis) as weight_basis
    from chains
    where direction = 1 or told_place < place
    group by family, area_code, place, told_place, told_area_code
)

select
    told.area_code,
    stretches.begins_on as valid_from,
    stretches.ends_on as valid_to,
    told_stretches.begins_on as told_from,
    told_stretches.ends_on as told_to,
    told.told_area_code,
    told.weight_population as population_share,
    told.weight_area as area_share,
    coalesce(told.weight_basis, case when told.told_area_code = 'unknown' then 'nobody has said' else 'the same area' end)
        as weight_basis,
    levels.area_level
from told
inner join stretches on told.family = stretches.family and told.place = stretches.place
inner join stretches as told_stretches
    on told.family = told_stretches.family and told.told_place = told_stretches.place
inner join (
    select distinct
        area_code,
        area_level
    from ref.areas
) as levels on told.area_code = levels.area_code
