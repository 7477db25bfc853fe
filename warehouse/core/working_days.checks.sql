-- check: a day is worked once
select day
from model
group by all
having count(*) > 1;

-- check: no day is worked that the calendar calls a holiday
select model.day
from model
inner join ref.calendar_days as calendar on model.day = calendar.day
where calendar.day_kind = 'holiday';
