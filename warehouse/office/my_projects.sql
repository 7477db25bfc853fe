-- my_projects
-- Projects of the action plan on this street's land, as of the newest snapshot; those that slipped most first, withdrawn ones last.
-- 本街道范围内的行动计划项目（最新台账），滞后天数多的在前，已调出的在后。
select
    progress.plan_code,  -- Round of the action plan. 计划批次
    progress.project_id,  -- Number of the project. 项目编号
    progress.project_name,  -- Name of the project. 项目名称
    progress.package_name,  -- Package of the plan. 任务包
    progress.stage_name,  -- Where it stands. 项目阶段
    progress.rag,  -- Colour by ref.progress_rules. 预警颜色
    progress.slip_days,  -- Days behind the planned finish. 滞后天数
    progress.planned_finish,  -- Planned finish. 计划完工
    progress.actual_finish,  -- Real finish. 实际完工
    progress.physical_progress_pct,  -- Progress in per cent. 形象进度（%）
    progress.invest_total_wan,  -- Investment in all, ten thousand yuan. 总投资（万元）
    progress.invest_done_wan,  -- Investment done, ten thousand yuan. 累计完成投资（万元）
    progress.capacity_kind,  -- What it adds. 新增能力类型
    progress.capacity_added,  -- How much it adds. 新增能力
    areas.share as street_share,  -- This street's share. 本街道份额
    areas.share_basis,  -- What the share follows. 份额依据
    progress.lead_org,  -- Who leads it. 牵头单位
    progress.snapshot_on  -- Day of the snapshot. 台账日期
from governance.project_areas as areas
inner join governance.project_progress as progress
    on
        areas.plan_code = progress.plan_code
        and areas.project_id = progress.project_id
        and areas.snapshot_on = progress.snapshot_on
where progress.is_latest
order by progress.stage = 'withdrawn' asc, progress.slip_days desc, progress.plan_code asc, progress.project_id asc
