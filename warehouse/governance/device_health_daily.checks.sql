-- check: no more devices are asked, silent or offline than there are
select *
from model
where greatest(sampled_count, stale_count, offline_count, flapping_count) > device_total;

-- check: a group that is left empty shows nothing
select *
from model
where is_suppressed and coalesce(sampled_count, sample_count, flapping_count, stale_count, offline_count) is not null;

-- check: a rate belongs to devices that were asked
select *
from model
where (online_rate is null) <> (coalesce(sampled_count, 0) = 0);
