-- governance.project_progress
-- One row per plan, project and snapshot, with how late it is and whether that needs attention.
-- A finished project is late by its real finish, any other by the day of the snapshot.
-- plan_to_date_wan is what would be spent by then if money flowed evenly from planned start to planned finish:
-- an estimate, because the registry plans no money by date. A withdrawn project has no colour.
-- is_step_back says that stage or money fell behind the snapshot before; the plan office should explain it.
with snapshots as (
    select
        projects.*,
        stages.stage_name,
        stages.stage_name_en,
        stages.stage_order,
        cast(
            greatest(0, coalesce(projects.actual_finish, projects.snapshot_on) - projects.planned_finish)
            as bigint
        ) as slip_days,
        cast(
            projects.invest_total_wan
            * least(
                1.0,
                greatest(0.0, (projects.snapshot_on - projects.planned_start))
                / nullif(projects.planned_finish - projects.planned_start, 0)
            )
            as decimal(14, 2)
        ) as plan_to_date_wan
    from city.projects as projects
    left join ref.project_stages as stages on projects.stage = stages.stage
),

compared as (
    select
        snapshots.*,
        cast(snapshots.invest_done_wan / nullif(snapshots.invest_total_wan, 0) as decimal(9, 6)) as invest_done_share,
        snapshots.invest_done_wan / nullif(snapshots.plan_to_date_wan, 0) as invest_ratio,
        coalesce(
            snapshots.stage_order < lag(snapshots.stage_order) over history
            or snapshots.invest_done_wan < lag(snapshots.invest_done_wan) over history,
            false
        ) as is_step_back,
        row_number() over (
            partition by snapshots.plan_code, snapshots.project_id
            order by snapshots.snapshot_on desc
        ) = 1 as is_latest
    from snapshots
    window history as (
        partition by snapshots.plan_code, snapshots.project_id
        order by snapshots.snapshot_on
    )
)

select
    compared.plan_code,
    compared.project_id,
    compared.snapshot_on,
    compared.project_name,
    compared.package_code,
    packages.package_name,
    packages.package_name_en,
    compared.stage,
    compared.stage_name,
    compared.stage_name_en,
    compared.lead_org,
    compared.street_names,
    compared.planned_start,
    compared.planned_finish,
    compared.actual_start,
    compared.actual_finish,
    compared.physical_progress_pct,
    compared.invest_total_wan,
    compared.invest_done_wan,
    compared.invest_done_share,
    compared.plan_to_date_wan,
    compared.capacity_kind,
    compared.capacity_added,
    compared.is_carry_over,
    compared.slip_days,
    case
        when compared.stage = 'withdrawn' then null
        when compared.slip_days > rules.red_slip_days or compared.invest_ratio < rules.red_invest_ratio then 'red'
        when
            compared.slip_days > rules.amber_slip_days or compared.invest_ratio < rules.amber_invest_ratio
            then 'amber'
        else 'green'
    end as rag,
    compared.is_step_back,
    compared.is_latest
from compared
left join ref.packages as packages on compared.package_code = packages.package_code
left join ref.progress_rules as rules
    on compared.snapshot_on >= rules.valid_from and compared.snapshot_on < rules.valid_to
