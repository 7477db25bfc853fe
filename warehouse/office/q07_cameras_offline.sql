-- q07_cameras_offline
-- Video devices of this street silent for longer than ref.device_rules allows (twenty-four hours), by community, beside the devices the community has. Device health only: nothing a device sees is anywhere in this system.
-- 本街道离线超过规定时长（ref.device_rules，默认24小时）的视频设备，按社区汇总，并列该社区在册设备数。仅涉及设备状态，系统不含任何图像内容。
select
    community_name,
    count(*) as offline_count,  -- Devices that have been silent for too long. 离线设备数
    any_value(community_device_count) as device_count,  -- Devices the community has in the register. 该社区在册设备数
    max(offline_hours) as longest_hours,  -- Longest silence, h. 最长离线小时数
    min(offline_since) at time zone 'Asia/Shanghai' as offline_since_local,  -- Begin of the longest silence, Beijing time. 最早离线时间
    list(device_id order by device_id) as device_ids  -- Numbers of the devices. 设备编号
from governance.devices_offline
group by community_name
order by offline_count desc, community_name asc
