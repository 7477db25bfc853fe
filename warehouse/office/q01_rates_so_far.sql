-- q01_rates_so_far
-- The three rates of this street in its newest period and in every other that is not frozen yet, and beside them each order that can still change them: callers not yet reached, and orders without a valid callback. One row per such order, at least one row a period. Provisional; the bulletin's figures are the official ones.
-- 本街道最新考核周期及尚未冻结的上期的“三率”，以及仍可能影响“三率”的工单（尚未首次联系，或尚无有效回访）；一单一行，无此类工单的周期仍有一行。仅供参考，正式结果以通报为准。
with period as (
    select scorecard.*
    from governance.street_scorecard as scorecard
    inner join this_office on scorecard.street_code = this_office.street_code
    where scorecard.is_latest
    -- A period that is over counts until it is frozen: its callbacks are the last that still can be won.
    -- Partitioned, because DuckDB answers an unpartitioned first row with one empty row where there is none.
    qualify
        scorecard.frozen_at is null
        or row_number() over (partition by scorecard.street_code order by scorecard.period desc) = 1
)

select
    period.period,
    period.response_rate,
    period.resolution_rate,
    period.satisfaction_rate,
    period.composite_score,
    period.rank_in_scope,
    period.scope_size,
    period.received_count,
    period.assessed_count,
    period.callback_count,
    period.is_small_base,
    period.frozen_at is not null as is_frozen,  -- Whether the period is frozen; later changes then make a revision. 周期是否已冻结（冻结后变更计入修订）
    orders.work_order_id,
    orders.can_change,
    orders.reported_at at time zone 'Asia/Shanghai' as reported_local,  -- When the hotline took the call, Beijing time. 受理时间
    orders.contact_due_at at time zone 'Asia/Shanghai' as contact_due_local,  -- When the caller must have been reached, Beijing time. 首次联系时限
    orders.community_name,
    orders.category_l2,
    orders.order_status
from period
left join governance.scorecard_orders as orders
    on
        period.street_code = orders.street_code
        and period.period = orders.period
        and orders.is_counted
        and orders.can_change <> 'nothing'
order by period.period desc, orders.contact_due_at desc nulls last, orders.work_order_id asc
