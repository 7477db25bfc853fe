-- core.score_rates
-- One row per street in scope, assessment period and revision: counts, rates, composite score and rank.
-- A street without orders keeps its row. A rate without a denominator is empty, never 0 or 1; then so are the
-- composite and the rank. Ties share a rank.
with streets as (
    select
        periods.period,
        periods.rule_id,
        periods.period_starts_on,
        periods.period_ends_on,
        periods.frozen_at,
        periods.frozen_by,
        areas.area_code as street_code,
        areas.area_name as street_name,
        areas.population,
        areas.population_as_of,
        areas.population_method
    from core.score_periods as periods
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

-- Twelve decimals, so that the composite is rounded once, at its end.
rated as (
    select
        streets.*,
        revisions.revision,
        revisions.known_at,
        revisions.previous_known_at,
        revisions.revision = max(revisions.revision) over (partition by streets.period) as is_latest,
        coalesce(counts.received_count, 0) as received_count,
        coalesce(counts.excluded_count, 0) as excluded_count,
        coalesce(counts.assessed_count, 0) as assessed_count,
        coalesce(counts.responded_count, 0) as responded_count,
        coalesce(counts.callback_count, 0) as callback_count,
        cast(coalesce(counts.resolved_credit, 0) as decimal(12, 2)) as resolved_credit,
        cast(coalesce(counts.satisfied_credit, 0) as decimal(12, 2)) as satisfied_credit,
        coalesce(counts.arrived_count, 0) as arrived_count,
        coalesce(counts.departed_count, 0) as departed_count,
        coalesce(counts.newly_excluded_count, 0) as newly_excluded_count,
        coalesce(counts.reinstated_count, 0) as reinstated_count,
        coalesce(counts.late_callback_count, 0) as late_callback_count,
        cast(counts.responded_count / nullif(counts.assessed_count, 0) as decimal(18, 12)) as response_rate,
        cast(counts.resolved_credit / nullif(counts.callback_count, 0) as decimal(18, 12)) as resolution_rate,
        cast(counts.satisfied_credit / nullif(counts.callback_count, 0) as decimal(18, 12)) as satisfaction_rate
    from streets
    inner join core.score_revisions as revisions on streets.period = revisions.period
    left join core.score_counts as counts
        on
            streets.period = counts.period
            and streets.street_code = counts.street_code
            and revisions.revision = counts.revision
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
)

select
    *,
    case
        when composite_score is not null
            then rank() over (partition by period, revision order by composite_score desc nulls last)
    end as rank_in_scope,
    count(*) over (partition by period, revision) as scope_size
from scored
