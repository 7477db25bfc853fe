-- core.score_days
-- One row per day on which a hotline order was reported, by any of its versions, with the assessment period and the score rule it falls under.
-- A period starts on the day of the month its rule says and is named after the month it ends in.
-- Days between the last period of one rule and the first of the next, which start on other days of the month,
-- open that first period. Days before the first rule have no row.
with reported as (
    select reported_at
    from city.hotline_orders
    union all
    select reported_at
    from city.hotline_orders_history
),

days as (
    select distinct cast(reported_at at time zone 'Asia/Shanghai' as date) as day
    from reported
),

placed as (
    select
        days.day,
        rules.rule_id,
        rules.period_start_day,
        rules.valid_from_period,
        rules.valid_to_period,
        strftime(
            date_trunc('month', days.day - cast(rules.period_start_day - 1 as integer))
            + case when rules.period_start_day > 1 then interval 1 month else interval 0 month end,
            '%Y-%m'
        ) as period
    from days
    cross join ref.score_rules as rules
),

candidates as (
    select
        *,
        period >= valid_from_period as is_within
    from placed
    where
        period < valid_to_period
        and (
            period >= valid_from_period
            or valid_from_period in (select rules.valid_to_period from ref.score_rules as rules)
        )
),

chosen as (
    select
        day,
        rule_id,
        period_start_day,
        greatest(period, valid_from_period) as period
    from candidates
    qualify row_number() over (
        partition by day
        order by
            is_within desc,
            case when is_within then valid_from_period end desc,
            valid_from_period asc
    ) = 1
)

select
    day,
    period,
    rule_id,
    cast(
        cast(period || '-01' as date)
        - case when period_start_day > 1 then interval 1 month else interval 0 month end
        + to_days(cast(period_start_day - 1 as integer))
        as date
    ) as period_starts_on,
    cast(
        cast(period || '-01' as date)
        + case when period_start_day > 1 then interval 0 month else interval 1 month end
        + to_days(cast(period_start_day - 2 as integer))
        as date
    ) as period_ends_on
from chosen
