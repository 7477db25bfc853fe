-- check: no meeting is lost or doubled
select *
from (
    select
        (select count(*) from model) as in_table,
        (select count(*) from core.meetings) as held
)
where in_table <> held;

-- check: nothing is resolved that was not decided
select *
from model
where resolved_count > decided_count or days_to_resolve < 0;
