-- core.told_steps
-- One row per step that a feed tells of one of its records, with when it was first told.
-- The flow log tells steps one by one. The other feeds tell when something was last done: every version of a record
-- is read, so that a time that was put right later is a step of its own and the one before stays.
-- Where a feed only shows that something has changed, the step is inferred from two versions that follow each other,
-- and dated by the change of the record.
with orders as (
    select
        work_order_id,
        street_code,
        _known_from,
        reported_at,
        dispatched_at,
        contacted_at,
        closed_at,
        callback_at,
        source_updated_at,
        order_status,
        coalesce(is_excluded, false) as is_excluded,
        concat_ws('|', street_code, community_name, category_l1, category_l2, epoch(reported_at)) as what_and_where
    from city.hotline_orders_history
    where _known_to is distinct from _known_from
),

ordered_orders as (
    select
        *,
        lag(is_excluded) over versions as was_excluded,
        lag(order_status) over versions as status_before,
        lag(what_and_where) over versions as what_and_where_before
    from orders
    window versions as (partition by work_order_id order by _known_from)
),

cases as (
    select
        case_no,
        street_code,
        _known_from,
        reported_at,
        filed_at,
        dispatched_at,
        handled_at,
        closed_at,
        source_updated_at,
        concat_ws('|', street_code, community_name, class_code, place_text, epoch(reported_at)) as what_and_where
    from district.grid_cases_history
    where _known_to is distinct from _known_from
),

ordered_cases as (
    select
        *,
        lag(closed_at) over versions as closed_before,
        lag(what_and_where) over versions as what_and_where_before
    from cases
    window versions as (partition by case_no order by _known_from)
),

requests as (
    select
        request_id,
        street_code,
        _known_from,
        requested_at,
        closed_at,
        source_updated_at,
        request_status,
        escalated_to_order_id
    from street.steward_requests_history
    where _known_to is distinct from _known_from
),

ordered_requests as (
    select
        *,
        lag(request_status) over versions as status_before,
        lag(escalated_to_order_id) over versions as escalated_before
    from requests
    window versions as (partition by request_id order by _known_from)
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
            case when is_excluded and not coalesce(was_excluded, false) then 'excluded' end,
            case when was_excluded and not is_excluded then 'reinstated' end,
            case when order_status = 'reopened' and status_before <> 'reopened' then 'reopened' end,
            case when what_and_where <> what_and_where_before then 'corrected' end
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
            case when closed_at is null and closed_before is not null then 'reopened' end,
            case when what_and_where <> what_and_where_before then 'corrected' end
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
            case when escalated_to_order_id is not null and escalated_before is null then 'escalated' end,
            case when request_status <> 'closed' and status_before = 'closed' then 'reopened' end
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
),

-- What the flow log tells of an order is not told a second time by the order itself.
logged as (
    select distinct
        'city_hotline_orders' as told_by,
        work_order_id as record_id,
        event_type
    from city.hotline_flow
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
anti join logged
    on
        stated.told_by = logged.told_by
        and stated.record_id = logged.record_id
        and stated.event_type = logged.event_type
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
