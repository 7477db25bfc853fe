-- core.score_counts
-- One row per street, assessment period and revision: what the street comes to, and what the revision changed.
-- A revision is the sum of all changes until its day. Revision 0 tells no changes: it is the beginning.
with streets as (
    select distinct
        period,
        street_code
    from core.score_changes
)

select
    revisions.period,
    streets.street_code,
    revisions.revision,
    cast(coalesce(sum(changes.received_count) over so_far, 0) as bigint) as received_count,
    cast(coalesce(sum(changes.excluded_count) over so_far, 0) as bigint) as excluded_count,
    cast(coalesce(sum(changes.assessed_count) over so_far, 0) as bigint) as assessed_count,
    cast(coalesce(sum(changes.responded_count) over so_far, 0) as bigint) as responded_count,
    cast(coalesce(sum(changes.callback_count) over so_far, 0) as bigint) as callback_count,
    cast(coalesce(sum(changes.resolved_credit) over so_far, 0) as decimal(18, 4)) as resolved_credit,
    cast(coalesce(sum(changes.satisfied_credit) over so_far, 0) as decimal(18, 4)) as satisfied_credit,
    case when revisions.revision > 0 then coalesce(changes.arrived_count, 0) else 0 end as arrived_count,
    case when revisions.revision > 0 then coalesce(changes.departed_count, 0) else 0 end as departed_count,
    case when revisions.revision > 0 then coalesce(changes.newly_excluded_count, 0) else 0 end
        as newly_excluded_count,
    case when revisions.revision > 0 then coalesce(changes.reinstated_count, 0) else 0 end as reinstated_count,
    case when revisions.revision > 0 then coalesce(changes.late_callback_count, 0) else 0 end as late_callback_count
from core.score_revisions as revisions
inner join streets on revisions.period = streets.period
left join core.score_changes as changes
    on
        revisions.period = changes.period
        and streets.street_code = changes.street_code
        and revisions.known_on is not distinct from changes.known_on
window so_far as (partition by revisions.period, streets.street_code order by revisions.revision)
