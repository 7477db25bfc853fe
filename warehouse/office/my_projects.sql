-- my_projects
-- Projects of the action plan on this street's land, as of the newest snapshot; those that slipped most first, withdrawn ones last.
-- 本街道范围内的行动计划项目（最新台账），滞后天数多的在前，已调出的在后。
select
    progress.plan_code,
    progress.project_id,
    progress.project_name,
    progress.package_name,
    progress.stage_name,
    progress.rag,
    progress.slip_days,
    progress.planned_finish,
    progress.actual_finish,
    progress.physical_progress_pct,
    progress.invest_total_wan,
    progress.invest_done_wan,
    progress.capacity_kind,
    progress.capacity_added,
    areas.share as street_share,
    areas.share_basis,
    progress.lead_org,
    progress.snapshot_on
from governance.project_areas as areas
inner join governance.project_progress as progress
    on
        areas.plan_code = progress.plan_code
        and areas.project_id = progress.project_id
        and areas.snapshot_on = progress.snapshot_on
where progress.is_latest
order by progress.stage = 'withdrawn' asc, progress.slip_days desc, progress.plan_code asc, progress.project_id asc
