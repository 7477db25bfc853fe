-- q06_grid_cases_that_are_orders
-- Grid cases of this street that are the same problem as a hotline order, one row per pair, newest first. Each still counts on its own in the three rates.
-- 与热线工单属于同一问题的网格案件，一对一行，最新的在前；每件工单在“三率”中仍单独计算。
select
    grid.source_id as grid_case_no,  -- Number of the grid case. 网格案件编号
    orders.source_id as work_order_id,  -- Number of the hotline order. 工单编号
    grid.case_id,  -- Case both belong to. 事项编号
    cases.category_name,  -- Class of problem. 问题类别
    cases.community_name,  -- Community. 社区
    grid.reported_at at time zone 'Asia/Shanghai' as grid_reported_local,  -- When the grid reported it, Beijing time. 网格上报时间
    orders.reported_at at time zone 'Asia/Shanghai' as order_reported_local,  -- When the caller reported it, Beijing time. 工单受理时间
    grid.is_open as is_grid_open,  -- Whether the grid case is open. 网格案件是否未结
    orders.is_open as is_order_open,  -- Whether the order is open. 工单是否未办结
    grid.link_method,  -- Why the grid case belongs to the case. 关联依据
    least(grid.link_score, orders.link_score) as link_score  -- How sure the weaker of the two links is, 0 to 1. 关联把握（较弱一方）
from governance.case_members as grid
inner join governance.case_members as orders on grid.case_id = orders.case_id
left join governance.cases as cases on grid.case_id = cases.case_id
where grid.source_feed = 'district_grid_cases' and orders.source_feed = 'city_hotline_orders'
order by greatest(grid.reported_at, orders.reported_at) desc, grid.source_id asc, orders.source_id asc
