-- governance.cases
-- One row per problem, whoever reported it and however often: a group of linked hotline orders, grid cases and
-- steward requests. The record that became known first lends the case its id, so members that become known later,
-- also those reported earlier, never change it; of two cases that merge the older id stays.
-- A problem is open while any hotline order a street leads is open; without such an order, while any member is.
-- Records their sources no longer have keep nothing open; a case of nothing else is withdrawn.
-- The place is that of the member whose place is surest; on a tie hotline before grid before street.
-- The hotline orders inside are counted here once and in the three rates each on its own.
with members as (
    select
        clusters.first_no,
        clusters.case_id,
        reports.*
    from core.clusters as clusters
    inner join core.reports as reports on clusters.report_no = reports.report_no
),

places as (
    select
        first_no,
        street_code,
        area_method,
        area_confidence
    from members
    qualify row_number() over (
        partition by first_no
        order by area_confidence desc nulls last, source_level, report_no
    ) = 1
),

problems as (
    select
        members.first_no,
        members.case_id,
        places.street_code,
        places.area_method,
        places.area_confidence,
        any_value(
            case when members.street_code = places.street_code then members.community_name end
            order by members.source_level, members.report_no
        ) as community_name,
        any_value(members.category_code order by members.source_level, members.report_no) as category_code,
        arg_min(members.source_level, (members.reported_at, members.report_no)) as first_level,
        min(members.reported_at) as first_reported_at,
        max(greatest(members.last_activity_at, members.reported_at)) as last_activity_at,
        max(members.closed_at) as closed_at,
        min(members.due_at) filter (where members.is_open) as due_at,
        coalesce(
            bool_or(members.is_open) filter (
                where members.source_level = 'city' and members.is_lead and not members.is_gone
            ),
            bool_or(members.is_open)
        ) as is_open,
        list_sort(list_distinct(list(members.source_level))) as levels_seen,
        count(*) as member_count,
        count(*) filter (where members.is_gone) as withdrawn_member_count,
        count(*) filter (where members.source_level = 'city') as hotline_member_count,
        max(members.landed_at) as updated_at
    from members
    inner join places on members.first_no = places.first_no
    group by all
),

class_names as (
    select distinct
        category_code,
        category_name,
        package_code
    from ref.categories
)

select
    problems.case_id,
    case
        when problems.withdrawn_member_count = problems.member_count then 'withdrawn'
        when problems.is_open then 'open'
        else 'closed'
    end as case_status,
    problems.category_code,
    class_names.category_name,
    class_names.package_code,
    problems.street_code,
    areas.area_name as street_name,
    problems.community_name,
    problems.area_method,
    problems.area_confidence,
    problems.first_reported_at,
    problems.last_activity_at,
    case when not problems.is_open then problems.closed_at end as closed_at,
    case when problems.is_open then problems.due_at end as due_at,
    problems.first_level,
    problems.levels_seen,
    len(problems.levels_seen) as level_count,
    problems.member_count,
    problems.hotline_member_count,
    problems.withdrawn_member_count,
    problems.updated_at
from problems
left join class_names on problems.category_code = class_names.category_code
left join ref.areas as areas
    on
        problems.street_code = areas.area_code
        and problems.first_reported_at at time zone 'Asia/Shanghai' >= areas.valid_from
        and problems.first_reported_at at time zone 'Asia/Shanghai' < areas.valid_to
