-- q08_projects_slipped
-- Projects of the action plan on this street's land that are late as of the newest snapshot, the latest first. A project that serves several streets is listed with this street's share.
-- 本街道范围内已滞后的行动计划项目（最新台账），滞后天数多的在前；跨街道项目列出本街道份额。
select
    progress.plan_code,  -- Round of the action plan. 计划批次
    progress.project_id,  -- Number of the project. 项目编号
    progress.project_name,  -- Name of the project. 项目名称
    progress.package_name,  -- Package of the plan. 任务包
    progress.stage_name,  -- Where it stands. 项目阶段
    progress.slip_days,  -- Days behind the planned finish. 滞后天数
    progress.rag,  -- Colour by ref.progress_rules: green, amber or red. 预警颜色
    progress.planned_finish,  -- Planned finish. 计划完工
    progress.actual_finish,  -- Real finish; empty while it is built. 实际完工
    progress.physical_progress_pct,  -- Progress in per cent. 形象进度（%）
    progress.invest_done_share,  -- Share of the investment that is done. 投资完成比例
    areas.share as street_share,  -- This street's share of the project. 本街道份额
    areas.share_basis,  -- What the share follows. 份额依据
    progress.lead_org,  -- Who leads it. 牵头单位
    progress.snapshot_on  -- Day of the snapshot. 台账日期
from governance.project_areas as areas
inner join governance.project_progress as progress
    on
        areas.plan_code = progress.plan_code
        and areas.project_id = progress.project_id
        and areas.snapshot_on = progress.snapshot_on
inner join this_office on areas.street_code = this_office.street_code
where progress.is_latest and progress.slip_days > 0 and progress.stage <> 'withdrawn'
order by progress.slip_days desc, progress.plan_code asc, progress.project_id asc
