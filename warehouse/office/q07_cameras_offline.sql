-- q07_cameras_offline
-- Video devices of this street silent for longer than ref.device_rules allows (twenty-four hours), by community, beside the devices the community has. Device health only: nothing a device sees is anywhere in this system.
-- 本街道离线超过规定时长（ref.device_rules，默认24小时）的视频设备，按社区汇总，并列该社区在册设备数。仅涉及设备状态，系统不含任何图像内容。
with offline as (
    select
        community_name,
        count(*) as offline_count,
        max(offline_hours) as longest_hours,
        min(offline_since) as offline_since,
        list(device_id order by device_id) as device_ids
    from governance.devices_offline
    group by community_name
),

registered as (
    select
        community_name,
        count(*) as device_count
    from street.video_devices
    group by community_name
)

select
    offline.community_name,  -- Community of the installation register. 社区
    offline.offline_count,  -- Devices that have been silent for too long. 离线设备数
    registered.device_count,  -- Devices in the register. 在册设备数
    offline.longest_hours,  -- Longest silence, h. 最长离线小时数
    offline.offline_since at time zone 'Asia/Shanghai' as offline_since_local,  -- Begin of the longest silence, Beijing time. 最早离线时间
    offline.device_ids  -- Numbers of the devices. 设备编号
from offline
left join registered on offline.community_name = registered.community_name
order by offline.offline_count desc, offline.community_name asc
