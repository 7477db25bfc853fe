-- check: every year lists its holidays
select year(days.day) as missing_year
from (select unnest(generate_series(min(day), max(day), interval 1 year)) as day from model) as days
anti join model on year(days.day) = year(model.day);

-- check: a day that is worked in exchange lies on a weekend
select *
from model
where day_kind = 'workday' and isodow(day) < 6;
