-- check: a meeting is there once
select meeting_id
from model
group by all
having count(*) > 1;
