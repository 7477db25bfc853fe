-- core.meetings
-- One row per deliberation meeting, with its topic in the common vocabulary and the cases its orders belong to.
-- Meetings the source took back are left out. A topic the vocabulary does not know has no class.
with orders as (
    select
        meeting_id,
        unnest(order_ids) as order_id
    from street.deliberation_meetings
),

linked as (
    select
        orders.meeting_id,
        list_sort(list_distinct(list(members.case_id))) as case_ids
    from orders
    inner join governance.case_members as members
        on orders.order_id = members.source_id and members.source_feed = 'city_hotline_orders'
    group by all
)

select
    meetings.meeting_id,
    meetings.street_code,
    meetings.community_name,
    meetings.program_code,
    meetings.held_on,
    classes.category_code,
    classes.category_name,
    classes.package_code,
    meetings.resident_count,
    meetings.resident_count + coalesce(meetings.organisation_count, 0) + coalesce(meetings.official_count, 0)
        as attendee_count,
    meetings.option_count,
    meetings.votes_for,
    meetings.votes_against,
    meetings.matter_count,
    meetings.decided_count,
    meetings.resolved_count,
    meetings.resolution,
    meetings.due_on,
    meetings.done_on,
    coalesce(len(meetings.order_ids), 0) as order_count,
    coalesce(linked.case_ids, []) as case_ids,
    meetings.project_id,
    meetings._window_end as known_at
from street.deliberation_meetings as meetings
left join linked on meetings.meeting_id = linked.meeting_id
left join ref.categories as classes
    on
        meetings.topic_category = classes.source_category
        and classes.source_system = 'hotline'
        and meetings.held_on >= classes.valid_from
        and meetings.held_on < classes.valid_to
where not coalesce(meetings._is_deleted_upstream, false)
