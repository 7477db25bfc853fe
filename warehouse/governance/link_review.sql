-- governance.link_review
-- One row per pair of records a rule found doubtful, and per pair a person decided about, with the last decision.
-- Decisions are input (`urbanbrain linkage decide`), kept in the lake: a rebuild reads them and never writes them.
-- A doubtful pair that other links already hold in one case is not asked about.
with decisions as (
    select
        least(one.report_no, other.report_no) as one_no,
        greatest(one.report_no, other.report_no) as other_no,
        decisions.decision,
        decisions.decided_at,
        decisions.decided_by,
        decisions.reason
    from ops.link_decisions as decisions
    inner join core.reports as one on decisions.one_feed = one.source_feed and decisions.one_id = one.source_id
    inner join core.reports as other
        on decisions.other_feed = other.source_feed and decisions.other_id = other.source_id
    qualify row_number() over (
        partition by least(one.report_no, other.report_no), greatest(one.report_no, other.report_no)
        order by decisions.decided_at desc, decisions.decision desc
    ) = 1
),

pairs as (
    select *
    from core.pairs
    where known_to = 'infinity'
    qualify row_number() over (partition by one_no, other_no order by link_method = 'reviewed') = 1
)

select
    one.source_feed as one_feed,
    one.source_id as one_id,
    other.source_feed as other_feed,
    other.source_id as other_id,
    one.street_code,
    one.community_name,
    one.category_code,
    pairs.link_method,
    pairs.link_score,
    pairs.distance_m,
    pairs.hours_apart,
    pairs.similarity,
    one_clusters.case_id as one_case_id,
    other_clusters.case_id as other_case_id,
    coalesce(decisions.decision, 'pending') as review_status,
    decisions.decided_at,
    decisions.decided_by,
    decisions.reason as decided_why_text
from pairs
left join decisions on pairs.one_no = decisions.one_no and pairs.other_no = decisions.other_no
inner join core.reports as one on pairs.one_no = one.report_no
inner join core.reports as other on pairs.other_no = other.report_no
inner join core.clusters as one_clusters on pairs.one_no = one_clusters.report_no
inner join core.clusters as other_clusters on pairs.other_no = other_clusters.report_no
where
    decisions.decision is not null
    or (not pairs.is_sure and one_clusters.first_no <> other_clusters.first_no)
