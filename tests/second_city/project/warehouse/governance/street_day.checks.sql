-- check: no more requests are open than there are
select *
from model
where open_count > pedido_count;
