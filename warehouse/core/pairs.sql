-- core.pairs
-- One row per two reports, and stretch of time in which both stayed as they were, of which a rule of ref.link_rules
-- says that they may be one problem: the rule, its score, and what was measured. Pairs below the line for review are
-- left out; of several rules that find a pair, those that link it come first, then the rule's order. A pair a person
-- decided about has rows of its own, `reviewed`. A district's dispatch is a bridge: it ties the hotline order it passes
-- on to the grid case it names, and its own number stands for that order, from the moment we know it.
-- Each rule looks only among reports that share its key: a number that is named, a caller's token, a component, a
-- street and class and square of the ground, a community and class. Times fall into boxes of the rule's window,
-- so that partners are in the same box or the one before. Only a named number reaches across streets.
with limits as (
    select
        max(window_hours) filter (where link_method = 'caller_category_place') as caller_hours,
        max(max_neighbours) filter (where link_method = 'caller_category_place') as caller_neighbours,
        max(max_neighbours) filter (where link_method = 'component') as component_neighbours,
        max(window_hours) filter (where link_method = 'geo_category') as geo_hours,
        max(max_distance_m) filter (where link_method = 'geo_category') as geo_m,
        max(window_hours) filter (where link_method = 'text_place') as text_hours,
        max(max_neighbours) filter (where link_method = 'text_place') as text_neighbours,
        min(min_similarity) as text_similarity,
        min(review_score) as review_score
    from ref.link_rules
),

named as (
    select
        state_no,
        unnest(parent_refs) as named_no
    from core.report_states
    where parent_refs <> []
),

explicit as (
    select
        named.state_no as one_no,
        orders.state_no as other_no,
        cast(null as timestamptz) as tied_from
    from named
    inner join core.report_states as orders
        on named.named_no = orders.source_id and orders.source_feed = 'city_hotline_orders'
    union all
    select
        named.state_no as one_no,
        orders.state_no as other_no,
        dispatch._first_landed_at as tied_from
    from named
    inner join district.dispatch as dispatch on named.named_no = dispatch.district_order_no
    inner join core.report_states as orders
        on dispatch.city_work_order_id = orders.source_id and orders.source_feed = 'city_hotline_orders'
    union all
    select
        cases.state_no as one_no,
        orders.state_no as other_no,
        dispatch._first_landed_at as tied_from
    from district.dispatch as dispatch
    inner join core.report_states as cases
        on dispatch.grid_case_no = cases.source_id and cases.source_feed = 'district_grid_cases'
    inner join core.report_states as orders
        on dispatch.city_work_order_id = orders.source_id and orders.source_feed = 'city_hotline_orders'
),

tokens as (
    select
        state_no,
        reported_at,
        street_code,
        community_name,
        category_code,
        unnest(caller_refs) as caller_ref
    from core.report_states
    where caller_refs <> [] and street_code is not null and community_name is not null and category_code is not null
),

calls as materialized (
    select
        *,
        row_number() over same_matter as place
    from tokens
    window
        same_matter as (
            partition by street_code, community_name, category_code, caller_ref
            order by reported_at, state_no
        )
    qualify count(*) over (partition by street_code, community_name, category_code, caller_ref) > 1
),

callers as (
    select
        earlier.state_no as one_no,
        later.state_no as other_no
    from calls as earlier
    inner join calls as later
        on
            earlier.caller_ref = later.caller_ref
            and earlier.street_code = later.street_code
            and earlier.community_name = later.community_name
            and earlier.category_code = later.category_code
            and earlier.place < later.place
    cross join limits
    where
        later.place - earlier.place <= limits.caller_neighbours
        and later.reported_at - earlier.reported_at <= to_hours(cast(limits.caller_hours as integer))
),

parts as materialized (
    select
        state_no,
        reported_at,
        coalesce(closed_at, 'infinity') as open_until,
        street_code,
        component_id,
        row_number() over (partition by street_code, component_id order by reported_at, state_no) as place
    from core.report_states
    where component_id is not null and street_code is not null
    qualify count(*) over (partition by street_code, component_id) > 1
),

components as (
    select
        earlier.state_no as one_no,
        later.state_no as other_no
    from parts as earlier
    inner join parts as later
        on
            earlier.component_id = later.component_id
            and earlier.street_code = later.street_code
            and earlier.place < later.place
    cross join limits
    where
        later.place - earlier.place <= limits.component_neighbours
        and later.reported_at < earlier.open_until
),

squares as (
    select
        limits.*,
        limits.geo_m / 111195 as step_lat,
        limits.geo_m / 111195 / cos(radians(least((select max(abs(states.lat)) from core.report_states as states), 89)))
            as step_lon
    from limits
),

spots as materialized (
    select
        states.state_no,
        states.reported_at,
        states.street_code,
        states.category_code,
        states.lon,
        states.lat,
        cast(floor(states.lon / squares.step_lon) as integer) as square_x,
        cast(floor(states.lat / squares.step_lat) as integer) as square_y,
        cast(floor(epoch(states.reported_at) / 3600 / squares.geo_hours) as integer) as box
    from core.report_states as states
    cross join squares
    where
        states.lon is not null
        and states.lat is not null
        and states.street_code is not null
        and states.category_code is not null
),

around as (
    select
        spots.*,
        spots.square_x + east.step as look_x,
        spots.square_y + north.step as look_y,
        spots.box + before.step as look_box
    from spots
    cross join (select unnest([-1, 0, 1]) as step) as east
    cross join (select unnest([-1, 0, 1]) as step) as north
    cross join (select unnest([-1, 0]) as step) as before
),

near as (
    select
        earlier.state_no as one_no,
        later.state_no as other_no
    from around as later
    inner join spots as earlier
        on
            later.look_x = earlier.square_x
            and later.look_y = earlier.square_y
            and later.look_box = earlier.box
            and later.category_code = earlier.category_code
            and later.street_code = earlier.street_code
            and (earlier.reported_at, earlier.state_no) < (later.reported_at, later.state_no)
    cross join limits
    where
        later.reported_at - earlier.reported_at <= to_hours(cast(limits.geo_hours as integer))
        and 111195 * sqrt(
            pow(later.lat - earlier.lat, 2)
            + pow((later.lon - earlier.lon) * cos(radians((later.lat + earlier.lat) / 2)), 2)
        ) <= limits.geo_m
),

said as materialized (
    select
        states.state_no,
        states.reported_at,
        states.street_code,
        states.community_name,
        states.category_code,
        grams.gram_count,
        grams.low_mark,
        grams.high_mark,
        cast(floor(epoch(states.reported_at) / 3600 / limits.text_hours) as integer) as box,
        row_number() over (
            partition by states.street_code, states.community_name, states.category_code
            order by states.reported_at, states.state_no
        ) as place
    from core.report_states as states
    inner join core.report_grams as grams on states.state_no = grams.state_no
    cross join limits
    where
        states.street_code is not null
        and states.community_name is not null
        and states.category_code is not null
),

looking as (
    select
        said.*,
        said.box + before.step as look_box
    from said
    cross join (select unnest([-1, 0]) as step) as before
),

alike as (
    select
        earlier.state_no as one_no,
        later.state_no as other_no
    from looking as later
    inner join said as earlier
        on
            later.look_box = earlier.box
            and later.community_name = earlier.community_name
            and later.category_code = earlier.category_code
            and later.street_code = earlier.street_code
            and earlier.place < later.place
    cross join limits
    where
        later.place - earlier.place <= limits.text_neighbours
        and later.reported_at - earlier.reported_at <= to_hours(cast(limits.text_hours as integer))
        -- Pieces only one of them has are at least the bits that differ: more of those, and they cannot be alike.
        and later.gram_count + earlier.gram_count
        - bit_count(xor(later.low_mark, earlier.low_mark)) - bit_count(xor(later.high_mark, earlier.high_mark))
        >= limits.text_similarity * (
            later.gram_count + earlier.gram_count
            + bit_count(xor(later.low_mark, earlier.low_mark)) + bit_count(xor(later.high_mark, earlier.high_mark))
        )
),

decided as (
    select
        one.state_no as one_no,
        other.state_no as other_no
    from ops.link_decisions as decisions
    inner join core.report_states as one on decisions.one_feed = one.source_feed and decisions.one_id = one.source_id
    inner join core.report_states as other
        on decisions.other_feed = other.source_feed and decisions.other_id = other.source_id
    where one.street_code = other.street_code
),

candidates as (
    select
        *,
        'explicit_ref' as link_method
    from explicit
    union all by name
    select
        *,
        'caller_category_place' as link_method
    from callers
    union all by name
    select
        *,
        'component' as link_method
    from components
    union all by name
    select
        *,
        'geo_category' as link_method
    from near
    union all by name
    select
        *,
        'text_place' as link_method
    from alike
    union all by name
    select
        *,
        'reviewed' as link_method
    from decided
),

found as (
    select
        least(one_no, other_no) as one_state_no,
        greatest(one_no, other_no) as other_state_no,
        link_method,
        min(coalesce(tied_from, '-infinity')) as tied_from
    from candidates
    group by all
),

compared as (
    select
        found.link_method,
        one.report_no as one_no,
        other.report_no as other_no,
        greatest(one.known_from, other.known_from, found.tied_from) as known_from,
        least(one.known_to, other.known_to) as known_to,
        greatest(one.reported_at, other.reported_at) at time zone 'Asia/Shanghai' as judged_at,
        111195 * sqrt(
            pow(one.lat - other.lat, 2)
            + pow((one.lon - other.lon) * cos(radians((one.lat + other.lat) / 2)), 2)
        ) as distance_m,
        abs(epoch(one.reported_at) - epoch(other.reported_at)) / 3600 as hours_apart,
        one_grams.gram_count + other_grams.gram_count as gram_count,
        len(list_intersect(one_grams.grams, other_grams.grams)) as shared_count
    from found
    inner join core.report_states as one on found.one_state_no = one.state_no
    inner join core.report_states as other on found.other_state_no = other.state_no
    left join core.report_grams as one_grams on found.one_state_no = one_grams.state_no
    left join core.report_grams as other_grams on found.other_state_no = other_grams.state_no
    where
        one.report_no <> other.report_no
        and one.known_from < other.known_to
        and other.known_from < one.known_to
        and found.tied_from < least(one.known_to, other.known_to)
),

scored as (
    select
        compared.one_no,
        compared.other_no,
        compared.known_from,
        compared.known_to,
        compared.link_method,
        round(compared.distance_m, 1) as distance_m,
        round(compared.hours_apart, 2) as hours_apart,
        round(compared.shared_count / (compared.gram_count - compared.shared_count), 3) as similarity,
        rules.rule_version,
        rules.rule_order,
        rules.least_score,
        rules.auto_score,
        rules.review_score,
        round(
            case
                when rules.distance_weight is not null
                    then
                        least(
                            rules.most_score,
                            rules.distance_weight * (1 - compared.distance_m / rules.max_distance_m)
                            + rules.time_weight * (1 - compared.hours_apart / rules.window_hours)
                            + rules.text_weight * coalesce(similarity, 0)
                        )
                when rules.min_similarity is not null
                    then
                        rules.least_score
                        + (rules.most_score - rules.least_score)
                        * (similarity - rules.min_similarity) / (1 - rules.min_similarity)
                else rules.most_score
            end, 3
        ) as link_score
    from compared
    inner join ref.link_rules as rules
        on
            compared.link_method = rules.link_method
            and compared.judged_at >= rules.valid_from
            and compared.judged_at < rules.valid_to
    where
        (rules.window_hours is null or compared.hours_apart <= rules.window_hours)
        and (rules.max_distance_m is null or compared.distance_m <= rules.max_distance_m)
        and (rules.min_similarity is null or similarity >= rules.min_similarity)
)

select
    one_no,
    other_no,
    known_from,
    known_to,
    link_method,
    link_score,
    link_score >= auto_score as is_sure,
    rule_order,
    rule_version,
    distance_m,
    hours_apart,
    similarity
from scored
where link_score >= greatest(least_score, review_score)
qualify row_number() over (
    partition by one_no, other_no, known_from, link_method = 'reviewed'
    order by link_score >= auto_score desc, rule_order
) = 1
