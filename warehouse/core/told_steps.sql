-- core.told_steps
-- One row per step that a feed tells of one of its records, with when it was first told.
-- The flow log tells steps one by one. The other feeds tell when something was last done: every version of a record
-- is read, so that a time that was put right later is a step of its own and the one before stays.
-- Where a feed only shows that something has changed, the step is inferred from two versions that follow each other,
-- and dated by the change of the record.
with ordered_orders as (
    select
        orders.*,
        lag(orders) over (partition by orders.work_order_id order by orders._known_from) as before
    from city.hotline_orders_history as orders
    where orders._known_to is distinct from orders._known_from
),

ordered_cases as (
    select
        cases.*,
        lag(cases) over (partition by cases.case_no order by cases._known_from) as before
    from district.grid_cases_history as cases
    where cases._known_to is distinct from cases._known_from
),

ordered_requests as (
    select
        requests.*,
        lag(requests) over (partition by requests.request_id order by requests._known_from) as before
    from street.steward_requests_history as requests
    where requests._known_to is distinct from requests._known_from
),

told as (
    select
        'city_hotline_orders' as told_by,
        work_order_id as record_id,
        street_code,
        _known_from as told_at,
        unnest(['reported', 'dispatched', 'contacted', 'closed', 'callback_valid']) as event_type,
        unnest([reported_at, dispatched_at, contacted_at, closed_at, callback_at]) as event_at,
        false as is_inferred
    from ordered_orders
    union all
    select
        'district_grid_cases' as told_by,
        case_no as record_id,
        street_code,
        _known_from as told_at,
        unnest(['reported', 'filed', 'dispatched', 'handling', 'closed']) as event_type,
        unnest([reported_at, filed_at, dispatched_at, handled_at, closed_at]) as event_at,
        false as is_inferred
    from ordered_cases
    union all
    select
        'street_steward_requests' as told_by,
        request_id as record_id,
        street_code,
        _known_from as told_at,
        unnest(['reported', 'closed']) as event_type,
        unnest([requested_at, closed_at]) as event_at,
        false as is_inferred
    from ordered_requests
    union all
    select
        'district_dispatch' as told_by,
        district_order_no as record_id,
        street_code,
        coalesce(_first_landed_at, _landed_at) as told_at,
        unnest(['dispatched', 'returned', 'replied']) as event_type,
        unnest([dispatched_at, returned_at, replied_at]) as event_at,
        false as is_inferred
    from district.dispatch
),

inferred as (
    select
        'city_hotline_orders' as told_by,
        work_order_id as record_id,
        street_code,
        _known_from as told_at,
        unnest([
            case when coalesce(is_excluded, false) and not coalesce(before.is_excluded, false) then 'excluded' end,
            case when not coalesce(is_excluded, false) and before.is_excluded then 'reinstated' end,
            case when order_status = 'reopened' and before.order_status <> 'reopened' then 'reopened' end,
            case
                when
                    before.work_order_id is not null
                    and (street_code, community_name, category_l1, category_l2, reported_at)
                    is distinct from
                    (before.street_code, before.community_name, before.category_l1, before.category_l2, before.reported_at)
                    then 'corrected'
            end
        ]) as event_type,
        source_updated_at as event_at,
        true as is_inferred
    from ordered_orders
    union all
    select
        'district_grid_cases' as told_by,
        case_no as record_id,
        street_code,
        _known_from as told_at,
        unnest([
            case when closed_at is null and before.closed_at is not null then 'reopened' end,
            case
                when
                    before.case_no is not null
                    and (street_code, community_name, class_code, place_text, reported_at)
                    is distinct from
                    (before.street_code, before.community_name, before.class_code, before.place_text, before.reported_at)
                    then 'corrected'
            end
        ]) as event_type,
        source_updated_at as event_at,
        true as is_inferred
    from ordered_cases
    union all
    select
        'street_steward_requests' as told_by,
        request_id as record_id,
        street_code,
        _known_from as told_at,
        unnest([
            case
                when escalated_to_order_id is not null and before.escalated_to_order_id is null then 'escalated'
            end,
            case when request_status <> 'closed' and before.request_status = 'closed' then 'reopened' end
        ]) as event_type,
        source_updated_at as event_at,
        true as is_inferred
    from ordered_requests
),

seen as (
    select * from told
    union all
    select * from inferred
),

-- What the flow log tells of an order is not told a second time by the order itself.
stated as (
    select
        told_by,
        record_id,
        event_type,
        event_at,
        1 as event_no,
        arg_min(street_code, told_at) as street_code,
        min(told_at) as told_at,
        bool_and(is_inferred) as is_inferred
    from seen
    where event_type is not null and event_at is not null
    group by told_by, record_id, event_type, event_at
)

select
    told_by,
    record_id,
    event_type,
    event_at,
    event_no,
    street_code,
    told_at,
    is_inferred
from stated
anti join city.hotline_flow as flow
    on
        stated.told_by = 'city_hotline_orders'
        and stated.record_id = flow.work_order_id
        and stated.event_type = flow.event_type
union all
select
    'city_hotline_flow' as told_by,
    work_order_id as record_id,
    event_type,
    event_at,
    event_no,
    street_code,
    coalesce(_first_landed_at, _landed_at) as told_at,
    false as is_inferred
from city.hotline_flow
