-- check: a day lies in one period
select day
from model
group by all
having count(*) > 1;

-- check: a period ends on or after the days that fall into it
select *
from model
where day > period_ends_on;

-- check: every order reported since the first score rule has a period
select orders.work_order_id
from city.hotline_orders as orders
left join model on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = model.day
where
    model.day is null
    and orders.reported_at >= (
        select cast(min(rules.valid_from_period) || '-01' as date) + interval 1 month
        from ref.score_rules as rules
    );
