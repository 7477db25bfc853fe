-- check: on any day one version of the rules is in force
select
    one.rule_version,
    other.valid_from
from model as one
inner join model as other
    on
        one.rule_version < other.rule_version
        and one.valid_from < other.valid_to
        and other.valid_from < one.valid_to;

-- check: the rules of a version hold on the same days and share their limits
select rule_version
from model
group by all
having count(distinct (valid_from, valid_to, auto_score, review_score, max_span_days, max_extent_m)) > 1;

-- check: a version begins before it ends
select *
from model
where valid_from >= valid_to;

-- check: the least score is not above the most, nor the line for review above that for linking
select *
from model
where least_score > most_score or review_score > auto_score;

-- check: the parts of a score add up to one
select *
from model
where distance_weight is not null and round(distance_weight + time_weight + text_weight, 6) <> 1;

-- check: every rule has the numbers it works with
select *
from model
where
    (link_method in ('caller_category_place', 'geo_category', 'text_place') and window_hours is null)
    or (
        link_method = 'geo_category'
        and (max_distance_m is null or distance_weight is null or time_weight is null or text_weight is null)
    )
    or (link_method = 'text_place' and (min_similarity is null or min_similarity >= 1))
    or (link_method in ('caller_category_place', 'component', 'text_place') and max_neighbours is null);
