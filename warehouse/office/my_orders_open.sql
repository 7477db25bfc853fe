-- my_orders_open
-- Hotline orders of this street that are not closed, those due first on top; due is the first contact with the caller.
-- 本街道未办结的 12345 工单，临近首次联系时限的在前。
select
    members.source_id as work_order_id,  -- Number of the order. 工单编号
    members.reported_at at time zone 'Asia/Shanghai' as reported_local,  -- When the caller reported it, Beijing time. 受理时间
    members.due_at at time zone 'Asia/Shanghai' as contact_due_local,  -- When the caller must have been reached, Beijing time. 首次联系时限
    members.community_name,  -- Community, as the source writes it. 社区
    members.category_code,  -- Class in the common vocabulary. 问题类别代码
    members.counts_in_scorecard,  -- Whether it counts in the three rates. 是否计入三率
    members.case_id,  -- Case it belongs to. 事项编号
    cases.member_count as reports_of_the_case,  -- Reports of the same problem. 同一问题反映次数
    cases.levels_seen  -- Levels that have a record of the problem. 涉及层级
from governance.case_members as members
left join governance.cases as cases on members.case_id = cases.case_id
where members.source_feed = 'city_hotline_orders' and members.is_open
order by members.due_at asc nulls last, members.reported_at asc, members.source_id asc
