-- core.score_comparisons
-- One row per street, assessment period, revision and measure that the bulletin tells, too.
-- A revision stands beside the newest edition that was out when its knowledge ends. The edition answers for it when it
-- came after the revision before: the first edition for revision 0, a corrected one for what appeals have changed.
with paired as (
    select
        rates.*,
        rules.count_tolerance,
        rules.count_tolerance_share,
        rules.rate_tolerance_pp,
        bulletin.edition_no,
        bulletin.published_at,
        bulletin.received_count as official_received_count,
        bulletin.assessed_count as official_assessed_count,
        bulletin.callback_count as official_callback_count,
        bulletin.response_rate_pct,
        bulletin.resolution_rate_pct,
        bulletin.satisfaction_rate_pct,
        coalesce(bulletin.published_at > rates.previous_known_at, true) as is_answered
    from core.score_rates as rates
    inner join ref.score_rules as rules on rates.rule_id = rules.rule_id
    inner join city.hotline_bulletin as bulletin
        on
            rates.period = bulletin.period
            and rates.street_code = bulletin.street_code
            and rates.known_at >= bulletin.published_at
    qualify row_number() over (
        partition by rates.period, rates.street_code, rates.revision
        order by bulletin.edition_no desc
    ) = 1
),

counts as (
    select
        *,
        unnest(['received_count', 'assessed_count', 'callback_count']) as measure,
        unnest([received_count, assessed_count, callback_count]) as ours,
        unnest([official_received_count, official_assessed_count, official_callback_count]) as official
    from paired
),

-- Rates are compared in percent, as the bulletin writes them.
rates as (
    select
        *,
        unnest(['response_rate', 'resolution_rate', 'satisfaction_rate']) as measure,
        unnest([response_rate, resolution_rate, satisfaction_rate]) as our_share,
        unnest([response_rate_pct, resolution_rate_pct, satisfaction_rate_pct]) as official
    from paired
),

measured as (
    select
        street_code,
        period,
        revision,
        edition_no,
        published_at,
        is_answered,
        measure,
        cast(ours as decimal(12, 3)) as ours,
        cast(official as decimal(12, 3)) as official,
        cast(greatest(count_tolerance, count_tolerance_share * official) as decimal(12, 3)) as tolerance
    from counts
    union all
    select
        street_code,
        period,
        revision,
        edition_no,
        published_at,
        is_answered,
        measure,
        cast(100 * our_share as decimal(12, 3)) as ours,
        cast(official as decimal(12, 3)) as official,
        cast(rate_tolerance_pp as decimal(12, 3)) as tolerance
    from rates
)

select
    *,
    ours - official as difference,
    -- Where one of the two tells nothing there is nothing to compare.
    coalesce(abs(ours - official) <= tolerance, true) as is_within
from measured
