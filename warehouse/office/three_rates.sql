-- three_rates
-- The three rates of every street in scope, newest period first. Provisional; the bulletin's rank is the official one.
-- 各街镇“三率”及综合得分，最新周期在前。仅供参考，正式排名以通报为准。
select
    period,
    street_code,
    street_name,
    response_rate,
    resolution_rate,
    satisfaction_rate,
    composite_score,
    rank_in_scope,
    scope_size,
    rank_change,
    assessed_count,
    callback_count,
    demands_per_10k,
    is_small_base,
    rule_id,
    is_example_rule
from governance.street_scorecard
where is_latest
order by period desc, rank_in_scope asc nulls last, street_code asc
