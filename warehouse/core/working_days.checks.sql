-- check: a day has one row
select day
from model
group by all
having count(*) > 1;

-- check: no day is worked that the calendar calls a holiday
select model.day
from model
inner join ref.calendar_days as calendar on model.day = calendar.day
where calendar.day_kind = 'holiday' and model.is_worked;

-- check: a day that is not worked has no working time
select *
from model
where is_worked <> (seconds > 0);
