-- governance.device_health_daily
-- One row per street, business date and class of network: how many devices there are and how well they answered.
-- Days are those that should have brought samples; one that did not keeps its row, without rates. The number of devices is that of
-- today's register; two ids of one device count once, and duplicate_count says how many ids that leaves out.
-- online_rate is the mean over devices, so that one that is asked more often does not weigh more. Figures of a group
-- smaller than the rule allows are left empty: they would tell the state of single devices.
with calendar as (
    select
        days.business_date,
        (days.business_date + interval 1 day) at time zone 'Asia/Shanghai' as ends_at,
        rules.min_changes,
        rules.stale_hours,
        rules.offline_hours,
        rules.min_group
    from ops.expectations as days
    inner join ref.device_rules as rules
        on days.business_date >= rules.valid_from and days.business_date < rules.valid_to
    where days.feed_id = 'street_device_status'
),

registered as (
    select
        street_code,
        network_class,
        count(*) filter (where device_id = counted_as) as device_total,
        count(*) filter (where device_id <> counted_as) as duplicate_count
    from core.devices
    group by all
),

asked as (
    select
        device_id,
        business_date,
        sum(sample_count) as sample_count,
        sum(online_count) / sum(sample_count) as online_share,
        sum(change_count) as change_count
    from core.device_hours
    group by all
),

-- Whether a device was asked in the hours before a day's end, and whether it answered in them.
heard as (
    select
        calendar.business_date,
        hours.device_id,
        bool_or(hours.last_sampled_at >= calendar.ends_at - to_hours(cast(calendar.stale_hours as integer)))
            as is_fresh,
        coalesce(
            bool_or(hours.last_online_at >= calendar.ends_at - to_hours(cast(calendar.offline_hours as integer))),
            false
        ) as is_answering
    from core.device_hours as hours
    inner join calendar
        on
            hours.hour_at < calendar.ends_at
            and hours.hour_at
            >= calendar.ends_at - to_hours(cast(greatest(calendar.stale_hours, calendar.offline_hours) as integer) + 1)
    group by all
),

begun as (
    select
        device_id,
        min(first_sampled_at) as first_sampled_at
    from core.device_hours
    group by all
),

devices as (
    select
        devices.street_code,
        devices.network_class,
        calendar.business_date,
        calendar.min_group,
        asked.sample_count,
        asked.online_share,
        coalesce(asked.change_count >= calendar.min_changes, false) as is_flapping,
        not coalesce(heard.is_fresh, false) as is_stale,
        coalesce(
            heard.is_fresh
            and not heard.is_answering
            and begun.first_sampled_at <= calendar.ends_at - to_hours(cast(calendar.offline_hours as integer)),
            false
        ) as is_offline
    from core.devices as devices
    cross join calendar
    left join asked on devices.device_id = asked.device_id and calendar.business_date = asked.business_date
    left join heard on devices.device_id = heard.device_id and calendar.business_date = heard.business_date
    left join begun on devices.device_id = begun.device_id
    where devices.device_id = devices.counted_as
),

counted as (
    select
        street_code,
        network_class,
        business_date,
        any_value(min_group) as min_group,
        count(sample_count) as sampled_count,
        cast(coalesce(sum(sample_count), 0) as bigint) as sample_count,
        avg(online_share) as online_rate,
        count(*) filter (where is_flapping) as flapping_count,
        count(*) filter (where is_stale) as stale_count,
        count(*) filter (where is_offline) as offline_count
    from devices
    group by all
)

select
    counted.street_code,
    counted.business_date,
    counted.network_class,
    registered.device_total,
    registered.duplicate_count,
    registered.device_total < counted.min_group as is_suppressed,
    case when registered.device_total >= counted.min_group then counted.sampled_count end as sampled_count,
    case when registered.device_total >= counted.min_group then counted.sample_count end as sample_count,
    case
        when registered.device_total >= counted.min_group then cast(counted.online_rate as decimal(7, 6))
    end as online_rate,
    case when registered.device_total >= counted.min_group then counted.flapping_count end as flapping_count,
    case when registered.device_total >= counted.min_group then counted.stale_count end as stale_count,
    case when registered.device_total >= counted.min_group then counted.offline_count end as offline_count
from counted
inner join registered
    on counted.street_code = registered.street_code and counted.network_class = registered.network_class
