-- core.order_limits
-- One row per hotline order that was dispatched, with the time limits that hold for it.
-- contact_due_at is when the caller must have been reached, by the score rule of its period; close_due_at is when the
-- order must be closed, by the narrowest limit of its class. Working hours only run while offices are open: an order
-- that comes in between begins to count when they open next. Past the years of the calendar there is no due time.
with orders as (
    select
        work_order_id,
        coalesce(category_l1, '') as category_l1,
        coalesce(category_l2, '') as category_l2,
        dispatched_at,
        cast(dispatched_at at time zone 'Asia/Shanghai' as date) as dispatched_on,
        cast(reported_at at time zone 'Asia/Shanghai' as date) as reported_on
    from city.hotline_orders
    where dispatched_at is not null
),

classes as (
    select distinct
        category_l1,
        category_l2
    from orders
),

class_limits as (
    select
        classes.category_l1,
        classes.category_l2,
        limits.urgency,
        limits.hours,
        limits.calendar,
        limits.valid_from,
        limits.valid_to,
        row_number() over (
            partition by classes.category_l1, classes.category_l2
            order by limits.category_l1 = '*', limits.category_l2 = '*', limits.valid_from
        ) as narrowness
    from classes
    inner join ref.sla_rules as limits
        on
            limits.category_l1 in ('*', classes.category_l1)
            and limits.category_l2 in ('*', classes.category_l2)
),

limited as (
    select
        orders.work_order_id,
        orders.reported_on,
        orders.dispatched_on,
        orders.dispatched_at,
        arg_min(limits.urgency, limits.narrowness) as urgency,
        arg_min(limits.hours, limits.narrowness) as hours,
        arg_min(limits.calendar, limits.narrowness) as calendar
    from orders
    inner join class_limits as limits
        on
            orders.category_l1 = limits.category_l1
            and orders.category_l2 = limits.category_l2
            and orders.dispatched_on >= limits.valid_from
            and orders.dispatched_on < limits.valid_to
    group by orders.work_order_id, orders.reported_on, orders.dispatched_on, orders.dispatched_at
),

begun as (
    select
        limited.*,
        days.seconds_before
        + least(days.seconds, greatest(0, epoch(limited.dispatched_at) - epoch(days.opens_at)))
        + 3600 * limited.hours as due_second
    from limited
    left join core.working_days as days on limited.dispatched_on = days.day
)

select
    begun.work_order_id,
    begun.dispatched_at + to_hours(cast(rules.response_sla_hours as integer)) as contact_due_at,
    begun.urgency,
    begun.hours as limit_hours,
    begun.calendar as limit_calendar,
    case
        when begun.calendar = 'clock' then begun.dispatched_at + to_hours(cast(begun.hours as integer))
        else ends.opens_at + to_seconds(begun.due_second - ends.seconds_before)
    end as close_due_at
from begun
left join core.working_days as ends
    on
        begun.due_second > ends.seconds_before
        and begun.due_second <= ends.seconds_before + ends.seconds
left join core.score_days as days on begun.reported_on = days.day
left join ref.score_rules as rules on days.rule_id = rules.rule_id
