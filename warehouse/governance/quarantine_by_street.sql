-- governance.quarantine_by_street
-- One row per feed and street with rows in quarantine, and what became of them. Rows of which no street can be read
-- stand under unassigned; the feed's owner corrects them.
-- The age is as of the newest landing from a source, never of the clock. A row that was sent back and still breaks the
-- contract counts twice: as returned, and as the open row it came back as.
with streets as (
    select
        area_code as street_code,
        arg_max(area_name, valid_to) as street_name
    from ref.areas
    where area_level = 'street'
    group by all
),

counted as (
    select
        feed_id as source_feed,
        coalesce(street_code, 'unassigned') as street_code,
        any_value(level) as level,
        any_value(owner) as owner,
        count(*) as quarantined_count,
        count(*) filter (where state = 'open') as open_count,
        count(*) filter (where state = 'corrected') as corrected_count,
        count(*) filter (where state = 'returned') as returned_count,
        count(*) filter (where state = 'discarded') as discarded_count,
        min(landed_at) filter (where state = 'open') as oldest_open_at
    from ops.quarantine
    group by all
)

select
    counted.source_feed,
    counted.street_code,
    streets.street_name,
    counted.level,
    counted.owner,
    counted.quarantined_count,
    counted.open_count,
    counted.corrected_count,
    counted.returned_count,
    counted.discarded_count,
    counted.oldest_open_at,
    greatest(0, date_diff(
        'day',
        cast(counted.oldest_open_at at time zone 'Asia/Shanghai' as date),
        cast((
            select max(batches.landed_at) from core.batches as batches where batches.origin <> 'correction'
        ) at time zone 'Asia/Shanghai' as date)
    )) as oldest_open_days
from counted
left join streets on counted.street_code = streets.street_code
