-- check: a unit has one number a day and age band
select
    unit_code,
    population_as_of,
    age_band
from model
group by all
having count(*) > 1;
