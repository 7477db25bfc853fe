-- check: a street has one row a day and kind of service
select
    street_code,
    as_of,
    service_kind
from model
group by all
having count(*) > 1;

-- check: every kind of service is there, with or without a source
select kinds.service_kind
from ref.service_kinds as kinds
where
    exists (select 1 from model)
    and (kinds.supply_basis = 'none' or exists (select 1 from core.supplies as supplies where supplies.service_kind = kinds.service_kind))
    and kinds.service_kind not in (select model.service_kind from model);

-- check: without a source there is no supply, and no rate without residents
select
    street_code,
    as_of,
    service_kind
from model
where
    (supply_basis = 'none' and supply is not null)
    or (per_1000 is not null and coalesce(demand_base, 0) = 0);

-- check: streets of one district are compared with the same rate
select
    district_code,
    as_of,
    service_kind
from model
group by all
having count(distinct district_per_1000) > 1;
