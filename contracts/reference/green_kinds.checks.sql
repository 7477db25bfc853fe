-- check: on a day a green kind has one row
select
    one.green_kind,
    other.valid_from
from model as one
inner join model as other
    on
        one.green_kind = other.green_kind
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
