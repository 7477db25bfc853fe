-- my_orders_open
-- Hotline orders of this street that are not closed, those due first on top; due is the first contact with the caller.
-- 本街道未办结的 12345 工单，临近首次联系时限的在前。
select
    members.source_id as work_order_id,
    members.reported_at at time zone 'Asia/Shanghai' as reported_local,
    members.due_at at time zone 'Asia/Shanghai' as contact_due_local,
    members.community_name,
    members.category_code,
    members.counts_in_scorecard,
    members.case_id,
    cases.member_count as reports_of_the_case,
    cases.levels_seen
from governance.case_members as members
left join governance.cases as cases on members.case_id = cases.case_id
where members.source_feed = 'city_hotline_orders' and members.is_open
order by members.due_at asc nulls last, members.reported_at asc, members.source_id asc
