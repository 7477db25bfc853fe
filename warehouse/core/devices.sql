-- core.devices
-- One row per device id of the register, with the id that stands for the device.
-- Two platforms may list one device under two ids: a device of the same name at the same place of the same street is
-- one device, and the smallest id stands for it. Places are rounded to about 100 m, so a name is needed, too.
select
    device_id,
    case
        when device_name is null or lon is null or lat is null then device_id
        else min(device_id) over (partition by street_code, device_name, lon, lat)
    end as counted_as,
    street_code,
    community_name,
    network_class
from street.video_devices
where not coalesce(_is_deleted_upstream, false)
