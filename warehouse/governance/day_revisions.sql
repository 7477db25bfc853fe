-- governance.day_revisions
-- One row per feed, street, business date and later day on which it became known that the date has other records.
-- The first telling of a date is what was known by the end of the day after it: the pull of the night brings it. What
-- comes later is a revision of its number, with what it consists of: records that arrived late, moved to another
-- street or date, or were withdrawn at their source. Dates before a feed was first pulled are nobody's figures.
-- So no number of an earlier day changes without a row here; frozen periods of the scorecard are revised there.
with versions as (
    select
        source_feed,
        source_level,
        source_id,
        street_code,
        cast(reported_at at time zone 'Asia/Shanghai' as date) as business_date,
        not is_gone as is_there,
        known_from
    from core.report_versions
),

ordered as (
    select
        *,
        lag(street_code) over records as street_before,
        lag(business_date) over records as date_before,
        coalesce(lag(is_there) over records, false) as was_there
    from versions
    window records as (partition by source_feed, source_id order by known_from)
),

compared as (
    select
        *,
        is_there and was_there and (street_code <> street_before or business_date <> date_before) as is_moved
    from ordered
),

changes as (
    select
        source_feed,
        source_level,
        street_code,
        business_date,
        known_from,
        1 as difference,
        case when is_moved then 'moved_here' else 'arrived' end as reason
    from compared
    where is_there and (is_moved or not was_there)
    union all
    select
        source_feed,
        source_level,
        street_before as street_code,
        date_before as business_date,
        known_from,
        -1 as difference,
        case when is_moved then 'moved_away' else 'withdrawn' end as reason
    from compared
    where was_there and (is_moved or not is_there)
),

beginnings as (
    select
        source_feed,
        cast(min(known_from) at time zone 'Asia/Shanghai' as date) as first_known_on
    from versions
    group by all
),

told as (
    select
        changes.source_feed,
        changes.source_level,
        changes.street_code,
        changes.business_date,
        greatest(
            cast(changes.known_from at time zone 'Asia/Shanghai' as date), changes.business_date + 1
        ) as known_on,
        max(changes.known_from) as known_at,
        sum(changes.difference) as difference,
        count(*) filter (where changes.reason = 'arrived') as arrived_count,
        count(*) filter (where changes.reason = 'moved_here') as moved_here_count,
        count(*) filter (where changes.reason = 'moved_away') as moved_away_count,
        count(*) filter (where changes.reason = 'withdrawn') as withdrawn_count
    from changes
    inner join beginnings
        on
            changes.source_feed = beginnings.source_feed
            and changes.business_date >= beginnings.first_known_on - 1
    group by all
),

counted as (
    select
        *,
        sum(difference) over so_far as record_count
    from told
    window so_far as (partition by source_feed, street_code, business_date order by known_on)
)

select
    source_feed,
    source_level,
    street_code,
    business_date,
    known_on,
    known_at,
    row_number() over (partition by source_feed, street_code, business_date order by known_on) as revision,
    cast(record_count - difference as bigint) as record_count_before,
    cast(record_count as bigint) as record_count,
    arrived_count,
    moved_here_count,
    moved_away_count,
    withdrawn_count,
    known_on = max(known_on) over (partition by source_feed, street_code, business_date) as is_latest
from counted
where known_on > business_date + 1
