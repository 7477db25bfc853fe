-- check: for one use a code has one row on any day
select
    one.area_use,
    one.area_code,
    one.valid_from
from model as one
inner join model as other
    on
        one.area_use = other.area_use
        and one.area_code = other.area_code
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;

-- check: a stretch starts before it ends
select *
from model
where valid_from >= valid_to;
