-- governance.street_scorecard
-- One row per street in scope and assessment period, for every period in which an order was reported.
-- A street without orders keeps its row. A rate without a denominator is empty, never 0 or 1; then so are the
-- composite and the rank. Orders count on the day they were reported, by the rule of that day's period.
-- Only orders a street leads are counted; enquiries and excluded orders are left out; every order counts on its
-- own, whatever case it belongs to. Not rated is no valid callback. Ties share a rank.
-- These figures are provisional: the published rank is always the bulletin's.
with periods as (
    select distinct
        period,
        rule_id,
        period_starts_on,
        period_ends_on
    from core.score_days
),

streets as (
    select
        periods.*,
        areas.area_code as street_code,
        areas.area_name as street_name,
        areas.population,
        areas.population_as_of,
        areas.population_method
    from periods
    inner join ref.areas as areas
        on
            periods.period_ends_on >= areas.valid_from
            and periods.period_starts_on < areas.valid_to
    where areas.area_level = 'street' and areas.is_in_scope and areas.is_assessed
    qualify row_number() over (
        partition by periods.period, areas.area_code
        order by areas.valid_from desc
    ) = 1
),

orders as (
    select
        days.period,
        hotline.street_code,
        coalesce(hotline.is_excluded, false) as is_excluded,
        hotline.contacted_at <= hotline.dispatched_at + to_hours(cast(rules.response_sla_hours as integer))
            as is_in_time,
        hotline.resolved is not null and hotline.satisfied <> 'not_rated' as is_callback,
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
    from city.hotline_orders as hotline
    inner join core.score_days as days
        on cast(hotline.reported_at at time zone 'Asia/Shanghai' as date) = days.day
    inner join ref.score_rules as rules on days.rule_id = rules.rule_id
    where hotline.handling_role = 'lead' and hotline.order_kind <> 'enquiry'
),

counted as (
    select
        period,
        street_code,
        count(*) as received_count,
        count(*) filter (where is_excluded) as excluded_count,
        count(*) filter (where not is_excluded) as assessed_count,
        count(*) filter (where not is_excluded and is_in_time) as responded_count,
        count(*) filter (where not is_excluded and is_callback) as callback_count,
        sum(resolved_credit) filter (where not is_excluded and is_callback) as resolved_credit,
        sum(satisfied_credit) filter (where not is_excluded and is_callback) as satisfied_credit
    from orders
    group by all
),

-- Twelve decimals, so that the composite is rounded once, at its end.
rated as (
    select
        streets.*,
        coalesce(counted.received_count, 0) as received_count,
        coalesce(counted.excluded_count, 0) as excluded_count,
        coalesce(counted.assessed_count, 0) as assessed_count,
        coalesce(counted.responded_count, 0) as responded_count,
        coalesce(counted.callback_count, 0) as callback_count,
        cast(coalesce(counted.resolved_credit, 0) as decimal(12, 2)) as resolved_credit,
        cast(coalesce(counted.satisfied_credit, 0) as decimal(12, 2)) as satisfied_credit,
        cast(counted.responded_count / nullif(counted.assessed_count, 0) as decimal(18, 12)) as response_rate,
        cast(counted.resolved_credit / nullif(counted.callback_count, 0) as decimal(18, 12)) as resolution_rate,
        cast(counted.satisfied_credit / nullif(counted.callback_count, 0) as decimal(18, 12)) as satisfaction_rate
    from streets
    left join counted
        on streets.period = counted.period and streets.street_code = counted.street_code
),

scored as (
    select
        rated.*,
        rules.is_example as is_example_rule,
        rated.callback_count < rules.min_callbacks as is_small_base,
        cast(
            100 * cast(
                rules.w_response * rated.response_rate
                + rules.w_resolution * rated.resolution_rate
                + rules.w_satisfaction * rated.satisfaction_rate
                as decimal(30, 16)
            )
            as decimal(6, 2)
        ) as composite_score
    from rated
    inner join ref.score_rules as rules on rated.rule_id = rules.rule_id
),

ranked as (
    select
        *,
        case
            when composite_score is not null
                then rank() over (partition by period order by composite_score desc nulls last)
        end as rank_in_scope,
        count(*) over (partition by period) as scope_size
    from scored
)

select
    ranked.street_code,
    ranked.period,
    ranked.street_name,
    ranked.period_starts_on,
    ranked.period_ends_on,
    ranked.rule_id,
    ranked.is_example_rule,
    ranked.received_count,
    ranked.excluded_count,
    ranked.assessed_count,
    ranked.responded_count,
    ranked.callback_count,
    ranked.resolved_credit,
    ranked.satisfied_credit,
    cast(ranked.response_rate as decimal(7, 6)) as response_rate,
    cast(ranked.resolution_rate as decimal(7, 6)) as resolution_rate,
    cast(ranked.satisfaction_rate as decimal(7, 6)) as satisfaction_rate,
    ranked.composite_score,
    ranked.rank_in_scope,
    ranked.scope_size,
    before.rank_in_scope - ranked.rank_in_scope as rank_change,
    cast(10000 * ranked.received_count / nullif(ranked.population, 0) as decimal(10, 2)) as demands_per_10k,
    ranked.population,
    ranked.population_as_of,
    ranked.population_method,
    ranked.is_small_base
from ranked
left join ranked as before
    on
        ranked.street_code = before.street_code
        and ranked.period = strftime(cast(before.period || '-01' as date) + interval 1 month, '%Y-%m')
