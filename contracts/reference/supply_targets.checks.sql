-- check: on a day a service kind has one row
select
    one.service_kind,
    other.valid_from
from model as one
inner join model as other
    on
        one.service_kind = other.service_kind
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
