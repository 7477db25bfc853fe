-- Each day by the samples of its hours.
select
    cast(status.hour_at at time zone 'Asia/Shanghai' as date) as business_date,
    sum(
        hash(
            status.device_id,
            status.hour_at,
            status.sample_count,
            status.online_count,
            status.first_sampled_at,
            status.last_sampled_at,
            status.last_online_at,
            status.first_status,
            status.last_status,
            status.flap_count
        )
    ) as state
from street.device_status as status
group by all
