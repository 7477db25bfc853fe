-- core.links
-- One row per pair of reports held to be one problem, with the first rule that says so.
-- Rules are rows of ref.link_rules: a named order; the same caller, class and community within some hours; the
-- same component while an earlier report of it is open. Only a named order links across streets.
-- Of many reports in a row, each is linked to the one before: the groups are the same, the pairs far fewer.
-- Of earlier reports of a component it is the one open longest, and of those that are still open the last.
with rules as (
    select *
    from ref.link_rules
    where is_current
),

named as (
    select
        report_no,
        unnest(parent_refs) as parent_ref
    from core.reports
),

explicit as (
    select
        named.report_no as one_no,
        orders.report_no as other_no
    from named
    inner join core.reports as orders
        on
            orders.source_feed = 'city_hotline_orders'
            and named.parent_ref = orders.source_id
            and named.report_no <> orders.report_no
),

callers as (
    select
        report_no as one_no,
        lag(report_no) over same_matter as other_no,
        reported_at - lag(reported_at) over same_matter as distance
    from core.reports
    where
        caller_ref <> 'withheld'
        and category_code is not null
        and community_name is not null
        and street_code is not null
    window same_matter as (
        partition by street_code, community_name, category_code, caller_ref
        order by report_no
    )
),

components as (
    select
        report_no as one_no,
        reported_at,
        arg_max(report_no, (coalesce(closed_at, 'infinity'), report_no)) over earlier as other_no,
        max(coalesce(closed_at, 'infinity')) over earlier as open_until
    from core.reports
    where component_id is not null and street_code is not null
    window earlier as (
        partition by street_code, component_id
        order by report_no
        rows between unbounded preceding and 1 preceding
    )
),

pairs as (
    select
        one_no,
        other_no,
        'explicit_ref' as link_method,
        null as distance
    from explicit
    union all
    select
        one_no,
        other_no,
        'caller_category_place' as link_method,
        distance
    from callers
    where other_no is not null
    union all
    select
        one_no,
        other_no,
        'component' as link_method,
        null as distance
    from components
    where open_until > reported_at
)

select
    least(pairs.one_no, pairs.other_no) as earlier_no,
    greatest(pairs.one_no, pairs.other_no) as later_no,
    pairs.link_method,
    rules.link_score,
    rules.rule_order,
    rules.rule_version
from pairs
inner join rules on pairs.link_method = rules.link_method
where pairs.distance is null or pairs.distance <= to_hours(cast(rules.window_hours as integer))
qualify row_number() over (
    partition by least(pairs.one_no, pairs.other_no), greatest(pairs.one_no, pairs.other_no)
    order by rules.rule_order
) = 1
