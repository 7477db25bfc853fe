-- check: a feed tells a step of a record once
select
    told_by,
    record_id,
    event_type,
    event_at,
    event_no
from model
group by all
having count(*) > 1;
