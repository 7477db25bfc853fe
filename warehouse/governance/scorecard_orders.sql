-- governance.scorecard_orders
-- One row per hotline order that counts in the scorecard now, or did when its period was frozen, with what it counts
-- for, what is still open about it, and what has become of it since the freeze.
-- can_change says what may still move the street's figures: the first contact, the callback, nothing. After the freeze
-- that makes a revision. What is due is told for orders that are not there yet.
-- An order its source no longer has is withdrawn: it counts no more.
-- Returned and sent again are counted from the flow log, all streets together; came_back says that a street that had
-- sent the order back was given it again.
with newest as (
    select
        * replace (is_counted and known_to is null as is_counted),
        known_to as gone_at
    from core.score_versions
    qualify row_number() over (partition by work_order_id order by known_from desc) = 1
),

frozen as (
    select
        versions.*,
        periods.frozen_at
    from core.score_versions as versions
    inner join core.score_periods as periods on versions.period = periods.period
    where
        versions.is_counted
        and versions.known_from <= periods.frozen_at
        and coalesce(versions.known_to > periods.frozen_at, true)
),

standings as (
    select
        work_order_id,
        known_from,
        concat_ws(
            '|', period, street_code, is_counted, is_excluded, is_in_time, is_callback, resolved_credit, satisfied_credit
        ) as standing
    from core.score_versions
),

-- The last change that made a difference to the scorecard.
changed as (
    select
        work_order_id,
        max(known_from) as changed_at
    from (
        select
            *,
            lag(standing) over (partition by work_order_id order by known_from) as before
        from standings
    ) as ordered
    where standing is distinct from before
    group by work_order_id
),

returned as (
    select
        work_order_id,
        count(*) filter (where event_type = 'returned') as returned_count,
        max(event_at) filter (where event_type = 'returned') as last_returned_at,
        arg_max(street_code, event_at) filter (where event_type = 'returned') as returned_by
    from city.hotline_flow
    group by work_order_id
),

came_back as (
    select
        returns.work_order_id,
        max(again.event_at) as came_back_at
    from city.hotline_flow as returns
    inner join city.hotline_flow as again
        on
            returns.work_order_id = again.work_order_id
            and returns.street_code = again.street_code
            and returns.event_at < again.event_at
    where returns.event_type = 'returned' and again.event_type = 'redispatched'
    group by returns.work_order_id
)

select
    orders.work_order_id,
    newest.street_code,
    newest.period,
    newest.is_counted,
    frozen.street_code as frozen_street_code,
    periods.frozen_at,
    orders.reported_at,
    orders.order_status,
    orders.category_l1,
    orders.category_l2,
    orders.community_name,
    newest.is_excluded,
    newest.is_counted and not newest.is_excluded as is_assessed,
    newest.is_in_time,
    newest.is_callback,
    orders.resolved,
    orders.satisfied,
    limits.contact_due_at,
    limits.close_due_at,
    limits.urgency,
    limits.limit_calendar,
    orders.contacted_at is null and newest.gone_at is null as is_contact_open,
    orders.order_status not in ('closed', 'evaluated') and newest.gone_at is null as is_open,
    case
        when not newest.is_counted or newest.is_excluded then 'nothing'
        when orders.contacted_at is null and limits.contact_due_at > periods.known_at then 'contact'
        when not newest.is_callback then 'callback'
        else 'nothing'
    end as can_change,
    coalesce(returned.returned_count, 0) as returned_count,
    returned.last_returned_at,
    returned.returned_by,
    came_back.came_back_at,
    case
        when periods.frozen_at is null then null
        when frozen.work_order_id is null then 'arrived'
        when newest.gone_at is not null then 'withdrawn'
        when not newest.is_counted then 'left'
        when frozen.period <> newest.period or frozen.street_code <> newest.street_code then 'moved'
        when newest.is_excluded and not frozen.is_excluded then 'excluded'
        when frozen.is_excluded and not newest.is_excluded then 'reinstated'
        when newest.is_callback and not frozen.is_callback then 'late_callback'
        when
            newest.is_in_time <> frozen.is_in_time
            or newest.is_callback <> frozen.is_callback
            or newest.resolved_credit <> frozen.resolved_credit
            or newest.satisfied_credit <> frozen.satisfied_credit
            then 'answered_otherwise'
    end as changed_since_freeze,
    greatest(changed.changed_at, newest.gone_at) as changed_at
from newest
inner join city.hotline_orders as orders on newest.work_order_id = orders.work_order_id
left join frozen on newest.work_order_id = frozen.work_order_id
inner join core.score_periods as periods on coalesce(frozen.period, newest.period) = periods.period
left join core.order_limits as limits on newest.work_order_id = limits.work_order_id
left join changed on newest.work_order_id = changed.work_order_id
left join returned on newest.work_order_id = returned.work_order_id
left join came_back on newest.work_order_id = came_back.work_order_id
where newest.is_counted or frozen.work_order_id is not null
