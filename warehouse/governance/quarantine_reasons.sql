-- governance.quarantine_reasons
-- One row per feed and broken rule: how many rows of quarantine break it, and how many of these still wait.
-- A row that breaks several rules counts under each, so the counts of a feed may add up to more than its rows.
-- What a rule expects is told by the feed's contract.
with broken as (
    select
        feed_id,
        level,
        owner,
        state,
        landed_at,
        unnest(reasons) as reason
    from ops.quarantine
)

select
    feed_id as source_feed,
    reason.rule as broken_rule,
    max(level) as level,
    max(nullif(reason.column_name, '')) as column_name,
    max(reason.severity) as severity,
    max(owner) as owner,
    count(*) as quarantined_count,
    count(*) filter (where state = 'open') as open_count,
    min(landed_at) filter (where state = 'open') as oldest_open_at
from broken
group by all
