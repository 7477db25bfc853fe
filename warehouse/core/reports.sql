-- core.reports
-- One row per source record of a problem: hotline orders, grid cases and steward requests, in their newest version.
-- report_no counts them from the earliest on, so the smallest number of a group is its first report.
-- parent_refs are the other hotline orders a record names, in a column of its own or in its text.
-- category_code is empty where the crosswalk does not know the source's class.
with crosswalk as (
    select *
    from ref.categories
),

hotline as (
    select
        'city_hotline_orders' as source_feed,
        orders.work_order_id as source_id,
        'city' as source_level,
        orders.reported_at,
        case when orders.order_status in ('closed', 'evaluated') then orders.closed_at end as closed_at,
        orders.order_status not in ('closed', 'evaluated') as is_open,
        orders.source_updated_at as last_activity_at,
        case
            when orders.contacted_at is null
                then orders.dispatched_at + to_hours(cast(score_rules.response_sla_hours as integer))
        end as due_at,
        orders.street_code,
        orders._area_method as area_method,
        orders._area_confidence as area_confidence,
        orders.community_name,
        orders.caller_ref,
        coalesce(orders.category_l2, orders.category_l1) as source_category,
        coalesce(second_level.category_code, first_level.category_code) as category_code,
        cast(null as varchar) as component_id,
        cast(null as varchar) as named_order,
        concat_ws(' ', orders.title_text, orders.content_text, orders.result_text) as free_text,
        orders.handling_role = 'lead' as is_lead,
        orders.handling_role = 'lead'
        and orders.order_kind <> 'enquiry'
        and not coalesce(orders.is_excluded, false) as counts_in_scorecard,
        orders._batch_id as batch_id,
        orders._row_number as row_number,
        orders._landed_at as landed_at
    from city.hotline_orders as orders
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
        cases.closed_at is null as is_open,
        cases.source_updated_at as last_activity_at,
        case when cases.handled_at is null and cases.closed_at is null then cases.due_at end as due_at,
        cases.street_code,
        cases._area_method as area_method,
        cases._area_confidence as area_confidence,
        cases.community_name,
        cast(null as varchar) as caller_ref,
        coalesce(cases.class_name, cases.class_code) as source_category,
        coalesce(by_name.category_code, by_code.category_code) as category_code,
        cases.component_id,
        cases.city_work_order_id as named_order,
        cases.remark_text as free_text,
        true as is_lead,
        false as counts_in_scorecard,
        cases._batch_id as batch_id,
        cases._row_number as row_number,
        cases._landed_at as landed_at
    from district.grid_cases as cases
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
        requests.request_status <> 'closed' as is_open,
        requests.source_updated_at as last_activity_at,
        cast(null as timestamptz) as due_at,
        requests.street_code,
        requests._area_method as area_method,
        requests._area_confidence as area_confidence,
        requests.community_name,
        requests.caller_ref,
        requests.category_local as source_category,
        crosswalk.category_code,
        cast(null as varchar) as component_id,
        requests.escalated_to_order_id as named_order,
        cast(null as varchar) as free_text,
        true as is_lead,
        false as counts_in_scorecard,
        requests._batch_id as batch_id,
        requests._row_number as row_number,
        requests._landed_at as landed_at
    from street.steward_requests as requests
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
    row_number() over (order by reported_at, source_feed, source_id) as report_no,
    everything.* exclude (named_order, free_text),
    list_filter(
        list_distinct(
            list_concat([named_order], coalesce(regexp_extract_all(free_text, 'HL-[0-9]{8}-[0-9]{6}'), []))
        ),
        lambda named: named <> source_id
    ) as parent_refs
from everything
