-- check: the four weights add up to a hundred
select *
from model
where w_completeness + w_content + w_timeliness + w_stability <> 100;

-- check: a business day has one rule
select
    one.rule_id,
    other.rule_id as other_rule_id
from model as one
inner join model as other
    on
        one.rule_id <> other.rule_id
        and one.valid_from <= other.valid_from
        and other.valid_from < one.valid_to;
