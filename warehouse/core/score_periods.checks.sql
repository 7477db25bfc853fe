-- check: a period has one row
select period
from model
group by all
having count(*) > 1;

-- check: a period is not frozen before it is over
select *
from model
where frozen_at < period_ends_on;

-- check: who froze a period is told exactly when it is frozen
select *
from model
where (frozen_at is null) <> (frozen_by is null);
