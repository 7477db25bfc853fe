-- q04_repeated_problems
-- Problems of this street that were reported as often, within as few days, as ref.office_rules says (three times in thirty days), the most reported first.
-- 本街道三十日内被反映三次及以上的同一问题（次数与天数见 ref.office_rules），反映多的在前。
with rules as (
    select rules.*
    from ref.office_rules as rules
    inner join this_office on this_office.day >= rules.valid_from and this_office.day < rules.valid_to
),

windows as (
    select
        members.case_id,
        members.reported_at as window_ends_at,
        count(*) over (
            partition by members.case_id
            order by members.reported_at
            range between to_days(cast(rules.repeat_days as integer)) preceding and current row
        ) as reports
    from governance.case_members as members
    cross join rules
    where members.is_withdrawn is not true
),

densest as (
    select
        windows.case_id,
        max(windows.reports) as reports_in_window
    from windows
    group by windows.case_id
)

select
    cases.case_id,  -- Number of the case. 事项编号
    cases.category_name,  -- Class of problem. 问题类别
    cases.community_name,  -- Community. 社区
    cases.case_status,  -- Open, closed or withdrawn. 事项状态
    densest.reports_in_window,  -- Reports within the days of the rule, where they are densest. 规则天数内的反映次数
    cases.member_count,  -- Reports in all. 反映总次数
    cases.hotline_member_count,  -- Of them hotline orders. 其中热线工单数
    cases.levels_seen,  -- Levels that have a record of it. 涉及层级
    cases.first_reported_at at time zone 'Asia/Shanghai' as first_reported_local,  -- First report, Beijing time. 首次反映时间
    cases.last_activity_at at time zone 'Asia/Shanghai' as last_activity_local  -- Last change, Beijing time. 最近变更时间
from governance.cases as cases
inner join densest on cases.case_id = densest.case_id
cross join rules
where densest.reports_in_window >= rules.repeat_count
order by densest.reports_in_window desc, cases.first_reported_at desc, cases.case_id asc
