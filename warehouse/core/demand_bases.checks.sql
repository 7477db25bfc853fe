-- check: a street has one demand base a day and age band
select
    street_code,
    as_of,
    age_band
from model
group by all
having count(*) > 1;

-- check: a number of residents says of which day it is and how it is known
select
    street_code,
    as_of,
    age_band
from model
where (demand_base is null) <> (population_as_of is null) or (demand_base is null) <> (population_method is null);

-- check: no number is newer than the day it is used for
select
    street_code,
    as_of,
    age_band
from model
where population_as_of > as_of;
