-- check: a thing has one row a street and day
select
    thing,
    street_code,
    business_date
from model
group by all
having count(*) > 1;

-- check: the listed records add up to the difference
select
    thing,
    street_code,
    business_date
from model
where only_first_count - only_second_count <> count_difference;

-- check: every listed record belongs to a row
select distinct
    listed.thing,
    listed.street_code,
    listed.business_date
from governance.level_differences as listed
left join model
    on
        listed.thing = model.thing
        and listed.street_code = model.street_code
        and listed.business_date = model.business_date
where model.thing is null;
