-- check: a measure has one row a street, period and revision
select
    street_code,
    period,
    revision,
    measure
from model
group by all
having count(*) > 1;
