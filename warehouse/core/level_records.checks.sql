-- check: a source tells of a record once a street and day
select
    thing,
    side,
    street_code,
    business_date,
    record_id
from model
group by all
having count(*) > 1;

-- check: every thing that is told of is a thing of the rules
select distinct model.thing
from model
where model.thing not in (select rules.thing from ref.level_rules as rules);
