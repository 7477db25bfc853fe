-- governance.case_members
-- One row per source record, with the case it belongs to and why.
-- The first report of a case is its own reason; every other member carries its surest link inside the case.
-- counts_in_scorecard is true for each hotline order a street leads, linked or not: linking never shrinks the
-- denominators of the three rates. batch_id and row_number lead back to the landed bytes.
with members as (
    select
        clusters.first_no,
        clusters.case_id,
        reports.*
    from core.clusters as clusters
    inner join core.reports as reports on clusters.report_no = reports.report_no
),

sides as (
    select
        earlier_no as report_no,
        later_no as other_no,
        link_method,
        link_score,
        rule_order
    from core.links
    union all
    select
        later_no as report_no,
        earlier_no as other_no,
        link_method,
        link_score,
        rule_order
    from core.links
),

reasons as (
    select
        sides.report_no,
        sides.link_method,
        sides.link_score
    from sides
    inner join core.clusters as own on sides.report_no = own.report_no
    inner join core.clusters as other on sides.other_no = other.report_no
    where own.first_no = other.first_no
    qualify row_number() over (partition by sides.report_no order by sides.rule_order, sides.other_no) = 1
)

select
    members.source_feed,
    members.source_id,
    members.case_id,
    members.source_level,
    members.street_code,
    members.community_name,
    members.category_code,
    members.reported_at,
    members.closed_at,
    members.is_open,
    members.due_at,
    members.parent_refs,
    case when members.report_no = members.first_no then 'first_report' else reasons.link_method end as link_method,
    case when members.report_no = members.first_no then 1.0 else reasons.link_score end as link_score,
    versions.rule_version,
    members.counts_in_scorecard,
    members.batch_id,
    members.row_number
from members
left join reasons on members.report_no = reasons.report_no
cross join (select min(rule_version) as rule_version from ref.link_rules where is_current) as versions
