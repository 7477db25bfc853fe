-- governance.case_merges
-- One row per case and stretch of time in which it was part of another, with the rule that had joined them.
-- A case comes to an end when a report that became known later, or a person's decision, ties it to an older one: the
-- older id stays. When the tie goes again the part gets its own id back and the row its unmerged_at. A case that is
-- handed on from one case to another has a row for each; who looks up an old id takes the row without unmerged_at.
-- The moments are those at which records were pulled, not those of builds, so any way of building gives these rows.
with merged as (
    select
        memberships.*,
        lag(memberships.first_no) over (partition by memberships.report_no order by memberships.known_from)
            as first_no_before,
        lead(memberships.first_no) over (partition by memberships.report_no order by memberships.known_from)
            as first_no_after,
        reports.known_at,
        -- A case of its own before: at first, or after it was set apart.
        bool_or(memberships.first_no = memberships.report_no) over (
            partition by memberships.report_no
            order by memberships.known_from
            rows between unbounded preceding and 1 preceding
        ) as was_alone,
        min(memberships.known_from) over (partition by memberships.report_no) as first_known_from
    from core.memberships as memberships
    inner join core.reports as reports on memberships.report_no = reports.report_no
),

sides as (
    select
        one_no as report_no,
        *
    from core.links
    union all
    select
        other_no as report_no,
        *
    from core.links
),

reasons as (
    select
        merged.report_no,
        merged.known_from,
        sides.link_method,
        sides.link_score,
        sides.rule_version
    from merged
    inner join sides
        on
            merged.report_no = sides.report_no
            and merged.known_from >= sides.known_from
            and merged.known_from < sides.known_to
    qualify row_number() over (
        partition by merged.report_no, merged.known_from
        order by sides.known_from desc, sides.rule_order, sides.one_no, sides.other_no
    ) = 1
)

select
    old.own_case_id as old_case_id,
    new.own_case_id as new_case_id,
    merged.known_from as merged_at,
    case when merged.known_to < 'infinity' then merged.known_to end as unmerged_at,
    case
        when merged.known_to = 'infinity' then null
        when merged.first_no_after = merged.report_no then 'stands_alone'
        else 'handed_on'
    end as unmerged_because,
    new.street_code,
    reasons.link_method,
    reasons.link_score,
    reasons.rule_version
from merged
inner join core.reports as old on merged.report_no = old.report_no
inner join core.reports as new on merged.first_no = new.report_no
left join reasons on merged.report_no = reasons.report_no and merged.known_from = reasons.known_from
where
    merged.first_no <> merged.report_no
    and (coalesce(merged.was_alone, false) or merged.known_at < merged.first_known_from)
