-- check: a period has one row a revision
select
    period,
    revision
from model
group by all
having count(*) > 1;

-- check: a later revision knows more
select *
from model
where known_at <= previous_known_at;
