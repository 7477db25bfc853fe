-- check: a parcel has one row a season
select
    parcel_id,
    season
from model
group by all
having count(*) > 1;

-- check: every parcel has a size in square metres
select
    parcel_id,
    area_unit
from model
where area_m2 is null;

-- check: every kind of green space is known to be park or not
select distinct model.green_kind
from model
where model.green_kind not in (select kinds.green_kind from ref.green_kinds as kinds);
