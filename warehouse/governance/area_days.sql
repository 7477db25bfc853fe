-- governance.area_days
-- One row per use, area and stretch of days in which the area counts for that use.
-- A unit is approved, gets a code and begins to work on three days. Rows of ref.area_uses say which of them counts: who
-- acts on a case follows the day of work, tables follow the code list. A day nobody knows gives way to the next one.
-- Between the end of a unit and the first day of work of those after it, nobody counts for attribution.
with dated as (
    select
        uses.area_use,
        areas.area_code,
        areas.area_level,
        areas.area_name,
        areas.parent_area_code,
        areas.valid_from as listed_from,
        areas.valid_to,
        list_filter(
            list_transform(
                [uses.first_basis, uses.second_basis, uses.third_basis],
                lambda basis: {
                    'basis': basis,
                    'day': case basis
                        when 'approved' then areas.approved_on
                        when 'coded' then areas.coded_on
                        else areas.operating_on
                    end
                }
            ),
            lambda known: known.day is not null
        ) as known_days
    from ref.areas as areas
    cross join ref.area_uses as uses
    where uses.valid_to = date '9999-12-31'
)

select
    area_use,
    area_code,
    area_level,
    area_name,
    parent_area_code,
    coalesce(known_days[1].basis, 'unknown') as date_basis,
    coalesce(known_days[1].day, listed_from) as valid_from,
    valid_to
from dated
where coalesce(known_days[1].day, listed_from) < valid_to
