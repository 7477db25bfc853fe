-- cases_at_several_levels
-- Problems on this street's land that reached more than one of city, district and street, newest first.
-- 本街道同时出现在市、区、街道两级及以上系统中的问题，最新的在前。
select
    case_id,
    case_status,
    category_name,
    community_name,
    levels_seen,
    member_count,
    hotline_member_count,
    first_level,
    first_reported_at at time zone 'Asia/Shanghai' as first_reported_local,  -- First report, Beijing time. 首次反映时间
    last_activity_at at time zone 'Asia/Shanghai' as last_activity_local,  -- Last change, Beijing time. 最近变更时间
    due_at at time zone 'Asia/Shanghai' as due_local  -- Nearest deadline of an open member, Beijing time. 最近时限
from governance.cases
where level_count > 1
order by first_reported_at desc, case_id asc
