-- check: every snapshot of the registry is here once
select count(*) as row_count
from model
having count(*) <> (select count(*) from city.projects);

-- check: a project has one latest snapshot
select
    plan_code,
    project_id
from model
group by all
having count(*) filter (where is_latest) <> 1;

-- check: nobody is early by a negative number of days
select
    plan_code,
    project_id,
    snapshot_on
from model
where slip_days < 0;
