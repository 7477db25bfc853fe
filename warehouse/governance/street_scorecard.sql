-- governance.street_scorecard
-- One row per street in scope, assessment period and revision, for every period in which an order was reported.
-- Only orders a street leads are counted; enquiries and excluded orders are left out; every order counts on its own,
-- whatever case it belongs to. A street without orders keeps its row; a rate without a denominator is empty.
-- A frozen period never changes: what becomes known later makes another revision of it, which tells what came.
-- Our figures are provisional. The published ones stand beside them and are never overwritten, nor are ours by them.
with compared as (
    select
        street_code,
        period,
        revision,
        any_value(edition_no) as edition_no,
        any_value(difference) filter (where measure = 'received_count') as received_difference,
        any_value(difference) filter (where measure = 'assessed_count') as assessed_difference,
        any_value(difference) filter (where measure = 'callback_count') as callback_difference,
        any_value(difference) filter (where measure = 'response_rate') as response_difference_pp,
        any_value(difference) filter (where measure = 'resolution_rate') as resolution_difference_pp,
        any_value(difference) filter (where measure = 'satisfaction_rate') as satisfaction_difference_pp,
        bool_and(is_within) filter (where is_answered) as is_reconciled
    from core.score_comparisons
    group by all
)

select
    rates.street_code,
    rates.period,
    rates.revision,
    rates.street_name,
    rates.period_starts_on,
    rates.period_ends_on,
    rates.known_at,
    rates.frozen_at,
    rates.frozen_by,
    rates.is_latest,
    rates.rule_id,
    rates.is_example_rule,
    rates.received_count,
    rates.excluded_count,
    rates.assessed_count,
    rates.responded_count,
    rates.callback_count,
    rates.resolved_credit,
    rates.satisfied_credit,
    cast(rates.response_rate as decimal(7, 6)) as response_rate,
    cast(rates.resolution_rate as decimal(7, 6)) as resolution_rate,
    cast(rates.satisfaction_rate as decimal(7, 6)) as satisfaction_rate,
    rates.composite_score,
    rates.rank_in_scope,
    rates.scope_size,
    before.rank_in_scope - rates.rank_in_scope as rank_change,
    rates.arrived_count,
    rates.departed_count,
    rates.newly_excluded_count,
    rates.reinstated_count,
    rates.late_callback_count,
    cast(10000 * rates.received_count / nullif(rates.population, 0) as decimal(10, 2)) as demands_per_10k,
    rates.population,
    rates.population_as_of,
    rates.population_method,
    rates.is_small_base,
    official.edition_no,
    official.published_at,
    official.received_count as official_received_count,
    official.assessed_count as official_assessed_count,
    official.callback_count as official_callback_count,
    official.response_rate_pct as official_response_rate_pct,
    official.resolution_rate_pct as official_resolution_rate_pct,
    official.satisfaction_rate_pct as official_satisfaction_rate_pct,
    official.composite_score as official_composite_score,
    official.rank_in_scope as official_rank,
    official.grade as official_grade,
    cast(compared.received_difference as bigint) as received_difference,
    cast(compared.assessed_difference as bigint) as assessed_difference,
    cast(compared.callback_difference as bigint) as callback_difference,
    compared.response_difference_pp,
    compared.resolution_difference_pp,
    compared.satisfaction_difference_pp,
    compared.is_reconciled
from core.score_rates as rates
left join core.score_rates as before
    on
        rates.street_code = before.street_code
        and before.revision = 0
        and rates.period = strftime(cast(before.period || '-01' as date) + interval 1 month, '%Y-%m')
left join compared
    on
        rates.street_code = compared.street_code
        and rates.period = compared.period
        and rates.revision = compared.revision
left join city.hotline_bulletin as official
    on
        compared.street_code = official.street_code
        and compared.period = official.period
        and compared.edition_no = official.edition_no
