-- core.noise_days
-- One row per street and local day with measurements.
select
    street_code,
    cast(measured_at at time zone 'Atlantic/Azores' as date) as day,
    max(noise_db) as noise_db_max
from street.ruido
group by all
