-- check: a street has one row a period and revision
select
    street_code,
    period,
    revision
from model
group by all
having count(*) > 1;

-- check: orders received are assessed or excluded
select
    street_code,
    period
from model
where received_count <> assessed_count + excluded_count;

-- check: every rate lies between nothing and everything
select
    street_code,
    period
from model
where
    response_rate not between 0 and 1
    or resolution_rate not between 0 and 1
    or satisfaction_rate not between 0 and 1
    or composite_score not between 0 and 100;

-- check: without orders or callbacks a rate is empty
select
    street_code,
    period
from model
where
    (assessed_count = 0) <> (response_rate is null)
    or (callback_count = 0) <> (resolution_rate is null)
    or (callback_count = 0) <> (satisfaction_rate is null);

-- check: no order of a street in scope is left out
select
    orders.street_code,
    days.period,
    count(*) as order_count,
    any_value(model.assessed_count) as assessed_count
from city.hotline_orders as orders
inner join core.score_days as days
    on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = days.day
inner join model on orders.street_code = model.street_code and days.period = model.period and model.is_latest
where
    orders.handling_role = 'lead'
    and orders.order_kind <> 'enquiry'
    and not coalesce(orders.is_excluded, false)
    and not coalesce(orders._is_deleted_upstream, false)
group by all
having count(*) <> any_value(model.assessed_count);

-- check: a period has one latest revision of every street
select
    street_code,
    period
from model
group by all
having count(*) filter (where is_latest) <> 1;

-- check: only a frozen period has been revised
select *
from model
where revision > 0 and frozen_at is null;
