-- core.score_versions
-- One row per version of a hotline order that was once the newest known, with what it counts for in the scorecard.
-- A version counts from the instant it became the newest to the instant another took its place.
-- Only orders a street leads count, enquiries never do. Not rated is no valid callback.
-- Orders count on the day they were reported, by the rule of that day's period.
select
    hotline.work_order_id,
    days.period,
    hotline.street_code,
    hotline._known_from as known_from,
    hotline._known_to as known_to,
    hotline.handling_role = 'lead' and hotline.order_kind <> 'enquiry' as is_counted,
    coalesce(hotline.is_excluded, false) as is_excluded,
    coalesce(
        hotline.contacted_at <= hotline.dispatched_at + to_hours(cast(rules.response_sla_hours as integer)), false
    ) as is_in_time,
    coalesce(hotline.resolved is not null and hotline.satisfied <> 'not_rated', false) as is_callback,
    case hotline.resolved
        when 'yes' then 1
        when 'partly' then rules.partial_solve_credit
        else 0
    end as resolved_credit,
    case hotline.satisfied
        when 'satisfied' then 1
        when 'basically' then rules.basic_satisfied_credit
        else 0
    end as satisfied_credit
from city.hotline_orders_history as hotline
inner join core.score_days as days
    on cast(hotline.reported_at at time zone 'Asia/Shanghai' as date) = days.day
inner join ref.score_rules as rules on days.rule_id = rules.rule_id
where hotline._known_to is distinct from hotline._known_from
