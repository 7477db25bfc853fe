-- core.told_steps
-- One row per record, with a fingerprint of every version of it: steps of a record come from its own versions, and
-- from the flow log of an order.
with told as (
    select
        orders.work_order_id as record_id,
        hash(orders) as version
    from city.hotline_orders_history as orders
    union all
    select
        flow.work_order_id as record_id,
        hash(flow) as version
    from city.hotline_flow as flow
    union all
    select
        cases.case_no as record_id,
        hash(cases) as version
    from district.grid_cases_history as cases
    union all
    select
        dispatch.district_order_no as record_id,
        hash(dispatch) as version
    from district.dispatch as dispatch
    union all
    select
        requests.request_id as record_id,
        hash(requests) as version
    from street.steward_requests_history as requests
)

select
    record_id,
    sum(version) as state
from told
group by record_id
