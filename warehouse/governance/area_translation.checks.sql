-- check: the weights of an area add up to one for every day it may be told for
select
    area_code,
    valid_from,
    told_from,
    sum(population_share) as population_share
from model
group by all
having abs(sum(population_share) - 1) > 1e-9;

-- check: told for its own days an area is itself
select *
from model
where valid_from = told_from and (area_code <> told_area_code or population_share <> 1);

-- check: every day of an area can be told for every other day
select
    area_code,
    valid_from,
    min(told_from) as told_from,
    max(told_to) as told_to
from model
group by all
having min(told_from) <> date '1900-01-01' or max(told_to) <> date '9999-12-31';
