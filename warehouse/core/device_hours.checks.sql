-- check: no device answers more often than it was asked
select *
from model
where online_count > sample_count or change_count > sample_count;
