-- Each day by its counts, and by what decides which rows it has: the streets and kinds ever counted, the first hour and
-- the newest.
with told as (
    select
        street_code,
        hour_at,
        incident_type,
        cast(hour_at at time zone 'Asia/Shanghai' as date) as business_date,
        hash(street_code, hour_at, incident_type, incident_count, confirmed_count, to_case_count) as told_hash
    from street.incidents
),

whole as (
    select
        min(hour_at) as first_hour_at,
        max(hour_at) as last_hour_at,
        list_sort(list_distinct(list(street_code))) as streets,
        list_sort(list_distinct(list(incident_type))) as kinds
    from told
),

days as (
    select
        whole.streets,
        whole.kinds,
        cast(unnest(generate_series(
            cast(whole.first_hour_at at time zone 'Asia/Shanghai' as date),
            cast(whole.last_hour_at at time zone 'Asia/Shanghai' as date),
            interval 1 day
        )) as date) as business_date,
        whole.first_hour_at,
        whole.last_hour_at
    from whole
),

sums as (
    select
        business_date,
        sum(told_hash) as told_sum
    from told
    group by all
)

select
    days.business_date,
    hash(
        sums.told_sum,
        days.streets,
        days.kinds,
        greatest(days.first_hour_at, days.business_date at time zone 'Asia/Shanghai'),
        least(days.last_hour_at, (days.business_date + interval 1 day) at time zone 'Asia/Shanghai')
    ) as state
from days
left join sums on days.business_date = sums.business_date
