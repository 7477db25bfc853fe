-- check: a source record is one report
select
    source_feed,
    source_id
from model
group by all
having count(*) > 1;

-- check: two reports never lend the same case id
select own_case_id
from model
group by all
having count(*) > 1;

-- check: a closed report is not open
select
    source_feed,
    source_id
from model
where is_open and closed_at is not null;
