-- governance.deliberations
-- One row per deliberation meeting: what was decided, what became of it, and the cases of its kind around it.
-- The cases are those of the same community and class in the days before and after, as many days as the rule says.
-- case_reduction is the difference, and only where both spans lie whole within what the warehouse knows. It describes
-- and proves nothing: a meeting is held because cases come, and cases go by themselves, too.
-- A small number of people is left empty.
with known as (
    select
        min(cast(first_reported_at at time zone 'Asia/Shanghai' as date)) as first_day,
        max(cast(last_activity_at at time zone 'Asia/Shanghai' as date)) as last_day
    from governance.cases
),

newest as (
    select max(cast((known_at - interval 1 second) at time zone 'Asia/Shanghai' as date)) as today
    from core.meetings
),

around as (
    select
        meetings.meeting_id,
        count(cases.case_id) filter (
            where cast(cases.first_reported_at at time zone 'Asia/Shanghai' as date) < meetings.held_on
        ) as cases_before_count,
        count(cases.case_id) filter (
            where cast(cases.first_reported_at at time zone 'Asia/Shanghai' as date) >= meetings.held_on
        ) as cases_after_count
    from core.meetings as meetings
    inner join ref.need_rules as rules
        on meetings.held_on >= rules.valid_from and meetings.held_on < rules.valid_to
    inner join governance.cases as cases
        on
            meetings.street_code = cases.street_code
            and meetings.community_name = cases.community_name
            and meetings.category_code = cases.category_code
            and cast(cases.first_reported_at at time zone 'Asia/Shanghai' as date)
            >= meetings.held_on - cast(rules.window_days as integer)
            and cast(cases.first_reported_at at time zone 'Asia/Shanghai' as date)
            < meetings.held_on + cast(rules.window_days as integer)
    group by all
),

measured as (
    select
        meetings.*,
        rules.min_people,
        areas.area_name as street_name,
        coalesce(around.cases_before_count, 0) as cases_before_count,
        coalesce(around.cases_after_count, 0) as cases_after_count,
        coalesce(
            known.first_day <= meetings.held_on - cast(rules.window_days as integer)
            and known.last_day >= meetings.held_on + cast(rules.window_days as integer) - 1,
            false
        ) as is_whole_span,
        newest.today
    from core.meetings as meetings
    cross join known
    cross join newest
    inner join ref.need_rules as rules
        on meetings.held_on >= rules.valid_from and meetings.held_on < rules.valid_to
    left join around on meetings.meeting_id = around.meeting_id
    left join ref.areas as areas
        on
            meetings.street_code = areas.area_code
            and meetings.held_on >= areas.valid_from
            and meetings.held_on < areas.valid_to
)

select
    meeting_id,
    street_code,
    street_name,
    community_name,
    program_code,
    held_on,
    category_code,
    category_name,
    package_code,
    case when attendee_count >= min_people then attendee_count end as attendee_count,
    option_count,
    case
        when votes_for + votes_against >= min_people
            then cast(votes_for / (votes_for + votes_against) as decimal(7, 6))
    end as approval_share,
    resolution,
    matter_count,
    decided_count,
    resolved_count,
    cast(resolved_count / nullif(decided_count, 0) as decimal(7, 6)) as matter_resolution_rate,
    due_on,
    done_on,
    date_diff('day', held_on, done_on) as days_to_resolve,
    coalesce(resolved_count < decided_count and due_on < today, false) or coalesce(done_on > due_on, false)
        as is_overdue,
    order_count,
    case_ids,
    project_id,
    cases_before_count,
    cases_after_count,
    is_whole_span,
    case when is_whole_span and category_code is not null then cases_before_count - cases_after_count end
        as case_reduction
from measured
