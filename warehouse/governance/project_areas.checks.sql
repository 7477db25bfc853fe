-- check: the shares of a project add up to one
select
    plan_code,
    project_id,
    snapshot_on,
    sum(share) as share
from model
group by all
having abs(sum(share) - 1) > 0.0001;

-- check: a street has one share of a project
select
    plan_code,
    project_id,
    snapshot_on,
    street_code
from model
where street_code is not null
group by all
having count(*) > 1;
