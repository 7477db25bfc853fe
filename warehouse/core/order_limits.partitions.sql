-- core.order_limits
-- One row per hotline order, with a fingerprint of what its limits hang on and of the score rule of its day.
select
    orders.work_order_id,
    sum(hash(orders.dispatched_at, orders.category_l1, orders.category_l2, orders.reported_at, days.rule_id)) as state
from city.hotline_orders as orders
left join core.score_days as days
    on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = days.day
group by orders.work_order_id
