-- governance.case_events
-- One row per change of state of a source record, or of a case as a whole: what happened, when, and when we learnt it.
-- event_at is when it happened, observed_at when it was first landed; is_late says that the day it happened on should
-- have been in by then. Steps that no feed tells but two versions of a record show are inferred, and dated by the
-- change of the record. Events never change and never go: what is put right is another event.
-- A step of an order sent by way of the district belongs to the order's case. Cases that were joined or taken apart
-- again are linked and unlinked.
with passed_on as (
    select
        'district_dispatch' as told_by,
        district_order_no as record_id,
        city_work_order_id
    from district.dispatch
),

steps as (
    select
        steps.*,
        case
            when steps.told_by = 'city_hotline_flow' then 'city_hotline_orders'
            else steps.told_by
        end as source_feed,
        case
            when steps.told_by in ('city_hotline_flow', 'district_dispatch') then 'city_hotline_orders'
            else steps.told_by
        end as reported_by,
        coalesce(passed_on.city_work_order_id, steps.record_id) as reported_id
    from core.told_steps as steps
    left join passed_on on steps.told_by = passed_on.told_by and steps.record_id = passed_on.record_id
),

placed as (
    select
        steps.told_by,
        steps.source_feed,
        steps.record_id as source_id,
        members.case_id,
        steps.event_type,
        steps.event_at,
        steps.event_no,
        steps.told_at as observed_at,
        steps.street_code,
        steps.is_inferred
    from steps
    left join governance.case_members as members
        on steps.reported_by = members.source_feed and steps.reported_id = members.source_id
),

joinings as (
    select
        'governance_case_merges' as told_by,
        'governance_case_merges' as source_feed,
        joined.old_case_id as source_id,
        joined.new_case_id as case_id,
        unnest(['linked', 'unlinked']) as event_type,
        unnest([joined.merged_at, joined.unmerged_at]) as event_at,
        1 as event_no,
        unnest([joined.merged_at, joined.unmerged_at]) as observed_at,
        joined.street_code,
        false as is_inferred
    from governance.case_merges as joined
),

everything as (
    select * from placed
    union all
    select * from joinings
    where event_at is not null
)

select
    sha256(concat_ws(
        '|',
        everything.told_by,
        everything.source_id,
        everything.event_type,
        strftime(everything.event_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ'),
        everything.event_no,
        case when everything.told_by = 'governance_case_merges' then everything.case_id end
    )) as event_id,
    everything.case_id,
    everything.source_feed,
    everything.source_id,
    everything.told_by,
    everything.event_type,
    everything.event_at,
    cast(everything.event_at at time zone 'Asia/Shanghai' as date) as event_on,
    everything.observed_at,
    cast(everything.event_no as bigint) as event_no,
    everything.street_code,
    coalesce(everything.observed_at > expected.expected_by, false) as is_late,
    everything.is_inferred
from everything
left join ops.expectations as expected
    on
        everything.told_by = expected.feed_id
        and cast(everything.event_at at time zone 'Asia/Shanghai' as date) = expected.business_date
