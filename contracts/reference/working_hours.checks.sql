-- check: work ends after it begins
select *
from model
where closes_minute <= opens_minute;

-- check: a day has one set of hours
select
    one.valid_from,
    other.valid_from as other_valid_from
from model as one
inner join model as other on one.valid_from < other.valid_from and other.valid_from < one.valid_to;
