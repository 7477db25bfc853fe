-- check: a street has one row a day
select
    street_code,
    ridden_on
from model
group by all
having count(*) > 1;

-- check: dividing stations makes no rider
select divided.ridden_on
from (
    select
        ridden_on,
        sum(entry_count) - count(*) as entry_count
    from model
    group by all
) as divided
inner join (
    select
        ridden_on,
        sum(entry_count) as entry_count
    from city.transit_ridership
    group by all
) as told on divided.ridden_on = told.ridden_on
where divided.entry_count > told.entry_count;
