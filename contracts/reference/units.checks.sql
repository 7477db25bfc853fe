-- check: on a day a unit code has one row
select
    one.unit_code,
    other.valid_from
from model as one
inner join model as other
    on
        one.unit_code = other.unit_code
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
