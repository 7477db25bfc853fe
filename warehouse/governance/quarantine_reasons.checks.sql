-- check: a feed has no more rows under one reason than in quarantine
select model.source_feed
from model
left join (
    select
        feed_id,
        count(*) as quarantined_count
    from ops.quarantine
    group by all
) as bad on model.source_feed = bad.feed_id
where model.quarantined_count > coalesce(bad.quarantined_count, 0);

-- check: every row of quarantine with a reason is counted under each
select sum(quarantined_count) as quarantined_count
from model
having coalesce(sum(quarantined_count), 0) <> (select coalesce(sum(len(reasons)), 0) from ops.quarantine);

-- check: what waits has an age, and nothing else has
select *
from model
where (open_count > 0) <> (oldest_open_at is not null);
