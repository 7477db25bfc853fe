-- check: a street has one row a period and day of knowledge
select
    period,
    street_code,
    known_on
from model
group by all
having count(*) > 1;

-- check: orders received are assessed or excluded
select *
from model
where received_count <> excluded_count + assessed_count;
