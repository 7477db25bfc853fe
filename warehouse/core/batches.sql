-- core.batches
-- One row per loaded batch, with the business date it was for: the last local day its window covers.
select
    feed_id,
    level,
    cast((window_end - interval 1 microsecond) at time zone 'Asia/Shanghai' as date) as business_date,
    window_start,
    window_end,
    batch_id,
    origin,
    landed_at,
    min(landed_at) over (partition by feed_id, window_start, window_end) as first_landed_at,
    received,
    validated,
    quarantined,
    duplicate,
    refused,
    inserted,
    updated,
    unchanged,
    stale,
    is_refused,
    contract_version
from ops.batches
