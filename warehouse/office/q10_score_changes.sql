-- q10_score_changes
-- What changed in this street's score after a period was frozen: one row per revision, beside the figures before it, newest first. Exclusions, appeals that succeeded, late callbacks and late orders are counted apart.
-- 考核周期冻结后本街道得分的变化：每次修订一行，并列修订前后数值，最新的在前；剔除、申诉恢复、补回访、补录工单分别计数。
select
    after.period,
    after.revision,
    after.known_at at time zone 'Asia/Shanghai' as known_local,  -- Up to when the revision knows what was landed, Beijing time. 修订依据的数据截止时间
    before.composite_score as composite_score_before,  -- Score before the revision. 修订前得分
    after.composite_score,
    after.composite_score - before.composite_score as composite_change,  -- Change of the score. 得分变化
    before.rank_in_scope as rank_before,  -- Rank before the revision. 修订前排名
    after.rank_in_scope,
    before.response_rate as response_rate_before,  -- Response rate before. 修订前响应率
    after.response_rate,
    before.resolution_rate as resolution_rate_before,  -- Resolution rate before. 修订前解决率
    after.resolution_rate,
    before.satisfaction_rate as satisfaction_rate_before,  -- Satisfaction rate before. 修订前满意率
    after.satisfaction_rate,
    after.newly_excluded_count,
    after.reinstated_count,
    after.late_callback_count,
    after.arrived_count,
    after.departed_count,
    after.is_latest
from governance.street_scorecard as after
inner join this_office on after.street_code = this_office.street_code
inner join governance.street_scorecard as before
    on
        after.street_code = before.street_code
        and after.period = before.period
        and after.revision = before.revision + 1
order by after.period desc, after.revision desc
