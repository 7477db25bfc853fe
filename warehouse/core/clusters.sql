-- core.clusters
-- One row per report, with the number of the first report of the problem it belongs to and the case id made of it.
-- Reports hang together by their links, over any number of steps: each takes the smallest number among those it
-- is linked to, until nothing changes. A group that spans more days than the rules allow falls back to the
-- links by a named order; the chance links in between are what stretched it.
with recursive edges as materialized (
    select
        earlier_no as one_no,
        later_no as other_no,
        link_method = 'explicit_ref' as is_explicit
    from core.links
    union all
    select
        later_no as one_no,
        earlier_no as other_no,
        link_method = 'explicit_ref' as is_explicit
    from core.links
),

grown (report_no, first_no) using key (report_no) as (
    select
        one_no as report_no,
        least(one_no, min(other_no)) as first_no
    from edges
    group by one_no
    union
    select
        edges.other_no as report_no,
        min(grown.first_no) as first_no
    from grown
    inner join edges on grown.report_no = edges.one_no
    inner join recurring.grown as known on edges.other_no = known.report_no
    where grown.first_no < known.first_no
    group by edges.other_no
),

stretched as (
    select grown.first_no
    from grown
    inner join core.reports as reports on grown.report_no = reports.report_no
    group by grown.first_no
    having
        max(reports.reported_at) - min(reports.reported_at)
        > to_days((select cast(min(rules.max_span_days) as integer) from ref.link_rules as rules where rules.is_current))
),

split_members as (
    select report_no
    from grown
    where first_no in (select stretched.first_no from stretched)
),

split_edges as materialized (
    select
        edges.one_no,
        edges.other_no
    from edges
    inner join split_members on edges.one_no = split_members.report_no
    where edges.is_explicit
),

split (report_no, first_no) using key (report_no) as (
    select
        one_no as report_no,
        least(one_no, min(other_no)) as first_no
    from split_edges
    group by one_no
    union
    select
        split_edges.other_no as report_no,
        min(split.first_no) as first_no
    from split
    inner join split_edges on split.report_no = split_edges.one_no
    inner join recurring.split as known on split_edges.other_no = known.report_no
    where split.first_no < known.first_no
    group by split_edges.other_no
),

grouped as (
    select
        reports.report_no,
        case
            when split_members.report_no is not null then coalesce(split.first_no, reports.report_no)
            else coalesce(grown.first_no, reports.report_no)
        end as first_no
    from core.reports as reports
    left join grown on reports.report_no = grown.report_no
    left join split_members on reports.report_no = split_members.report_no
    left join split on reports.report_no = split.report_no
)

select
    grouped.report_no,
    grouped.first_no,
    'GC' || strftime(first.reported_at at time zone 'Asia/Shanghai', '%y%m')
    || '-' || left(sha256(first.source_feed || '|' || first.source_id), 12) as case_id
from grouped
inner join core.reports as first on grouped.first_no = first.report_no
