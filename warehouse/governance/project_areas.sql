-- governance.project_areas
-- One row per plan, project, snapshot and street as the registry writes it, with the street's share of the project.
-- Names are looked up as of the day of the snapshot; street_code is empty for a name no street bore that day.
-- Shares follow the streets' population; where one of them is not known, all are equal. Both are estimates.
with named as (
    select
        plan_code,
        project_id,
        snapshot_on,
        unnest(list_distinct(street_names)) as street_given
    from city.projects
),

resolved as (
    select
        named.*,
        areas.area_code as street_code,
        areas.area_name as street_name,
        areas.population
    from named
    left join ref.area_aliases as aliases
        on
            regexp_replace(named.street_given, '\s', '', 'g') = aliases.alias
            and named.snapshot_on >= aliases.valid_from
            and named.snapshot_on < aliases.valid_to
            and aliases.area_code in (select streets.area_code from ref.areas as streets where streets.area_level = 'street')
    left join ref.areas as areas
        on
            coalesce(aliases.area_code, named.street_given) = areas.area_code
            and areas.area_level = 'street'
            and named.snapshot_on >= areas.valid_from
            and named.snapshot_on < areas.valid_to
),

-- Two names of one street are one street.
streets as (
    select
        *,
        row_number() over (
            partition by plan_code, project_id, snapshot_on, coalesce(street_code, street_given)
            order by street_given
        ) as spelling
    from resolved
),

weighed as (
    select
        *,
        bool_and(population is not null) over project as has_population,
        sum(population) over project as project_population,
        count(*) over project as street_count
    from streets
    where spelling = 1
    window project as (partition by plan_code, project_id, snapshot_on)
)

select
    plan_code,
    project_id,
    snapshot_on,
    street_given,
    street_code,
    street_name,
    cast(
        case when has_population then population / project_population else 1 / street_count end
        as decimal(7, 6)
    ) as share,
    case
        when street_count = 1 then 'only_street'
        when has_population then 'population'
        else 'equal'
    end as share_basis
from weighed
