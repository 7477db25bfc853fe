-- core.resident_counts
-- One row per unit, day of reference and age band for which a number of residents is published.
-- The yearly sheet speaks first; the census figures of the area register fill what it does not hold.
-- "..." in the sheet is no number and has no row here. What a later sheet leaves out is not taken back.
select
    unit_code,
    population_as_of,
    age_band,
    population,
    population_method
from city.population
where population is not null
union all
select
    areas.area_code as unit_code,
    areas.population_as_of,
    'total' as age_band,
    areas.population,
    areas.population_method
from ref.areas as areas
left join city.population as sheet
    on
        areas.area_code = sheet.unit_code
        and areas.population_as_of = sheet.population_as_of
        and sheet.age_band = 'total'
        and sheet.population is not null
where areas.population is not null and sheet.unit_code is null
qualify row_number() over (
    partition by areas.area_code, areas.population_as_of
    order by areas.valid_from desc
) = 1
