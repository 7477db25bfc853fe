-- check: a street has one row a period and revision
select
    street_code,
    period,
    revision
from model
group by all
having count(*) > 1;

-- check: a period that has a rule has its streets
select rates.period
from core.score_revisions as rates
left join model on rates.period = model.period and rates.revision = model.revision
where
    model.period is null
    and exists (select 1 from ref.areas where is_in_scope and is_assessed);
