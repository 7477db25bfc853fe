-- check: a kind has a source, or says that it has none
select service_kind
from model
where (supply_basis = 'none') <> (supply_source is null);
