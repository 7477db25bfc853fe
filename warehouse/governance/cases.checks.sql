-- check: a case has one row
select case_id
from model
group by all
having count(*) > 1;

-- check: the members of all cases are the reports, each once
select sum(member_count) as member_count
from model
having coalesce(sum(member_count), 0) <> (select count(*) from core.reports);

-- check: a closed case is not due, and an open one not closed
select case_id
from model
where (case_status = 'closed' and due_at is not null) or (case_status = 'open' and closed_at is not null);

-- check: a case is not active before it is reported
select case_id
from model
where last_activity_at < first_reported_at;
