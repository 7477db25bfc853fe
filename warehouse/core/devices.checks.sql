-- check: what stands for a device stands for itself
select *
from model
where counted_as not in (select one.device_id from model as one where one.device_id = one.counted_as);
