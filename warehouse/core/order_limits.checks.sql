-- check: an order has one row
select work_order_id
from model
group by all
having count(*) > 1;

-- check: every order that was dispatched has a limit
select orders.work_order_id
from city.hotline_orders as orders
anti join model on orders.work_order_id = model.work_order_id
where orders.dispatched_at at time zone 'Asia/Shanghai' >= (select min(rules.valid_from) from ref.sla_rules as rules);

-- check: an order is due after it was dispatched
select model.work_order_id
from model
inner join city.hotline_orders as orders on model.work_order_id = orders.work_order_id
where model.close_due_at <= orders.dispatched_at;
