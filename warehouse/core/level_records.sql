-- core.level_records
-- One row per thing, source (first or second), street, business date and record: what two levels say of the same.
-- Orders: those a street leads, on the day they were sent. Escalations and cases: on the day of the street's request
-- or of the case, whoever tells of it. Incidents are numbers without records. A device is looked for on each day
-- states were pulled; one that the register does not hold, or no longer, has no street and is left out.
-- A record its source no longer has is not there.
-- names_id is the number under which the other source should know the record.
with told as (
    select
        'order_dispatch' as thing,
        'first' as side,
        street_code,
        cast(dispatched_at at time zone 'Asia/Shanghai' as date) as business_date,
        work_order_id as record_id,
        work_order_id as names_id,
        1 as record_count,
        coalesce(is_excluded, false) as is_excluded,
        false as is_returned
    from city.hotline_orders
    where handling_role = 'lead' and dispatched_at is not null and not coalesce(_is_deleted_upstream, false)
    union all
    select
        'order_dispatch' as thing,
        'second' as side,
        street_code,
        cast(dispatched_at at time zone 'Asia/Shanghai' as date) as business_date,
        city_work_order_id as record_id,
        city_work_order_id as names_id,
        1 as record_count,
        false as is_excluded,
        bool_and(returned_at is not null) as is_returned
    from district.dispatch
    where dispatch_role = 'lead' and not coalesce(_is_deleted_upstream, false)
    group by all
    union all
    select
        'order_escalation' as thing,
        'first' as side,
        street_code,
        cast(requested_at at time zone 'Asia/Shanghai' as date) as business_date,
        request_id as record_id,
        escalated_to_order_id as names_id,
        1 as record_count,
        false as is_excluded,
        false as is_returned
    from street.steward_requests
    where handled_in = 'escalated' and not coalesce(_is_deleted_upstream, false)
    union all
    select
        'order_escalation' as thing,
        'second' as side,
        orders.street_code,
        cast(requests.requested_at at time zone 'Asia/Shanghai' as date) as business_date,
        requests.request_id as record_id,
        requests.request_id as names_id,
        1 as record_count,
        coalesce(orders.is_excluded, false) as is_excluded,
        false as is_returned
    from street.steward_requests as requests
    inner join city.hotline_orders as orders on requests.escalated_to_order_id = orders.work_order_id
    where
        requests.handled_in = 'escalated'
        and not coalesce(requests._is_deleted_upstream, false)
        and not coalesce(orders._is_deleted_upstream, false)
    union all
    select
        'hotline_case' as thing,
        'first' as side,
        street_code,
        cast(reported_at at time zone 'Asia/Shanghai' as date) as business_date,
        case_no as record_id,
        city_work_order_id as names_id,
        1 as record_count,
        false as is_excluded,
        false as is_returned
    from district.grid_cases
    where found_by = 'hotline' and not coalesce(_is_deleted_upstream, false)
    union all
    select
        'hotline_case' as thing,
        'second' as side,
        orders.street_code,
        cast(cases.reported_at at time zone 'Asia/Shanghai' as date) as business_date,
        cases.case_no as record_id,
        cases.case_no as names_id,
        1 as record_count,
        coalesce(orders.is_excluded, false) as is_excluded,
        false as is_returned
    from district.grid_cases as cases
    inner join city.hotline_orders as orders on cases.city_work_order_id = orders.work_order_id
    where
        cases.found_by = 'hotline'
        and not coalesce(cases._is_deleted_upstream, false)
        and not coalesce(orders._is_deleted_upstream, false)
    union all
    select
        'incident_case' as thing,
        'first' as side,
        street_code,
        cast(hour_at at time zone 'Asia/Shanghai' as date) as business_date,
        '*' as record_id,
        cast(null as varchar) as names_id,
        sum(to_case_count) as record_count,
        false as is_excluded,
        false as is_returned
    from street.incidents
    group by all
    union all
    select
        'incident_case' as thing,
        'second' as side,
        street_code,
        cast(reported_at at time zone 'Asia/Shanghai' as date) as business_date,
        '*' as record_id,
        cast(null as varchar) as names_id,
        count(*) as record_count,
        false as is_excluded,
        false as is_returned
    from district.grid_cases
    where found_by = 'video' and not coalesce(_is_deleted_upstream, false)
    group by all
    union all
    select distinct
        'device_status' as thing,
        'first' as side,
        devices.street_code,
        days.business_date,
        devices.counted_as as record_id,
        devices.counted_as as names_id,
        1 as record_count,
        false as is_excluded,
        false as is_returned
    from core.devices as devices
    cross join (
        select distinct business_date
        from core.batches
        where feed_id = 'street_device_status' and not is_refused
    ) as days
    union all
    select distinct
        'device_status' as thing,
        'second' as side,
        devices.street_code,
        cast(states.hour_at at time zone 'Asia/Shanghai' as date) as business_date,
        devices.counted_as as record_id,
        devices.counted_as as names_id,
        1 as record_count,
        false as is_excluded,
        false as is_returned
    from street.device_status as states
    inner join core.devices as devices on states.device_id = devices.device_id
)

select
    told.thing,
    told.side,
    told.street_code,
    told.business_date,
    told.record_id,
    told.names_id,
    cast(told.record_count as bigint) as record_count,
    told.is_excluded,
    told.is_returned
from told
inner join core.level_days as days
    on
        told.thing = days.thing
        and told.business_date >= days.valid_from
        and told.business_date < days.valid_to
        and told.business_date >= days.first_date
        and told.business_date < days.end_date
