-- q02_due_next
-- Open orders and grid cases of this street that are overdue or due within the hours ref.office_rules says (twenty-four). One row per deadline: first contact with the caller, closing of the order by the limit of its class (in working hours where the limit counts those), handling of the grid case. Those still to come first, the nearest on top, then those overdue.
-- 本街道已超时或将在规定小时数内（ref.office_rules，默认24小时）到期的未结工单和网格案件，一个时限一行：首次联系、工单办结（按类别时限，工作时口径的按工作时计算）、案件处置；未到期的在前，最近的最先，其后为已超时的。
with deadlines as (
    select
        orders.work_order_id as record_id,
        'city' as source_level,
        'first_contact' as deadline_kind,
        'clock' as limit_calendar,
        orders.contact_due_at as due_at,
        orders.community_name,
        orders.category_l2 as category_name,
        orders.reported_at,
        orders.is_assessed as counts_in_scorecard
    from governance.scorecard_orders as orders
    where orders.is_counted and orders.is_contact_open and orders.is_open
    union all
    select
        orders.work_order_id as record_id,
        'city' as source_level,
        'closing' as deadline_kind,
        orders.limit_calendar,
        orders.close_due_at as due_at,
        orders.community_name,
        orders.category_l2 as category_name,
        orders.reported_at,
        orders.is_assessed as counts_in_scorecard
    from governance.scorecard_orders as orders
    where orders.is_counted and orders.is_open
    union all
    select
        members.source_id as record_id,
        members.source_level,
        'handling' as deadline_kind,
        'clock' as limit_calendar,
        members.due_at,
        members.community_name,
        cases.category_name,
        members.reported_at,
        false as counts_in_scorecard
    from governance.case_members as members
    left join governance.cases as cases on members.case_id = cases.case_id
    where members.is_open and members.source_feed <> 'city_hotline_orders'
)

select
    deadlines.record_id,  -- Number of the order or grid case. 工单或案件编号
    deadlines.source_level,  -- Level it comes from. 来源层级
    deadlines.deadline_kind,  -- What is due: first_contact, closing or handling. 时限类型：首次联系、办结、处置
    deadlines.due_at at time zone 'Asia/Shanghai' as due_local,  -- Deadline, Beijing time. 时限
    cast(
        date_diff('second', this_office.as_of, deadlines.due_at) / 3600 as decimal(9, 1)
    ) as hours_left,  -- Hours left by the clock; below 0 when overdue. 剩余小时数（自然小时，负数为已超时）
    deadlines.due_at <= this_office.as_of as is_overdue,  -- Whether the deadline has passed. 是否超时
    deadlines.limit_calendar,  -- Which hours the limit counts: clock or working_hours. 时限口径：自然小时或工作时
    deadlines.counts_in_scorecard,  -- Whether the order counts in the three rates. 是否计入三率
    deadlines.community_name,  -- Community, as the source writes it. 社区
    deadlines.category_name,  -- Class of problem. 问题类别
    deadlines.reported_at at time zone 'Asia/Shanghai' as reported_local  -- When it was reported, Beijing time. 受理时间
from deadlines
cross join this_office
inner join ref.office_rules as rules on this_office.day >= rules.valid_from and this_office.day < rules.valid_to
where deadlines.due_at <= this_office.as_of + to_hours(cast(rules.due_hours as integer))
order by is_overdue asc, deadlines.due_at asc, deadlines.record_id asc, deadlines.deadline_kind asc
