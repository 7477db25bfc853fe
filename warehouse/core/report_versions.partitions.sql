-- core.report_versions
-- One row per number of a record, with a fingerprint of every version of it and of the score rule of its day.
with versions as (
    select
        orders.work_order_id as source_id,
        hash(orders, days.rule_id) as version
    from city.hotline_orders as orders
    left join core.score_days as days
        on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = days.day
    union all
    select
        orders.work_order_id as source_id,
        hash(orders, days.rule_id) as version
    from city.hotline_orders_history as orders
    left join core.score_days as days
        on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = days.day
    union all
    select
        cases.case_no as source_id,
        hash(cases) as version
    from district.grid_cases as cases
    union all
    select
        cases.case_no as source_id,
        hash(cases) as version
    from district.grid_cases_history as cases
    union all
    select
        requests.request_id as source_id,
        hash(requests) as version
    from street.steward_requests as requests
    union all
    select
        requests.request_id as source_id,
        hash(requests) as version
    from street.steward_requests_history as requests
)

select
    source_id,
    sum(version) as state
from versions
group by source_id
