-- check: every row of quarantine is in exactly one state
select *
from model
where quarantined_count <> open_count + corrected_count + returned_count + discarded_count;

-- check: every row of quarantine is counted once
select counted.source_feed
from (
    select
        source_feed,
        sum(quarantined_count) as quarantined_count
    from model
    group by all
) as counted
full join (
    select
        feed_id,
        count(*) as quarantined_count
    from ops.quarantine
    group by all
) as bad on counted.source_feed = bad.feed_id
where counted.quarantined_count is distinct from bad.quarantined_count;

-- check: what waits has an age, and nothing else has
select *
from model
where (open_count > 0) <> (oldest_open_at is not null);
