-- q05_returned_orders
-- Orders this street sent back that were then given to a street which had sent them back before: they came back. The newest first.
-- 本街道退回后又被派回的工单，最新的在前。
select
    orders.work_order_id,
    orders.returned_count,
    orders.last_returned_at at time zone 'Asia/Shanghai' as last_returned_local,  -- When it was sent back last, Beijing time. 最近退单时间
    orders.returned_by,
    orders.came_back_at at time zone 'Asia/Shanghai' as came_back_local,  -- When it came back, Beijing time. 派回时间
    orders.community_name,
    orders.category_l2,
    orders.order_status,
    orders.is_open,
    orders.is_assessed
from governance.scorecard_orders as orders
where orders.came_back_at is not null
order by orders.came_back_at desc, orders.work_order_id asc
