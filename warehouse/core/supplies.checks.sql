-- check: a street has one supply a day and kind
select
    street_code,
    as_of,
    service_kind
from model
group by all
having count(*) > 1;

-- check: kinds with a source have a supply, others none
select distinct model.service_kind
from model
left join ref.service_kinds as kinds on model.service_kind = kinds.service_kind
where (kinds.supply_source is null) <> (model.supply is null);

-- check: every stage of school that is a kind of service is counted
select kinds.service_kind
from ref.service_kinds as kinds
where
    kinds.supply_source = 'district.school_places'
    and exists (select 1 from district.school_places)
    and kinds.service_kind not in (select model.service_kind from model);
