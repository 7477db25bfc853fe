-- governance.devices_offline
-- One row per device that has not answered for longer than the rule allows, as of the newest sample in the warehouse.
-- offline_since is its last answer; where it never answered, the first time it was asked, so it may be longer.
-- A device nobody asked lately is not here: whether it answers is not known (stale_count of device_health_daily).
-- For the street's own office only; no place is told closer than the community.
with newest as (
    select
        max(last_sampled_at) as newest_sample_at,
        cast(max(last_sampled_at) at time zone 'Asia/Shanghai' as date) as today
    from core.device_hours
),

heard as (
    select
        device_id,
        min(first_sampled_at) as first_sampled_at,
        max(last_sampled_at) as last_sampled_at,
        max(last_online_at) as last_online_at
    from core.device_hours
    group by all
),

registered as (
    select
        street_code,
        community_name,
        count(*) filter (where device_id = counted_as) as device_count
    from core.devices
    group by all
)

select
    devices.street_code,
    devices.device_id,
    devices.community_name,
    registered.device_count as community_device_count,
    devices.network_class,
    coalesce(heard.last_online_at, heard.first_sampled_at) as offline_since,
    heard.last_online_at is not null as is_since_known,
    date_diff('hour', coalesce(heard.last_online_at, heard.first_sampled_at), newest.newest_sample_at) as offline_hours,
    heard.last_sampled_at,
    newest.newest_sample_at
from heard
cross join newest
inner join core.devices as devices on heard.device_id = devices.device_id
inner join registered
    on
        devices.street_code = registered.street_code
        and devices.community_name is not distinct from registered.community_name
inner join ref.device_rules as rules on newest.today >= rules.valid_from and newest.today < rules.valid_to
where
    heard.last_sampled_at >= newest.newest_sample_at - to_hours(cast(rules.stale_hours as integer))
    and coalesce(heard.last_online_at, heard.first_sampled_at)
    <= newest.newest_sample_at - to_hours(cast(rules.offline_hours as integer))
