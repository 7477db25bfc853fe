-- check: on a day a capacity with that word in the name adds to one service
select
    one.capacity_kind,
    one.name_part,
    other.valid_from
from model as one
inner join model as other
    on
        one.capacity_kind = other.capacity_kind
        and one.name_part = other.name_part
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
