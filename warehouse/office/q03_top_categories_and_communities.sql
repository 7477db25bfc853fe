-- q03_top_categories_and_communities
-- The most frequent classes of problem and communities of this street, month by month, against the month and the year before. Counts are hotline orders, grid cases and steward requests together; before is empty where nothing is known of that month.
-- 本街道诉求最多的问题类别和社区（热线工单、网格案件、管家诉求合计），逐月列出，并与上月、上年同月比较；无上期数据时为空。
with rules as (
    select rules.*
    from ref.office_rules as rules
    inner join this_office on this_office.day >= rules.valid_from and this_office.day < rules.valid_to
),

reports as (
    select
        date_trunc('month', members.reported_at at time zone 'Asia/Shanghai') as month,
        members.community_name,
        coalesce(names.category_name, members.category_code) as category_name
    from governance.case_members as members
    left join (
        select
            category_code,
            any_value(category_name) as category_name
        from ref.categories
        group by category_code
    ) as names on members.category_code = names.category_code
),

counted as (
    select
        month,
        'category' as kind,
        category_name as name,
        count(*) as reports
    from reports
    where category_name is not null
    group by all
    union all
    select
        month,
        'community' as kind,
        community_name as name,
        count(*) as reports
    from reports
    where community_name is not null
    group by all
),

first_month as (
    select min(month) as month
    from counted
),

compared as (
    select
        counted.*,
        case when first_month.month < counted.month then coalesce(month_before.reports, 0) end as reports_month_before,
        case
            when first_month.month <= counted.month - interval 1 year then coalesce(year_before.reports, 0)
        end as reports_year_before,
        row_number() over (
            partition by counted.month, counted.kind
            order by counted.reports desc, counted.name asc
        ) as place
    from counted
    cross join first_month
    left join counted as month_before
        on
            counted.kind = month_before.kind
            and counted.name = month_before.name
            and counted.month = month_before.month + interval 1 month
    left join counted as year_before
        on
            counted.kind = year_before.kind
            and counted.name = year_before.name
            and counted.month = year_before.month + interval 1 year
)

select
    strftime(compared.month, '%Y-%m') as month,  -- Month of the reports. 月份
    compared.kind,  -- What is listed: category or community. 排名对象：问题类别或社区
    compared.place,  -- Place in that list, from 1. 名次
    compared.name,  -- Class of problem, or community. 名称
    compared.reports,  -- Reports in the month. 本月件数
    compared.reports_month_before,  -- Reports in the month before. 上月件数
    cast(
        compared.reports / nullif(compared.reports_month_before, 0) - 1 as decimal(9, 4)
    ) as change_on_month,  -- Change on the month before, as a share; empty without one. 环比（比例）
    compared.reports_year_before,  -- Reports in the same month a year before. 上年同月件数
    cast(
        compared.reports / nullif(compared.reports_year_before, 0) - 1 as decimal(9, 4)
    ) as change_on_year  -- Change on the year before, as a share; empty without one. 同比（比例）
from compared
cross join rules
where compared.place <= rules.top_count
order by month desc, compared.kind asc, compared.place asc
