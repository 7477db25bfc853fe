-- core.order_limits
-- One row per hotline order that was dispatched, with the time limits that hold for it.
-- contact_due_at is when the caller must have been reached, by the score rule of its period; close_due_at is when the
-- order must be closed, by the narrowest limit of its class. Working hours only run while offices are open: an order
-- that comes in between begins to count when they open next. Past the years of the calendar there is no due time.
with limited as (
    select
        orders.work_order_id,
        orders.dispatched_at,
        limits.urgency,
        limits.hours,
        limits.calendar
    from city.hotline_orders as orders
    inner join ref.sla_rules as limits
        on
            limits.category_l1 in ('*', orders.category_l1)
            and limits.category_l2 in ('*', orders.category_l2)
            and orders.dispatched_at at time zone 'Asia/Shanghai' >= limits.valid_from
            and orders.dispatched_at at time zone 'Asia/Shanghai' < limits.valid_to
    qualify row_number() over (
        partition by orders.work_order_id
        order by limits.category_l1 = '*', limits.category_l2 = '*', limits.category_l1, limits.category_l2
    ) = 1
),

begun as (
    select
        limited.*,
        days.seconds_before
        + least(days.seconds, greatest(0, epoch(limited.dispatched_at) - epoch(days.opens_at)))
        + 3600 * limited.hours as due_second
    from limited
    asof left join core.working_days as days on limited.dispatched_at >= days.opens_at
),

-- The day on whose working hours the limit runs out: the last one that had not worked as long before.
ended as (
    select
        begun.*,
        days.opens_at + to_seconds(begun.due_second - days.seconds_before) as working_due_at,
        begun.due_second - days.seconds_before <= days.seconds as is_covered
    from begun
    asof left join core.working_days as days on begun.due_second > days.seconds_before
)

select
    ended.work_order_id,
    orders.dispatched_at + to_hours(cast(rules.response_sla_hours as integer)) as contact_due_at,
    ended.urgency,
    ended.hours as limit_hours,
    ended.calendar as limit_calendar,
    case
        when ended.calendar = 'clock' then ended.dispatched_at + to_hours(cast(ended.hours as integer))
        when ended.is_covered then ended.working_due_at
    end as close_due_at
from ended
inner join city.hotline_orders as orders on ended.work_order_id = orders.work_order_id
left join core.score_days as days
    on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = days.day
left join ref.score_rules as rules on days.rule_id = rules.rule_id
