-- core.score_changes
-- One row per street, assessment period and day of knowledge, with what that knowledge adds to the street's counts.
-- Every version of an order adds what it counts for when it becomes known and takes it away when it is replaced.
-- What was known when the period was frozen, or of an open period, has no day: it makes revision 0.
with ordered as (
    select
        versions.*,
        lag(versions) over (partition by versions.work_order_id order by versions.known_from) as before,
        lead(versions) over (partition by versions.work_order_id order by versions.known_from) as behind
    from core.score_versions as versions
),

came as (
    select
        period,
        street_code,
        known_from as changed_at,
        1 as direction,
        is_excluded,
        is_in_time,
        is_callback,
        resolved_credit,
        satisfied_credit,
        not coalesce(before.is_counted, false)
        or before.period <> period
        or before.street_code <> street_code as is_new,
        before
    from ordered
    where is_counted
),

went as (
    select
        period,
        street_code,
        known_to as changed_at,
        -1 as direction,
        is_excluded,
        is_in_time,
        is_callback,
        resolved_credit,
        satisfied_credit,
        not coalesce(behind.is_counted, false)
        or behind.period <> period
        or behind.street_code <> street_code as is_gone
    from ordered
    where is_counted and known_to is not null
),

changes as (
    select
        period,
        street_code,
        changed_at,
        direction,
        is_excluded,
        is_in_time,
        is_callback,
        resolved_credit,
        satisfied_credit,
        is_new as is_arrival,
        not is_new and is_excluded and not before.is_excluded as is_exclusion,
        not is_new and not is_excluded and before.is_excluded as is_reinstatement,
        not is_new and is_callback and not before.is_callback as is_late_callback,
        false as is_departure
    from came
    union all
    select
        period,
        street_code,
        changed_at,
        direction,
        is_excluded,
        is_in_time,
        is_callback,
        resolved_credit,
        satisfied_credit,
        false as is_arrival,
        false as is_exclusion,
        false as is_reinstatement,
        false as is_late_callback,
        is_gone as is_departure
    from went
),

-- Knowledge of a frozen period is dated by the day it came; what was known by then, or of an open period, is step null.
placed as (
    select
        changes.*,
        case
            when changes.changed_at > periods.frozen_at
                then cast(changes.changed_at at time zone 'Asia/Shanghai' as date)
        end as known_on
    from changes
    inner join core.score_periods as periods on changes.period = periods.period
)

select
    period,
    street_code,
    known_on,
    max(changed_at) as changed_at,
    sum(direction) as received_count,
    coalesce(sum(direction) filter (where is_excluded), 0) as excluded_count,
    coalesce(sum(direction) filter (where not is_excluded), 0) as assessed_count,
    coalesce(sum(direction) filter (where not is_excluded and is_in_time), 0) as responded_count,
    coalesce(sum(direction) filter (where not is_excluded and is_callback), 0) as callback_count,
    coalesce(sum(direction * resolved_credit) filter (where not is_excluded and is_callback), 0) as resolved_credit,
    coalesce(sum(direction * satisfied_credit) filter (where not is_excluded and is_callback), 0) as satisfied_credit,
    count(*) filter (where is_arrival) as arrived_count,
    count(*) filter (where is_departure) as departed_count,
    count(*) filter (where is_exclusion) as newly_excluded_count,
    count(*) filter (where is_reinstatement) as reinstated_count,
    count(*) filter (where is_late_callback) as late_callback_count
from placed
group by all
