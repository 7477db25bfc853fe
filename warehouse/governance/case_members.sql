-- governance.case_members
-- One row per source record, with the case it belongs to and why.
-- The record that became known first lends the case its number and is its own reason; every other member carries
-- its surest link inside the case. All links of a case are in governance.case_links.
-- counts_in_scorecard is true for each hotline order a street leads, linked or not: linking never shrinks the
-- denominators of the three rates. is_withdrawn says that its source no longer has the record. batch_id and row_number lead back to the landed bytes.
with sides as (
    select
        *,
        one_feed as source_feed,
        one_id as source_id,
        other_feed as linked_feed,
        other_id as linked_id
    from governance.case_links
    union all
    select
        *,
        other_feed as source_feed,
        other_id as source_id,
        one_feed as linked_feed,
        one_id as linked_id
    from governance.case_links
),

lenders as (
    select
        reports.source_feed,
        reports.source_id
    from core.clusters as clusters
    inner join core.reports as reports on clusters.report_no = reports.report_no
    where clusters.first_no = clusters.report_no
),

versions as (
    select distinct
        rule_version,
        valid_from
    from ref.link_rules
),

reasons as (
    select sides.*
    from sides
    anti join lenders on sides.source_feed = lenders.source_feed and sides.source_id = lenders.source_id
    inner join ref.link_rules as rules
        on sides.rule_version = rules.rule_version and sides.link_method = rules.link_method
    qualify row_number() over (
        partition by sides.source_feed, sides.source_id
        order by rules.rule_order, sides.link_score desc, sides.hours_apart, sides.linked_feed, sides.linked_id
    ) = 1
)

select
    reports.source_feed,
    reports.source_id,
    clusters.case_id,
    reports.source_level,
    reports.street_code,
    reports.community_name,
    reports.category_code,
    reports.reported_at,
    reports.closed_at,
    reports.is_open,
    reports.due_at,
    reports.parent_refs,
    reports.own_case_id,
    coalesce(reasons.link_method, 'first_report') as link_method,
    coalesce(reasons.link_score, 1.0) as link_score,
    reasons.linked_feed,
    reasons.linked_id,
    reasons.distance_m,
    reasons.hours_apart,
    reasons.similarity,
    coalesce(reasons.why_zh, '本事项首次获知的记录') as why_zh,
    coalesce(reasons.why_en, 'the record of this case that became known first') as why_en,
    coalesce(reasons.rule_version, versions.rule_version) as rule_version,
    reports.counts_in_scorecard,
    reports.is_gone as is_withdrawn,
    reports.batch_id,
    reports.row_number
from core.reports as reports
inner join core.clusters as clusters on reports.report_no = clusters.report_no
left join reasons on reports.source_feed = reasons.source_feed and reports.source_id = reasons.source_id
asof left join versions on reports.reported_at at time zone 'Asia/Shanghai' >= versions.valid_from
