-- governance.need_vs_project
-- One row per street, assessment period and package of the plan: how much is asked for, and how much is being done.
-- need_index compares the street's cases per resident with those of the other streets and, with the weight of the
-- rule, how high its own residents put the package among all packages; a survey is too small to compare streets by.
-- effort_index compares projects under way or finished lately and the money in them, each per resident. Both are
-- ranks between 0 and 1, so that few and unlike streets stay comparable; gap_index is their difference. It orders
-- attention and does not prove that too little is done. Cases outside the plan's packages are not here.
-- A small number of volunteers is left empty.
-- supply_gap_z says how many standard deviations the services of the package lie below the mean of the streets.
with streets as (
    select
        scores.street_code,
        scores.period,
        scores.street_name,
        scores.period_starts_on,
        scores.period_ends_on,
        scores.population,
        rules.survey_weight,
        rules.done_months,
        rules.min_people
    from governance.street_scorecard as scores
    inner join ref.need_rules as rules
        on scores.period_ends_on >= rules.valid_from and scores.period_ends_on < rules.valid_to
    where scores.is_latest
),

grid as (
    select
        streets.*,
        packages.package_code,
        packages.package_name,
        packages.package_name_en,
        packages.package_order
    from streets
    cross join ref.packages as packages
),

asked as (
    select
        streets.street_code,
        streets.period,
        cases.package_code,
        count(*) as case_count
    from streets
    inner join governance.cases as cases
        on
            streets.street_code = cases.street_code
            and cast(cases.first_reported_at at time zone 'Asia/Shanghai' as date)
            between streets.period_starts_on and streets.period_ends_on
    group by all
),

newest_survey as (
    select
        streets.street_code,
        streets.period,
        shares.package_code,
        shares.survey_id,
        shares.survey_n,
        shares.withheld_count,
        shares.survey_share_low,
        shares.survey_share_high,
        shares.survey_margin
    from streets
    inner join core.survey_shares as shares
        on streets.street_code = shares.street_code and streets.period_ends_on >= shares.surveyed_on
    qualify dense_rank() over (
        partition by streets.street_code, streets.period
        order by shares.surveyed_on desc, shares.survey_id desc, shares.question_id asc
    ) = 1
),

-- Among the packages of one street, never among streets.
surveyed as (
    select
        *,
        percent_rank() over (
            partition by street_code, period
            order by survey_share_low + survey_share_high
        ) as survey_rank
    from newest_survey
),

met as (
    select
        streets.street_code,
        streets.period,
        meetings.package_code,
        count(*) as meeting_count
    from streets
    inner join core.meetings as meetings
        on
            streets.street_code = meetings.street_code
            and meetings.held_on between streets.period_starts_on and streets.period_ends_on
    group by all
),

volunteered as (
    select
        streets.street_code,
        streets.period,
        classes.package_code,
        cast(sum(activities.person_times) as bigint) as volunteer_person_times,
        sum(activities.service_hours) as volunteer_hours
    from streets
    inner join street.volunteer_activities as activities
        on
            streets.street_code = activities.street_code
            and activities.held_on between streets.period_starts_on and streets.period_ends_on
    inner join ref.categories as classes
        on
            activities.activity_kind = classes.source_category
            and classes.source_system = 'volunteer'
            and activities.held_on >= classes.valid_from
            and activities.held_on < classes.valid_to
    group by all
),

-- The newest snapshot of the period, or the last one before it.
snapshots as (
    select
        periods.period,
        projects.plan_code,
        projects.project_id,
        max(projects.snapshot_on) as snapshot_on
    from (
        select distinct
            period,
            period_ends_on
        from streets
    ) as periods
    inner join governance.project_progress as projects on periods.period_ends_on >= projects.snapshot_on
    group by all
),

done as (
    select
        streets.street_code,
        streets.period,
        projects.package_code,
        sum(places.share) as project_weight,
        sum(places.share * projects.invest_total_wan) as invest_wan
    from streets
    inner join snapshots on streets.period = snapshots.period
    inner join governance.project_progress as projects
        on
            snapshots.plan_code = projects.plan_code
            and snapshots.project_id = projects.project_id
            and snapshots.snapshot_on = projects.snapshot_on
    inner join governance.project_areas as places
        on
            projects.plan_code = places.plan_code
            and projects.project_id = places.project_id
            and projects.snapshot_on = places.snapshot_on
            and streets.street_code = places.street_code
    where
        projects.stage = 'building'
        or (
            projects.stage in ('finished', 'in_use')
            and projects.actual_finish > streets.period_ends_on - to_months(cast(streets.done_months as integer))
        )
    group by all
),

gaps as (
    select
        supply.street_code,
        kinds.package_code,
        avg(
            (means.mean_per_1000 - supply.per_1000) / nullif(means.deviation, 0)
        ) as supply_gap_z
    from governance.service_supply as supply
    inner join ref.service_kinds as kinds on supply.service_kind = kinds.service_kind
    inner join (
        select
            service_kind,
            avg(per_1000) as mean_per_1000,
            stddev_pop(per_1000) as deviation
        from governance.service_supply
        where is_latest
        group by all
    ) as means on supply.service_kind = means.service_kind
    where supply.is_latest
    group by all
),

measured as (
    select
        grid.*,
        coalesce(asked.case_count, 0) as case_count,
        10000 * coalesce(asked.case_count, 0) / nullif(grid.population, 0) as need_per_10k,
        surveyed.* exclude (street_code, period, package_code),
        coalesce(met.meeting_count, 0) as meeting_count,
        volunteered.street_code is not null
        and volunteered.volunteer_person_times < grid.min_people as is_small_group,
        coalesce(volunteered.volunteer_person_times, 0) as volunteer_person_times,
        coalesce(volunteered.volunteer_hours, 0) as volunteer_hours,
        grid.period in (select snapshots.period from snapshots) as is_effort_known,
        coalesce(done.project_weight, 0) as project_weight,
        coalesce(done.project_weight, 0) / nullif(grid.population, 0) as projects_per_resident,
        10000 * coalesce(done.invest_wan, 0) / nullif(grid.population, 0) as invest_yuan_per_resident,
        gaps.supply_gap_z
    from grid
    left join asked using (street_code, period, package_code)
    left join surveyed using (street_code, period, package_code)
    left join met using (street_code, period, package_code)
    left join volunteered using (street_code, period, package_code)
    left join done using (street_code, period, package_code)
    left join gaps using (street_code, package_code)
),

-- A street whose residents are not known is compared with nobody.
ranked as (
    select
        *,
        case
            when population is not null
                then percent_rank() over (among_streets order by need_per_10k)
        end as case_rank,
        case
            when population is not null and is_effort_known
                then (
                    percent_rank() over (among_streets order by projects_per_resident)
                    + percent_rank() over (among_streets order by invest_yuan_per_resident)
                ) / 2
        end as effort_index
    from measured
    window among_streets as (partition by period, package_code, population is null)
)

select
    street_code,
    period,
    package_code,
    street_name,
    package_name,
    package_name_en,
    period_starts_on,
    period_ends_on,
    population,
    case_count,
    cast(need_per_10k as decimal(10, 2)) as need_per_10k,
    survey_id,
    survey_n,
    survey_share_low,
    survey_share_high,
    survey_margin,
    coalesce(withheld_count, 0) as withheld_count,
    cast(survey_rank as decimal(7, 6)) as survey_rank,
    meeting_count,
    case when not is_small_group then volunteer_person_times end as volunteer_person_times,
    case when not is_small_group then volunteer_hours end as volunteer_hours,
    cast(project_weight as decimal(10, 6)) as project_weight,
    cast(invest_yuan_per_resident as decimal(12, 2)) as invest_yuan_per_resident,
    cast(
        (case_rank + survey_weight * coalesce(survey_rank, 0))
        / (1 + case when survey_rank is null then 0 else survey_weight end)
        as decimal(7, 6)
    ) as need_index,
    cast(effort_index as decimal(7, 6)) as effort_index,
    cast(
        cast(
            (case_rank + survey_weight * coalesce(survey_rank, 0))
            / (1 + case when survey_rank is null then 0 else survey_weight end)
            as decimal(7, 6)
        )
        - cast(effort_index as decimal(7, 6)) as decimal(7, 6)
    ) as gap_index,
    cast(supply_gap_z as decimal(8, 4)) as supply_gap_z
from ranked
