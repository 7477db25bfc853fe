-- core.level_days
-- One row per thing that two levels tell of, with the business dates on which it is compared and up to which day each
-- source was pulled. The first of those dates is the first day that both were pulled for.
with covered as (
    select
        feed_id,
        min(cast(window_start at time zone 'Asia/Shanghai' as date)) as first_date,
        max(cast(window_end at time zone 'Asia/Shanghai' as date)) as covered_until
    from core.batches
    where not is_refused
    group by all
)

select
    rules.*,
    first.covered_until as first_covered_until,
    second.covered_until as second_covered_until,
    greatest(
        first.first_date,
        second.first_date,
        greatest(first.covered_until, second.covered_until) - cast(rules.compared_days as integer)
    ) as first_date,
    greatest(first.covered_until, second.covered_until) as end_date
from ref.level_rules as rules
inner join covered as first on rules.first_feed = first.feed_id
inner join covered as second on rules.second_feed = second.feed_id
