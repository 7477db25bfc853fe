-- check: every case is counted once
select sum(case_count) as case_count
from model
having coalesce(sum(case_count), 0) <> (select count(*) from governance.cases);

-- check: a combination names as many levels as it counts
select *
from model
where len(string_split(level_combination, '+')) <> level_count;

-- check: no more cases are open than there are, and each has a record of every level that saw it
select *
from model
where open_count > case_count or member_count < case_count * level_count;
