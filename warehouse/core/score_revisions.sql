-- core.score_revisions
-- One row per assessment period and revision of its scorecard, with the instant up to which it knows.
-- Revision 0 is what was known when the period was frozen, or what is known now while it is open. Each later day on
-- which something arrived that changes a count of any street is one revision more of the whole period, so that the
-- ranks of a revision are of one piece.
with days as (
    select
        period,
        known_on,
        max(changed_at) as changed_at
    from core.score_changes
    where
        known_on is not null
        and (
            excluded_count <> 0
            or assessed_count <> 0
            or responded_count <> 0
            or callback_count <> 0
            or resolved_credit <> 0
            or satisfied_credit <> 0
        )
    group by all
)

select
    period,
    0 as revision,
    cast(null as date) as known_on,
    coalesce(frozen_at, known_at) as known_at,
    cast(null as timestamptz) as previous_known_at
from core.score_periods
union all
select
    days.period,
    row_number() over (partition by days.period order by days.known_on) as revision,
    days.known_on,
    days.changed_at as known_at,
    coalesce(lag(days.changed_at) over (partition by days.period order by days.known_on), periods.frozen_at)
        as previous_known_at
from days
inner join core.score_periods as periods on days.period = periods.period
