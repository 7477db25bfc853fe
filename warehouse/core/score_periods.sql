-- core.score_periods
-- One row per assessment period in which an order was reported, with what is known of it and since when it is frozen.
-- The first edition of the bulletin freezes a period, or the days its rule gives after the period's end, whichever
-- comes first. An edition that is sent again with another day moves nothing. Where nothing of the period had been landed by then, the end of the day on which something was does.
-- A period is frozen once something was landed after that instant: before, nobody can tell what else was known by then.
with known as (
    select
        days.period,
        days.rule_id,
        days.period_starts_on,
        days.period_ends_on,
        cast(days.period_ends_on + interval 1 day as timestamp) at time zone 'Asia/Shanghai' as ended_at,
        min(orders._known_from) as first_known_at,
        max(max(greatest(orders._known_from, orders._known_to))) over () as known_at
    from core.score_days as days
    left join city.hotline_orders_history as orders
        on days.day = cast(orders.reported_at at time zone 'Asia/Shanghai' as date)
    group by all
),

editions as (
    select
        period,
        edition_no,
        published_at,
        _first_landed_at
    from city.hotline_bulletin
    union all
    select
        period,
        edition_no,
        published_at,
        _first_landed_at
    from city.hotline_bulletin_history
),

bulletins as (
    select
        period,
        min(published_at) as published_at,
        min(_first_landed_at) as landed_at
    from editions
    where edition_no = 1
    group by all
),

due as (
    select
        known.*,
        bulletins.landed_at,
        case when bulletins.published_at is not null then greatest(bulletins.published_at, known.ended_at) end
            as published_at,
        known.ended_at + to_days(rules.freeze_after_days) as ripe_at,
        (date_trunc('day', known.first_known_at at time zone 'Asia/Shanghai') + interval 1 day)
        at time zone 'Asia/Shanghai' as first_day_ends_at
    from known
    inner join ref.score_rules as rules on known.rule_id = rules.rule_id
    left join bulletins on known.period = bulletins.period
),

freezing as (
    select
        *,
        published_at <= ripe_at as is_by_bulletin,
        case
            when first_known_at > least(published_at, ripe_at) then first_day_ends_at
            else least(published_at, ripe_at)
        end as freezes_at,
        greatest(known_at, landed_at) as seen_at
    from due
)

select
    period,
    rule_id,
    period_starts_on,
    period_ends_on,
    known_at,
    case when freezes_at <= seen_at then freezes_at end as frozen_at,
    case when freezes_at <= seen_at then case when is_by_bulletin then 'bulletin' else 'rule' end end as frozen_by
from freezing
