-- q01_rates_so_far
-- The three rates of this street in its newest period, and beside them each order that can still change them: callers who can still be reached in time, and orders without a valid callback. One row per such order, at least one row. Provisional; the bulletin's figures are the official ones.
-- 本街道最新考核周期的“三率”，以及仍可能影响“三率”的工单（首次联系未超时，或尚无有效回访）；一单一行，无此类工单时仍有一行。仅供参考，正式结果以通报为准。
with period as (
    select scorecard.*
    from governance.street_scorecard as scorecard
    inner join this_office on scorecard.street_code = this_office.street_code
    where scorecard.is_latest
    -- Partitioned, because DuckDB answers an unpartitioned first row with one empty row where there is none.
    qualify row_number() over (partition by scorecard.street_code order by scorecard.period desc) = 1
),

orders as (
    select
        orders.work_order_id,
        cast(orders.reported_at at time zone 'Asia/Shanghai' as date) as day,
        orders.reported_at,
        members.due_at,
        orders.community_name,
        orders.order_status,
        members.case_id,
        orders.contacted_at is null and members.due_at > this_office.as_of as can_change_response,
        orders.resolved is null or orders.satisfied = 'not_rated' as can_change_resolution
    from city.hotline_orders as orders
    inner join governance.case_members as members
        on members.source_feed = 'city_hotline_orders' and orders.work_order_id = members.source_id
    cross join this_office
    where members.counts_in_scorecard
)

select
    period.period,
    period.response_rate,
    period.resolution_rate,
    period.satisfaction_rate,
    period.composite_score,
    period.rank_in_scope,
    period.scope_size,
    period.assessed_count,
    period.callback_count,
    period.is_small_base,
    period.frozen_at is not null as is_frozen,  -- Whether the period is frozen; later changes then make a revision. 周期是否已冻结（冻结后变更计入修订）
    orders.work_order_id,  -- Order that can still change the rates. 可能影响三率的工单编号
    orders.reported_at at time zone 'Asia/Shanghai' as reported_local,  -- When the caller reported it, Beijing time. 受理时间
    orders.due_at at time zone 'Asia/Shanghai' as contact_due_local,  -- When the caller must have been reached, Beijing time. 首次联系时限
    orders.community_name,  -- Community, as the source writes it. 社区
    orders.order_status,  -- Where the order stands. 工单状态
    orders.can_change_response,  -- Whether the caller can still be reached in time. 是否仍可影响响应率
    orders.can_change_resolution,  -- Whether a callback can still come. 是否仍可影响解决率和满意率
    orders.case_id  -- Case the order belongs to. 事项编号
from period
left join orders
    on
        (orders.can_change_response or orders.can_change_resolution)
        and orders.day between period.period_starts_on and period.period_ends_on
order by orders.can_change_response desc nulls last, orders.due_at asc nulls last, orders.work_order_id asc
