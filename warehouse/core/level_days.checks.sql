-- check: a thing has one row per stretch of dates
select
    thing,
    valid_from
from model
group by all
having count(*) > 1;
