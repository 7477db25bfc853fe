-- q02_due_next
-- Open orders and cases of this street that are overdue or due within the hours ref.office_rules says (twenty-four), the most urgent first. For a hotline order the deadline is the first contact with the caller, for a grid case its handling.
-- 本街道已超时或将在规定小时数内（ref.office_rules，默认24小时）到期的未结工单和案件，最急的在前；热线工单为首次联系时限，网格案件为处置时限。
select
    members.source_id,  -- Number of the order or case. 工单或案件编号
    members.source_level,  -- Level it comes from. 来源层级
    members.due_at at time zone 'Asia/Shanghai' as due_local,  -- Deadline, Beijing time. 时限
    cast(
        date_diff('second', this_office.as_of, members.due_at) / 3600 as decimal(9, 1)
    ) as hours_left,  -- Hours left; below 0 when overdue. 剩余小时数（负数为已超时）
    members.due_at <= this_office.as_of as is_overdue,  -- Whether the deadline has passed. 是否超时
    members.counts_in_scorecard,  -- Whether it counts in the three rates. 是否计入三率
    members.community_name,  -- Community, as the source writes it. 社区
    cases.category_name,  -- Class of problem. 问题类别
    members.reported_at at time zone 'Asia/Shanghai' as reported_local,  -- When it was reported, Beijing time. 受理时间
    members.case_id  -- Case it belongs to. 事项编号
from governance.case_members as members
cross join this_office
inner join ref.office_rules as rules on this_office.day >= rules.valid_from and this_office.day < rules.valid_to
left join governance.cases as cases on members.case_id = cases.case_id
where members.is_open and members.due_at <= this_office.as_of + to_hours(cast(rules.due_hours as integer))
order by members.due_at asc, members.source_id asc
