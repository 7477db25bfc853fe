-- check: a feed and business date has one band
select
    feed_id,
    business_date
from model
group by all
having count(*) > 1;

-- check: a band does not end before it begins
select
    feed_id,
    business_date
from model
where expected_rows_lo > expected_rows_hi or (expected_rows_lo is null) <> (expected_rows_hi is null);
