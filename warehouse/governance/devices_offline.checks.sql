-- check: a device is offline since before it was asked last
select *
from model
where offline_since > last_sampled_at or last_sampled_at > newest_sample_at;
