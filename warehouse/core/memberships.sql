-- core.memberships
-- One row per report that was ever linked and stretch of time, with the report whose case it was in (itself where
-- it stood alone). The history is replayed at every moment at which a link began or ended, for each group of reports
-- that ever hung together; what holds at a moment follows from what was known at that moment and from nothing that
-- was built before, so a rebuild from nothing gives the same rows as daily builds.
-- At each moment reports hang together by their links over any number of steps; the report known first lends the
-- group its number. A group that spans more days or ground than the rules allow falls back to its explicit links.
with recursive edges as materialized (
    select
        one_no,
        other_no
    from core.links
    union
    select
        other_no as one_no,
        one_no as other_no
    from core.links
),

hanging (report_no, group_no) using key (report_no) as (
    select
        one_no as report_no,
        least(one_no, min(other_no)) as group_no
    from edges
    group by one_no
    union
    select
        edges.other_no as report_no,
        min(hanging.group_no) as group_no
    from hanging
    inner join edges on hanging.report_no = edges.one_no
    inner join recurring.hanging as known on edges.other_no = known.report_no
    where hanging.group_no < known.group_no
    group by edges.other_no
),

dated_links as materialized (
    select
        hanging.group_no,
        links.*
    from core.links as links
    inner join hanging on links.one_no = hanging.report_no
),

moments as materialized (
    select
        group_no,
        known_from as moment
    from dated_links
    union
    select
        group_no,
        known_to as moment
    from dated_links
    where known_to < 'infinity'
),

live as materialized (
    select
        links.one_no,
        links.other_no,
        moments.moment,
        links.is_explicit
    from dated_links as links
    inner join moments
        on
            links.group_no = moments.group_no
            and links.known_from <= moments.moment
            and links.known_to > moments.moment
),

live_edges as materialized (
    select * from live
    union all
    select
        other_no as one_no,
        one_no as other_no,
        moment,
        is_explicit
    from live
),

grown (report_no, moment, first_no) using key (report_no, moment) as (
    select
        one_no as report_no,
        moment,
        least(one_no, min(other_no)) as first_no
    from live_edges
    group by one_no, moment
    union
    select
        live_edges.other_no as report_no,
        live_edges.moment,
        min(grown.first_no) as first_no
    from grown
    inner join live_edges on grown.report_no = live_edges.one_no and grown.moment = live_edges.moment
    inner join recurring.grown as known
        on live_edges.other_no = known.report_no and live_edges.moment = known.moment
    where grown.first_no < known.first_no
    group by all
),

extents as (
    select
        grown.first_no,
        grown.moment,
        max(states.reported_at) as last_at,
        max(states.reported_at) - min(states.reported_at) as span,
        111195 * sqrt(
            pow(max(states.lat) - min(states.lat), 2)
            + pow((max(states.lon) - min(states.lon)) * cos(radians(avg(states.lat))), 2)
        ) as extent_m
    from grown
    inner join core.report_states as states
        on
            grown.report_no = states.report_no
            and grown.moment >= states.known_from
            and grown.moment < states.known_to
    group by all
),

limits as (
    select distinct
        valid_from,
        valid_to,
        max_span_days,
        max_extent_m
    from ref.link_rules
),

stretched as (
    select
        extents.first_no,
        extents.moment
    from extents
    inner join limits
        on
            extents.last_at at time zone 'Asia/Shanghai' >= limits.valid_from
            and extents.last_at at time zone 'Asia/Shanghai' < limits.valid_to
    where
        extents.span > to_days(cast(limits.max_span_days as integer))
        or extents.extent_m > limits.max_extent_m
),

split_members as materialized (
    select
        grown.report_no,
        grown.moment
    from grown
    inner join stretched on grown.first_no = stretched.first_no and grown.moment = stretched.moment
),

split_edges as materialized (
    select
        live_edges.one_no,
        live_edges.other_no,
        live_edges.moment
    from live_edges
    inner join split_members
        on live_edges.one_no = split_members.report_no and live_edges.moment = split_members.moment
    where live_edges.is_explicit
),

split (report_no, moment, first_no) using key (report_no, moment) as (
    select
        one_no as report_no,
        moment,
        least(one_no, min(other_no)) as first_no
    from split_edges
    group by one_no, moment
    union
    select
        split_edges.other_no as report_no,
        split_edges.moment,
        min(split.first_no) as first_no
    from split
    inner join split_edges on split.report_no = split_edges.one_no and split.moment = split_edges.moment
    inner join recurring.split as known
        on split_edges.other_no = known.report_no and split_edges.moment = known.moment
    where split.first_no < known.first_no
    group by all
),

states as (
    select
        hanging.report_no,
        moments.moment,
        case
            when split_members.report_no is not null then coalesce(split.first_no, hanging.report_no)
            else coalesce(grown.first_no, hanging.report_no)
        end as first_no
    from hanging
    inner join core.reports as reports on hanging.report_no = reports.report_no
    inner join moments on hanging.group_no = moments.group_no and reports.known_at <= moments.moment
    left join grown on hanging.report_no = grown.report_no and moments.moment = grown.moment
    left join split_members
        on hanging.report_no = split_members.report_no and moments.moment = split_members.moment
    left join split on hanging.report_no = split.report_no and moments.moment = split.moment
),

changes as (
    select
        *,
        lag(first_no) over (partition by report_no order by moment) as first_no_before
    from states
)

select
    report_no,
    first_no,
    moment as known_from,
    lead(moment, 1, 'infinity') over (partition by report_no order by moment) as known_to
from changes
where coalesce(first_no <> first_no_before, true)
