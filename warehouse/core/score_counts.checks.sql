-- check: a street has one row a period and revision
select
    period,
    street_code,
    revision
from model
group by all
having count(*) > 1;

-- check: no count falls below zero
select *
from model
where least(received_count, excluded_count, assessed_count, responded_count, callback_count) < 0;
