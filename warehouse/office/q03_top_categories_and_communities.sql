-- q03_top_categories_and_communities
-- The most frequent classes of problem and communities of this street, month by month, against the month and the year before. Counts are hotline orders, grid cases and steward requests together. The running month is held against the same days and hours of the month before; before is empty where not every source is known for the whole of that month.
-- 本街道诉求最多的问题类别和社区（热线工单、网格案件、管家诉求合计），逐月列出，并与上月、上年同月比较。当月未结束时，只与上月、上年同月的同一时段比较；上期各来源数据不全时为空。
with rules as (
    select rules.*
    from ref.office_rules as rules
    inner join this_office on this_office.day >= rules.valid_from and this_office.day < rules.valid_to
),

reports as (
    select
        members.source_feed,
        members.reported_at at time zone 'Asia/Shanghai' as reported_local,
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
    where members.is_withdrawn is not true
),

-- Sources begin on different days; a month is comparable once each of them has told all of it.
known as (
    select max(first_local) as all_since
    from (
        select date_trunc('day', min(reported_local)) as first_local
        from reports
        group by source_feed
    ) as sources
),

-- Each report counts for its own month, for the next one and for the one a year later, as far as those have come.
told as (
    select
        date_trunc('month', reports.reported_local + to_months(shifts.months_later)) as month,
        shifts.months_later,
        reports.community_name,
        reports.category_name
    from reports
    cross join (values (0), (1), (12)) as shifts (months_later)
    cross join this_office
    where
        shifts.months_later = 0
        or reports.reported_local + to_months(shifts.months_later) < this_office.as_of at time zone 'Asia/Shanghai'
),

counted as (
    select
        month,
        'category' as kind,
        category_name as name,
        count(*) filter (where months_later = 0) as reports,
        count(*) filter (where months_later = 1) as month_before,
        count(*) filter (where months_later = 12) as year_before
    from told
    where category_name is not null
    group by all
    union all
    select
        month,
        'community' as kind,
        community_name as name,
        count(*) filter (where months_later = 0) as reports,
        count(*) filter (where months_later = 1) as month_before,
        count(*) filter (where months_later = 12) as year_before
    from told
    where community_name is not null
    group by all
),

compared as (
    select
        counted.month,
        counted.kind,
        counted.name,
        counted.reports,
        case when known.all_since <= counted.month - interval 1 month then counted.month_before end
            as reports_month_before,
        case when known.all_since <= counted.month - interval 1 year then counted.year_before end
            as reports_year_before,
        row_number() over (
            partition by counted.month, counted.kind
            order by counted.reports desc, counted.name asc
        ) as place
    from counted
    cross join known
    where counted.reports > 0
)

select
    strftime(compared.month, '%Y-%m') as month,  -- Month of the reports. 月份
    compared.kind,  -- What is listed: category or community. 排名对象：问题类别或社区
    compared.place,  -- Place in that list, from 1. 名次
    compared.name,  -- Class of problem, or community. 名称
    compared.reports,  -- Reports in the month, so far where it runs. 本月件数（当月为截至目前）
    compared.reports_month_before,  -- Reports in the month before, until the same instant where the month runs. 上月同期件数
    cast(
        compared.reports / nullif(compared.reports_month_before, 0) - 1 as decimal(9, 4)
    ) as change_on_month,  -- Change on the month before, as a share; empty without one. 环比（比例）
    compared.reports_year_before,  -- Reports in the same month a year before, until the same instant where the month runs. 上年同期件数
    cast(
        compared.reports / nullif(compared.reports_year_before, 0) - 1 as decimal(9, 4)
    ) as change_on_year  -- Change on the year before, as a share; empty without one. 同比（比例）
from compared
cross join rules
where compared.place <= rules.top_count
order by month desc, compared.kind asc, compared.place asc
