-- check: of an order, one version is the newest known at any time
select
    one.work_order_id,
    one.known_from,
    other.known_from as other_known_from
from model as one
inner join model as other on one.work_order_id = other.work_order_id and one.known_from < other.known_from
where one.known_to is null or one.known_to > other.known_from;

-- check: a version is the newest from before another takes its place
select *
from model
where known_to <= known_from;
