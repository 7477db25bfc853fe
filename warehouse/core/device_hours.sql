-- core.device_hours
-- One row per device of the register and hour in which it was asked; several ids of one device are put together.
-- change_count holds the changes of state within the hour and the one from the last sample before it on the same day.
with samples as (
    select
        devices.counted_as as device_id,
        cast(status.hour_at at time zone 'Asia/Shanghai' as date) as business_date,
        status.hour_at,
        status.sample_count,
        status.online_count,
        status.first_sampled_at,
        status.last_sampled_at,
        status.last_online_at,
        status.last_status,
        status.flap_count
        + coalesce(cast(status.first_status <> lag(status.last_status) over history as integer), 0) as change_count
    from street.device_status as status
    inner join core.devices as devices on status.device_id = devices.device_id
    window history as (
        partition by status.device_id, cast(status.hour_at at time zone 'Asia/Shanghai' as date)
        order by status.hour_at
    )
)

select
    device_id,
    hour_at,
    business_date,
    cast(sum(sample_count) as bigint) as sample_count,
    cast(sum(online_count) as bigint) as online_count,
    min(first_sampled_at) as first_sampled_at,
    max(last_sampled_at) as last_sampled_at,
    max(last_online_at) as last_online_at,
    arg_max(last_status, last_sampled_at) as last_status,
    cast(sum(change_count) as bigint) as change_count
from samples
group by all
