-- core.report_versions
-- One row per source record of a problem and version of it: hotline orders, grid cases and steward requests, in one
-- shape. Versions that were superseded come from the feeds' histories, the newest from the feeds' tables; each says
-- from when to when it was the newest we knew.
-- caller_refs are the caller's tokens: two in the days around the turn of a year, when tokens change.
-- parent_refs are the numbers of other records it names, in a column of its own or in its text.
-- is_gone says that the source no longer has the record: it is open no more and counts nowhere, and keeps its place.
-- like_text is what the report says where, for comparing; category_code is empty where the crosswalk does not
-- know the source's class. lon and lat are WGS-84.
with crosswalk as (
    select *
    from ref.categories
),

all_orders as (
    select
        *,
        cast('infinity' as timestamptz) as known_to
    from city.hotline_orders
    union all by name
    select
        * exclude (_known_from, _known_to),
        _known_to as known_to
    from city.hotline_orders_history
    where _known_to > _known_from
),

all_cases as (
    select
        *,
        cast('infinity' as timestamptz) as known_to
    from district.grid_cases
    union all by name
    select
        * exclude (_known_from, _known_to),
        _known_to as known_to
    from district.grid_cases_history
    where _known_to > _known_from
),

all_requests as (
    select
        *,
        cast('infinity' as timestamptz) as known_to
    from street.steward_requests
    union all by name
    select
        * exclude (_known_from, _known_to),
        _known_to as known_to
    from street.steward_requests_history
    where _known_to > _known_from
),

hotline as (
    select
        'city_hotline_orders' as source_feed,
        orders.work_order_id as source_id,
        'city' as source_level,
        orders.reported_at,
        case when orders.order_status in ('closed', 'evaluated') then orders.closed_at end as closed_at,
        orders.order_status not in ('closed', 'evaluated') and not coalesce(orders._is_deleted_upstream, false)
            as is_open,
        orders.source_updated_at as last_activity_at,
        case
            when orders.contacted_at is null
                then orders.dispatched_at + to_hours(cast(score_rules.response_sla_hours as integer))
        end as due_at,
        orders.street_code,
        orders._area_method as area_method,
        orders._area_confidence as area_confidence,
        orders.community_name,
        list_filter([orders.caller_ref, orders.caller_ref_before], lambda one: one <> 'withheld') as caller_refs,
        coalesce(orders.category_l2, orders.category_l1) as source_category,
        coalesce(second_level.category_code, first_level.category_code) as category_code,
        cast(null as varchar) as component_id,
        cast(null as varchar) as named_order,
        concat_ws(' ', orders.title_text, orders.content_text, orders.result_text) as free_text,
        concat(orders.content_text, orders.place_text) as like_text,
        orders.lon,
        orders.lat,
        orders.handling_role = 'lead' as is_lead,
        orders.handling_role = 'lead'
        and orders.order_kind <> 'enquiry'
        and not coalesce(orders.is_excluded, false)
        and not coalesce(orders._is_deleted_upstream, false) as counts_in_scorecard,
        coalesce(orders._is_deleted_upstream, false) as is_gone,
        orders._batch_id as batch_id,
        orders._row_number as row_number,
        orders._first_landed_at as first_landed_at,
        orders.known_to,
        orders._landed_at as landed_at
    from all_orders as orders
    left join crosswalk as second_level
        on
            second_level.source_system = 'hotline'
            and orders.category_l2 = second_level.source_category
            and orders.reported_at at time zone 'Asia/Shanghai' >= second_level.valid_from
            and orders.reported_at at time zone 'Asia/Shanghai' < second_level.valid_to
    left join crosswalk as first_level
        on
            first_level.source_system = 'hotline'
            and orders.category_l1 = first_level.source_category
            and orders.reported_at at time zone 'Asia/Shanghai' >= first_level.valid_from
            and orders.reported_at at time zone 'Asia/Shanghai' < first_level.valid_to
    left join core.score_days as score_days
        on cast(orders.reported_at at time zone 'Asia/Shanghai' as date) = score_days.day
    left join ref.score_rules as score_rules on score_days.rule_id = score_rules.rule_id
),

grid as (
    select
        'district_grid_cases' as source_feed,
        cases.case_no as source_id,
        'district' as source_level,
        cases.reported_at,
        cases.closed_at,
        cases.closed_at is null and not coalesce(cases._is_deleted_upstream, false) as is_open,
        cases.source_updated_at as last_activity_at,
        case when cases.handled_at is null and cases.closed_at is null then cases.due_at end as due_at,
        cases.street_code,
        cases._area_method as area_method,
        cases._area_confidence as area_confidence,
        cases.community_name,
        cast([] as varchar[]) as caller_refs,
        coalesce(cases.class_name, cases.class_code) as source_category,
        coalesce(by_name.category_code, by_code.category_code) as category_code,
        cases.component_id,
        cases.city_work_order_id as named_order,
        cases.remark_text as free_text,
        concat(cases.remark_text, cases.place_text) as like_text,
        cases.lon,
        cases.lat,
        true as is_lead,
        false as counts_in_scorecard,
        coalesce(cases._is_deleted_upstream, false) as is_gone,
        cases._batch_id as batch_id,
        cases._row_number as row_number,
        cases._first_landed_at as first_landed_at,
        cases.known_to,
        cases._landed_at as landed_at
    from all_cases as cases
    left join crosswalk as by_name
        on
            by_name.source_system = 'grid'
            and cases.class_name = by_name.source_category
            and cases.reported_at at time zone 'Asia/Shanghai' >= by_name.valid_from
            and cases.reported_at at time zone 'Asia/Shanghai' < by_name.valid_to
    left join crosswalk as by_code
        on
            by_code.source_system = 'grid'
            and cases.class_code = by_code.source_category
            and cases.reported_at at time zone 'Asia/Shanghai' >= by_code.valid_from
            and cases.reported_at at time zone 'Asia/Shanghai' < by_code.valid_to
),

steward as (
    select
        'street_steward_requests' as source_feed,
        requests.request_id as source_id,
        'street' as source_level,
        requests.requested_at as reported_at,
        case when requests.request_status = 'closed' then requests.closed_at end as closed_at,
        requests.request_status <> 'closed' and not coalesce(requests._is_deleted_upstream, false) as is_open,
        requests.source_updated_at as last_activity_at,
        cast(null as timestamptz) as due_at,
        requests.street_code,
        requests._area_method as area_method,
        requests._area_confidence as area_confidence,
        requests.community_name,
        list_filter([requests.caller_ref, requests.caller_ref_before], lambda one: one <> 'withheld') as caller_refs,
        requests.category_local as source_category,
        crosswalk.category_code,
        cast(null as varchar) as component_id,
        requests.escalated_to_order_id as named_order,
        requests.content_text as free_text,
        concat(requests.content_text, requests.place_text) as like_text,
        requests.lon,
        requests.lat,
        true as is_lead,
        false as counts_in_scorecard,
        coalesce(requests._is_deleted_upstream, false) as is_gone,
        requests._batch_id as batch_id,
        requests._row_number as row_number,
        requests._first_landed_at as first_landed_at,
        requests.known_to,
        requests._landed_at as landed_at
    from all_requests as requests
    left join crosswalk
        on
            crosswalk.source_system = 'steward'
            and requests.category_local = crosswalk.source_category
            and requests.requested_at at time zone 'Asia/Shanghai' >= crosswalk.valid_from
            and requests.requested_at at time zone 'Asia/Shanghai' < crosswalk.valid_to
),

everything as (
    select * from hotline
    union all
    select * from grid
    union all
    select * from steward
)

select
    everything.* exclude (named_order, free_text, first_landed_at, known_to),
    list_filter(
        list_distinct(
            list_concat([named_order], coalesce(regexp_extract_all(free_text, '[A-Z]{2,}-?[0-9][-0-9]{7,}'), []))
        ),
        lambda named: named <> source_id
    ) as parent_refs,
    coalesce(
        lag(known_to) over versions,
        first_landed_at,
        landed_at,
        reported_at
    ) as known_from,
    known_to,
    known_to = 'infinity' as is_newest,
    first_value(coalesce(first_landed_at, landed_at, reported_at)) over versions as known_at,
    first_value(reported_at) over versions as first_reported_at
from everything
window versions as (
    partition by source_feed, source_id
    order by known_to
)
