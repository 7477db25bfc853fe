-- core.working_days
-- One row per day of the years the calendar covers, with its working seconds and those that went before it.
-- A day that is not in the calendar is worked from Monday to Friday.
with years as (
    select
        date_trunc('year', min(day)) as first_day,
        date_trunc('year', max(day)) + interval 1 year - interval 1 day as last_day
    from ref.calendar_days
),

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day
    from years
),

worked as (
    select
        days.day,
        coalesce(calendar.day_kind = 'workday', isodow(days.day) < 6) as is_worked,
        (days.day + to_minutes(hours.opens_minute)) at time zone 'Asia/Shanghai' as opens_at,
        60 * (hours.closes_minute - hours.opens_minute) as seconds
    from days
    inner join ref.working_hours as hours on days.day >= hours.valid_from and days.day < hours.valid_to
    left join ref.calendar_days as calendar on days.day = calendar.day
)

select
    day,
    is_worked,
    opens_at,
    case when is_worked then seconds else 0 end as seconds,
    coalesce(cast(sum(case when is_worked then seconds else 0 end) over (
        order by day
        rows between unbounded preceding and 1 preceding
    ) as bigint), 0) as seconds_before
from worked
