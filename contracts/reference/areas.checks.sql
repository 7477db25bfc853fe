-- check: an area starts before it ends
select *
from model
where valid_from >= valid_to;

-- check: a code has one row on any day
select
    one.area_code,
    one.valid_from,
    other.valid_from as other_valid_from
from model as one
inner join model as other
    on
        one.area_code = other.area_code
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;

-- check: the area above is in the register
select
    child.area_code,
    child.parent_area_code
from model as child
where
    child.parent_area_code is not null
    and child.parent_area_code not in (select parent.area_code from model as parent);

-- check: a population says when and how it was counted
select *
from model
where population is not null and (population_as_of is null or population_method is null);

-- check: the day that decides is the day the row starts
select *
from model
where
    (date_basis = 'approved' and valid_from <> approved_on)
    or (date_basis = 'coded' and valid_from <> coded_on)
    or (date_basis = 'operating' and valid_from <> operating_on);
