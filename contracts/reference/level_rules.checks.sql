-- check: on a business date a thing has one row
select
    one.thing,
    other.valid_from
from model as one
inner join model as other
    on
        one.thing = other.thing
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
