-- meus_pedidos
-- Pedidos desta freguesia, o mais recente primeiro.
select
    pedido_id,
    subject,
    pedido_status,
    reported_at at time zone 'Atlantic/Azores' as reported_local
from city.pedidos
order by reported_at desc, pedido_id asc
