-- check: every row received is in exactly one place
select
    feed_id,
    batch_id,
    window_start
from model
where
    not is_refused
    and received <> validated + quarantined + duplicate + refused;

-- check: every validated row was inserted, updated, unchanged or stale
select
    feed_id,
    batch_id,
    window_start
from model
where
    not is_refused
    and validated <> inserted + updated + unchanged + stale;
