-- check: a feed has one row a business date
select
    feed_id,
    business_date
from model
group by all
having count(*) > 1;

-- check: every day that was due has its row
select
    expected.feed_id,
    expected.business_date
from ops.expectations as expected
left join model
    on expected.feed_id = model.feed_id and expected.business_date = model.business_date
where
    model.feed_id is null
    and expected.expected_by <= (
        select max(batches.landed_at) from core.batches as batches where batches.origin <> 'correction'
    );

-- check: no batch is left out
select counted.feed_id
from (
    select
        feed_id,
        sum(batch_count) as batch_count
    from model
    group by all
) as counted
where
    counted.batch_count
    <> (select count(*) from core.batches as batches where batches.feed_id = counted.feed_id and batches.origin = 'source');

-- check: a score lies between 0 and 100
select
    feed_id,
    business_date
from model
where total_score not between 0 and 100;

-- check: every row that waits for a correction is counted on its day
select bad.feed_id
from (
    select
        feed_id,
        sum(open_count) as open_count
    from model
    group by all
) as counted
inner join (
    select
        feed_id,
        count(*) as open_count
    from ops.quarantine
    where state = 'open'
    group by all
) as bad on counted.feed_id = bad.feed_id
where counted.open_count <> bad.open_count;
