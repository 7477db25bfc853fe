-- governance.street_day
-- One row per street and local day with requests or measurements.
with requests as (
    select
        street_code,
        cast(reported_at at time zone 'Atlantic/Azores' as date) as day,
        count(*) as pedido_count,
        count(*) filter (pedido_status = 'open') as open_count
    from city.pedidos
    group by all
)

select
    coalesce(requests.street_code, noise.street_code) as street_code,
    coalesce(requests.day, noise.day) as day,
    coalesce(requests.open_count, 0) as open_count,
    coalesce(requests.pedido_count, 0) as pedido_count,
    noise.noise_db_max
from requests
full join core.noise_days as noise
    on requests.street_code = noise.street_code and requests.day = noise.day
